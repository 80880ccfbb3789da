// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees whose nodes carry the sum of their leaves
/// @notice Sums are recomputed on the way up, so the leaves that verify against one root never add
/// up to more than the root's sum. Depth 32; the bits of a leaf's position, least significant
/// first, say on which side the running node stands, from the leaf upwards.
library SumTree {
    uint256 internal constant DEPTH = 32;

    /// @notice Thrown when a branch does not have one sibling and one sum for every height.
    error BranchLength(uint256 siblings, uint256 siblingSums);
    /// @notice Thrown when a position does not fit the tree.
    error PositionOutOfRange(uint256 position);
    /// @notice Thrown when two children add up to more than 2^128 - 1.
    error SumOverflow(uint256 height);

    /// @notice The leaf of a member's claim, in quanta. A claim of zero is the empty leaf: there
    /// is exactly one way to say that nothing is there.
    function claimLeaf(address member, uint128 claim) internal pure returns (bytes32) {
        if (claim == 0) return bytes32(0);
        return keccak256(abi.encodePacked(uint8(0), member, claim));
    }

    /// @notice The leaf of a release of `quanta` to a member; it stands at position `index`.
    function releaseLeaf(uint64 index, address member, uint128 quanta)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(uint8(2), index, member, quanta));
    }

    /// @notice The hash of two children and their sums (97 bytes under the tag 0x01). Sums are
    /// below 2^128.
    function node(bytes32 left, uint256 leftSum, bytes32 right, uint256 rightSum)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore8(pointer, 1)
            mstore(add(pointer, 1), left)
            mstore(add(pointer, 33), shl(128, leftSum))
            mstore(add(pointer, 49), right)
            mstore(add(pointer, 81), shl(128, rightSum))
            hash := keccak256(pointer, 97)
        }
    }

    /// @notice The root that a leaf and its branch lead to.
    /// @dev Siblings are read where they lie: with Solidity's bounds checks the walk would cost
    /// three times as much. The lengths are checked once, and a sum that does not fit its type is
    /// an overflow.
    function root(
        bytes32 leaf,
        uint128 leafSum,
        uint256 position,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums
    ) internal pure returns (bytes32 hash, uint128 sum) {
        if (siblings.length != DEPTH || siblingSums.length != DEPTH) {
            revert BranchLength(siblings.length, siblingSums.length);
        }
        if (position >> DEPTH != 0) revert PositionOutOfRange(position);
        hash = leaf;
        uint256 total = leafSum;
        unchecked {
            for (uint256 height = 0; height < DEPTH; ++height) {
                bytes32 sibling;
                uint256 siblingSum;
                assembly ("memory-safe") {
                    sibling := calldataload(add(siblings.offset, shl(5, height)))
                    siblingSum := calldataload(add(siblingSums.offset, shl(5, height)))
                }
                if (siblingSum > type(uint128).max - total) revert SumOverflow(height);
                hash = (position >> height) & 1 == 0
                    ? node(hash, total, sibling, siblingSum)
                    : node(sibling, siblingSum, hash, total);
                total += siblingSum;
            }
        }
        // Each step kept the total below 2^128.
        sum = uint128(total);
    }
}
