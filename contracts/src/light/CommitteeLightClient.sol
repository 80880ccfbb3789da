// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttesterSet, CommitteeConfiguration} from "../interfaces/ICommitteeLightClient.sol";
import {Quorum} from "../proof/Quorum.sol";
import {CommitteeCore} from "./committee/CommitteeCore.sol";

/// @title Follows a chain by the ECDSA signatures of a committee
contract CommitteeLightClient is CommitteeCore {
    constructor(CommitteeConfiguration memory configuration) CommitteeCore(configuration) {}

    function _memberBytes() internal pure override returns (uint256) {
        return Quorum.ADDRESS_BYTES;
    }

    function _requireMembers(AttesterSet memory set) internal pure override {
        if (set.possessions.length != 0) {
            revert WrongPossessionCount(set.possessions.length, 0);
        }
        Quorum.requireValidPackedSet(set.members);
    }

    function _requireSigned(
        bytes32 digest,
        bytes memory members,
        uint256 threshold,
        bytes[] calldata signatures
    ) internal pure override {
        Quorum.requirePackedQuorum(digest, members, threshold, signatures);
    }
}
