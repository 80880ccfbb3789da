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

    /// @notice Bytes of one address in a packed set.
    uint256 internal constant ADDRESS_BYTES = 20;

    /// @notice Refuse addresses side by side that are unsorted, repeated or zero.
    function requireValidPackedSet(bytes memory members) internal pure {
        uint256 count = members.length / ADDRESS_BYTES;
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address member = _packedMember(members, i);
            if (member <= previous) revert MembersNotIncreasing(i);
            previous = member;
        }
    }

    /// @notice `requireQuorum` of addresses that lie side by side, and of signatures in calldata.
    /// @param members Strictly increasing, as `requireValidPackedSet` demands.
    function requirePackedQuorum(
        bytes32 digest,
        bytes memory members,
        uint256 threshold,
        bytes[] calldata signatures
    ) internal pure {
        if (signatures.length < threshold) {
            revert QuorumNotReached(signatures.length, threshold);
        }
        uint256 count = members.length / ADDRESS_BYTES;
        uint256 next = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recoverCalldata(digest, signatures[i]);
            address member = address(0);
            while (next < count && member < signer) member = _packedMember(members, next++);
            if (member != signer) revert SignerNotInOrder(i, signer);
        }
    }

    function _packedMember(bytes memory members, uint256 index)
        private
        pure
        returns (address member)
    {
        assembly ("memory-safe") {
            member := shr(96, mload(add(add(members, 0x20), mul(index, 20))))
        }
    }
}
