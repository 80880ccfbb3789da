// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bls12381, PointG1} from "./Bls12381.sol";
import {HashToCurve} from "./HashToCurve.sol";
import {Ssz} from "./Ssz.sol";

/// @notice A sync committee's signature, and what shows whose it is. Points are in EIP-2537's form.
struct CommitteeSignature {
    /// @dev Bit i, low bits first in each byte, says that member i signed (SSZ bit vector).
    bytes participation;
    /// @dev In G2.
    bytes signature;
    /// @dev The sum of all members' keys, as the committee itself states it.
    bytes aggregateKey;
    /// @dev The keys of the members that did not sign, in their order.
    bytes absentKeys;
    /// @dev The nodes, from the leaves up and from left to right, that turn the absent keys' leaves
    /// into the root of all keys; if nobody is absent, that root.
    bytes32[] proof;
}

/// @title Verify what a sync committee signed, knowing only the committee's root
/// @notice The key of those who signed is the aggregate less the keys of the absent, which are few:
/// proving and subtracting these is cheaper than storing 512 keys or adding them up. A committee is
/// SSZ's {pubkeys: Vector[Bytes48, size], aggregate_pubkey: Bytes48}, and the state transition
/// makes the aggregate the sum of the keys (get_next_sync_committee).
library SyncCommittee {
    /// @notice Thrown when a field of a signature has not the length that the committee implies.
    error LengthMismatch(uint256 length, uint256 expected);
    /// @notice Thrown when fewer than two thirds signed.
    error ParticipationTooLow(uint256 participants, uint256 size);
    /// @notice Thrown when the keys are not those of the trusted committee.
    error CommitteeMismatch(bytes32 root, bytes32 trusted);
    /// @notice Thrown when a signature or the key it is checked with is the neutral element, which
    /// would verify for any message.
    error InfinityPoint();
    /// @notice Thrown when the signature is not the participants' over this message.
    error SignatureInvalid();

    /// @dev Ethereum's ciphersuite: proofs of possession rule out rogue keys.
    bytes private constant TAG = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    /// @notice Require that at least two thirds of a committee signed a message.
    /// @param committee Root of the committee.
    /// @param size Members of the committee; a power of two, at least 8.
    function requireSigned(
        CommitteeSignature calldata signed,
        bytes32 committee,
        uint256 size,
        bytes32 signingRoot
    ) internal view {
        _requireLength(signed.participation.length, size / 8);
        _requireLength(signed.signature.length, Bls12381.G2_BYTES);
        _requireLength(signed.aggregateKey.length, Bls12381.G1_BYTES);

        uint256[] memory absent = _absentees(signed, size);
        uint256 participants = size - absent.length;
        if (participants * 3 < size * 2) revert ParticipationTooLow(participants, size);

        PointG1 memory key = Bls12381.pointAt(signed.aggregateKey, 0);
        bytes32 root = Ssz.pair(_rootOfKeys(signed, absent, size), _leaf(key));
        if (root != committee) revert CommitteeMismatch(root, committee);

        // Compression reads coordinates as they are; the additions refuse those that are not
        // reduced, and so does the pairing where there is nothing to subtract.
        if (absent.length != 0) key = Bls12381.subtract(key, Bls12381.sum(signed.absentKeys));
        if (Bls12381.isInfinity(key) || Bls12381.isInfinity(signed.signature)) {
            revert InfinityPoint();
        }
        uint256 message = HashToCurve.toG2(abi.encodePacked(signingRoot), TAG);
        if (!Bls12381.isSignature(key, message, signed.signature)) revert SignatureInvalid();
    }

    /// @dev The positions of the zero bits, increasing; as many as there are absent keys.
    function _absentees(CommitteeSignature calldata signed, uint256 size)
        private
        pure
        returns (uint256[] memory absent)
    {
        bytes calldata participation = signed.participation;
        absent = new uint256[](signed.absentKeys.length / Bls12381.G1_BYTES);
        uint256 count = 0;
        unchecked {
            for (uint256 i = 0; i < size / 8; ++i) {
                uint256 missing = uint8(~participation[i]);
                for (uint256 position = 8 * i; missing != 0; ++position) {
                    if (missing & 1 == 1) {
                        if (count < absent.length) absent[count] = position;
                        ++count;
                    }
                    missing >>= 1;
                }
            }
            _requireLength(signed.absentKeys.length, count * Bls12381.G1_BYTES);
        }
    }

    /// @dev The root of all keys from those of the absent: a Merkle proof of many leaves at once,
    /// in which neighbours are each other's siblings. Which leaves these are, the bits decide.
    function _rootOfKeys(
        CommitteeSignature calldata signed,
        uint256[] memory positions,
        uint256 size
    ) private view returns (bytes32) {
        bytes32[] calldata proof = signed.proof;
        uint256 count = positions.length;
        if (count == 0) {
            _requireLength(proof.length, 1);
            return proof[0];
        }
        bytes calldata keys = signed.absentKeys;
        bytes32[] memory nodes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            nodes[i] = _leaf(Bls12381.pointAt(keys, i));
        }
        (bytes32 root, uint256 used) = _climb(positions, nodes, proof, size);
        _requireLength(proof.length, used);
        return root;
    }

    /// @dev Hash level by level up to the root, in place: a level's parents overwrite its nodes. In
    /// assembly because this runs four times per absent key; each turn costs 300 gas, in Solidity
    /// 600. Past the proof's end it reads what lies there, before the length is found wrong.
    /// @return root The only node left.
    /// @return used How many nodes of the proof it took.
    function _climb(
        uint256[] memory positions,
        bytes32[] memory nodes,
        bytes32[] calldata proof,
        uint256 size
    ) private view returns (bytes32 root, uint256 used) {
        bool done = true;
        assembly ("memory-safe") {
            let positionOf := sub(positions, nodes) // from a node's place to its position's
            let first := add(nodes, 0x20)
            let end := add(first, shl(5, mload(nodes)))
            let next := proof.offset
            for {} gt(size, 1) { size := shr(1, size) } {
                let parent := first
                for { let node := first } lt(node, end) {} {
                    let position := mload(add(node, positionOf))
                    let hash := mload(node)
                    node := add(node, 0x20)
                    switch and(position, 1)
                    case 1 {
                        mstore(0x00, calldataload(next))
                        mstore(0x20, hash)
                        next := add(next, 0x20)
                    }
                    default {
                        mstore(0x00, hash)
                        let isNeighbour := eq(mload(add(node, positionOf)), add(position, 1))
                        switch and(lt(node, end), isNeighbour)
                        case 1 {
                            mstore(0x20, mload(node))
                            node := add(node, 0x20)
                        }
                        default {
                            mstore(0x20, calldataload(next))
                            next := add(next, 0x20)
                        }
                    }
                    done := and(done, staticcall(gas(), 2, 0x00, 0x40, parent, 0x20))
                    mstore(add(parent, positionOf), shr(1, position))
                    parent := add(parent, 0x20)
                }
                end := parent
            }
            root := mload(first)
            used := shr(5, sub(next, proof.offset))
        }
        require(done);
    }

    /// @dev The root of a Bytes48: its two chunks, the second half empty.
    function _leaf(PointG1 memory key) private view returns (bytes32) {
        (bytes32 first, bytes32 second) = Bls12381.compress(key);
        return Ssz.pair(first, second);
    }

    function _requireLength(uint256 length, uint256 expected) private pure {
        if (length != expected) revert LengthMismatch(length, expected);
    }
}
