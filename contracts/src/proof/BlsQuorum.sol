// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls12381, PointG1} from "../light/ethereum/Bls12381.sol";
import {HashToCurve} from "../light/ethereum/HashToCurve.sol";
import {Quorum} from "./Quorum.sol";

/// @title m-of-n as one signature of BLS12-381
/// @notice Keys in G1, signatures in G2, both in the form of EIP-2537. The sum of signatures over
/// one message is the signature by the sum of the keys, so a key that was made up from the others'
/// could sign for them all; hence nobody is a member without a proof of possession.
/// Source: draft-irtf-cfrg-bls-signature-05, 3.3; ciphersuite
/// BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_.
library BlsQuorum {
    /// @notice Thrown when what was given is not one item of a word and a point of G2.
    error NotOneAggregate(uint256 items, uint256 length);
    /// @notice Thrown when a bit is set that stands for no member.
    error UnknownSigner(uint256 signers, uint256 members);
    /// @notice Thrown when a signature, or a sum of keys, is the neutral element, which would verify
    /// for any message.
    error InfinityPoint();
    /// @notice Thrown when the signature is not the signers' over this digest.
    error AggregateInvalid();
    /// @notice Thrown when a key's owner does not show to hold its secret.
    error PossessionInvalid(uint256 index);

    bytes private constant SIGNATURE_TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";
    bytes private constant POSSESSION_TAG = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    uint256 private constant SIGNERS_BYTES = 32;

    /// @notice Refuse keys that are unsorted, repeated, infinite, not in G1, or without a proof.
    /// @param members Keys side by side.
    /// @param possessions As many as keys.
    function requireValidSet(bytes memory members, bytes[] memory possessions) internal view {
        PointG1 memory previous;
        for (uint256 i = 0; i < possessions.length; ++i) {
            PointG1 memory key = _keyAt(members, i);
            // Infinity, all zeros, is above nothing.
            if (!_isAbove(key, previous)) revert Quorum.MembersNotIncreasing(i);
            (bytes32 first, bytes32 second) = Bls12381.compress(key);
            uint256 message =
                HashToCurve.toG2(abi.encodePacked(first, bytes16(second)), POSSESSION_TAG);
            // Infinity cannot pass: the key is not the neutral element. The pairing checks groups.
            if (
                possessions[i].length != Bls12381.G2_BYTES
                    || !Bls12381.isSignature(key, message, possessions[i])
            ) revert PossessionInvalid(i);
            previous = key;
        }
    }

    /// @notice Require one aggregate signature of at least `threshold` members.
    /// @param members Checked by `requireValidSet` where they were stored.
    /// @param signatures One item: a word whose bit i says that member i signed, and the sum.
    function requireQuorum(
        bytes32 digest,
        bytes memory members,
        uint256 threshold,
        bytes[] calldata signatures
    ) internal view {
        if (signatures.length != 1 || signatures[0].length != SIGNERS_BYTES + Bls12381.G2_BYTES) {
            revert NotOneAggregate(
                signatures.length, signatures.length == 0 ? 0 : signatures[0].length
            );
        }
        bytes calldata item = signatures[0];
        uint256 signers = uint256(bytes32(item));
        uint256 count = members.length / Bls12381.G1_BYTES;
        if (signers >> count != 0) revert UnknownSigner(signers, count);
        (PointG1 memory key, uint256 signed) = _sumOf(members, signers);
        if (signed < threshold) revert Quorum.QuorumNotReached(signed, threshold);
        bytes calldata signature = item[SIGNERS_BYTES:];
        if (Bls12381.isInfinity(key) || Bls12381.isInfinity(signature)) revert InfinityPoint();
        uint256 message = HashToCurve.toG2(abi.encodePacked(digest), SIGNATURE_TAG);
        if (!Bls12381.isSignature(key, message, signature)) revert AggregateInvalid();
    }

    function _sumOf(bytes memory members, uint256 signers)
        private
        view
        returns (PointG1 memory total, uint256 signed)
    {
        uint256 points;
        // Two points side by side: the total so far, which each addition overwrites, and the next.
        assembly ("memory-safe") {
            points := mload(0x40)
            mstore(0x40, add(points, 0x100))
            calldatacopy(points, calldatasize(), 0x80)
        }
        for (uint256 i = 0; signers != 0; ++i) {
            if (signers & 1 == 1) {
                assembly ("memory-safe") {
                    mcopy(add(points, 0x80), add(add(members, 0x20), shl(7, i)), 0x80)
                }
                Bls12381.addG1(points);
                ++signed;
            }
            signers >>= 1;
        }
        assembly ("memory-safe") {
            mcopy(total, points, 0x80)
        }
    }

    function _keyAt(bytes memory members, uint256 index)
        private
        pure
        returns (PointG1 memory key)
    {
        assembly ("memory-safe") {
            mcopy(key, add(add(members, 0x20), shl(7, index)), 0x80)
        }
    }

    function _isAbove(PointG1 memory a, PointG1 memory b) private pure returns (bool) {
        if (a.xHigh != b.xHigh) return a.xHigh > b.xHigh;
        if (a.xLow != b.xLow) return a.xLow > b.xLow;
        if (a.yHigh != b.yHigh) return a.yHigh > b.yHigh;
        return a.yLow > b.yLow;
    }
}
