// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttesterSet, CommitteeConfiguration} from "../../interfaces/ICommitteeLightClient.sol";
import {BlsQuorum} from "../../proof/BlsQuorum.sol";
import {Bls12381} from "../ethereum/Bls12381.sol";
import {CommitteeCore} from "./CommitteeCore.sol";

/// @title Follows a chain by one BLS signature of a committee
/// @notice Needs EIP-2537. Dearer than ECDSA below some fifty signers, and the same for any number.
contract BlsCommitteeLightClient is CommitteeCore {
    constructor(CommitteeConfiguration memory configuration) CommitteeCore(configuration) {}

    function _memberBytes() internal pure override returns (uint256) {
        return Bls12381.G1_BYTES;
    }

    function _requireMembers(AttesterSet memory set) internal view override {
        uint256 count = set.members.length / Bls12381.G1_BYTES;
        if (set.possessions.length != count) {
            revert WrongPossessionCount(set.possessions.length, count);
        }
        BlsQuorum.requireValidSet(set.members, set.possessions);
    }

    function _requireSigned(
        bytes32 digest,
        bytes memory members,
        uint256 threshold,
        bytes[] calldata signatures
    ) internal view override {
        BlsQuorum.requireQuorum(digest, members, threshold, signatures);
    }
}
