// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title m-of-n signatures over one digest
/// @notice Members and signers both increase strictly, so one pass over each decides membership and
/// nobody can be counted twice. Signatures are 65 bytes, low-s, v in {27, 28} (EIP-2).
library Quorum {
    /// @notice Thrown when a set of members is unsorted, has a duplicate or the zero address.
    error MembersNotIncreasing(uint256 index);
    /// @notice Thrown when a threshold is zero or greater than the number of members.
    error ThresholdOutOfRange(uint256 threshold, uint256 members);
    /// @notice Thrown when fewer signatures are given than the quorum asks for.
    error QuorumNotReached(uint256 signatures, uint256 threshold);
    /// @notice Thrown when signers are out of order or repeated, or one is not a member.
    error SignerNotInOrder(uint256 index, address signer);

    /// @notice Refuse a set that could never give, or could double, a vote.
    function requireValidSet(address[] memory members, uint256 threshold) internal pure {
        if (threshold == 0 || threshold > members.length) {
            revert ThresholdOutOfRange(threshold, members.length);
        }
        address previous = address(0);
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] <= previous) revert MembersNotIncreasing(i);
            previous = members[i];
        }
    }

    /// @notice Require signatures of at least `threshold` members, ordered by signer.
    /// @param members Strictly increasing, as `requireValidSet` demands where the set is stored.
    function requireQuorum(
        bytes32 digest,
        address[] memory members,
        uint256 threshold,
        bytes[] memory signatures
    ) internal pure {
        if (signatures.length < threshold) {
            revert QuorumNotReached(signatures.length, threshold);
        }
        uint256 member = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            while (member < members.length && members[member] < signer) ++member;
            if (member == members.length || members[member] != signer) {
                revert SignerNotInOrder(i, signer);
            }
            ++member;
        }
    }
}
