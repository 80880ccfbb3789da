// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Builds sparse sum trees and branches for tests
/// @notice Written from the protocol's text rather than from `SumTree`: level by level, with the
/// empty subtree of every height beside the occupied nodes.
library SumTreeBuilder {
    uint256 private constant DEPTH = 32;

    struct Node {
        uint256 position;
        bytes32 hash;
        uint128 sum;
    }

    /// @notice Root of the tree with these leaves (positions increasing) and the branch of one
    /// position, occupied or not.
    function build(Node[] memory nodes, uint256 position)
        internal
        pure
        returns (bytes32 hash, uint128 sum, bytes32[] memory siblings, uint128[] memory sums)
    {
        siblings = new bytes32[](DEPTH);
        sums = new uint128[](DEPTH);
        bytes32 empty = 0;
        for (uint256 height = 0; height < DEPTH; ++height) {
            (siblings[height], sums[height]) = _at(nodes, (position >> height) ^ 1, empty);
            nodes = _parents(nodes, empty);
            empty = parent(empty, 0, empty, 0);
        }
        (hash, sum) = _at(nodes, 0, empty);
    }

    function parent(bytes32 left, uint128 leftSum, bytes32 right, uint128 rightSum)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(hex"01", left, leftSum, right, rightSum));
    }

    function _parents(Node[] memory nodes, bytes32 empty)
        private
        pure
        returns (Node[] memory parents)
    {
        parents = new Node[](nodes.length);
        uint256 count = 0;
        for (uint256 i = 0; i < nodes.length; ++i) {
            uint256 above = nodes[i].position >> 1;
            if (count != 0 && parents[count - 1].position == above) continue;
            (bytes32 left, uint128 leftSum) = _at(nodes, above << 1, empty);
            (bytes32 right, uint128 rightSum) = _at(nodes, (above << 1) | 1, empty);
            parents[count++] =
                Node(above, parent(left, leftSum, right, rightSum), leftSum + rightSum);
        }
        assembly ("memory-safe") {
            mstore(parents, count)
        }
    }

    function _at(Node[] memory nodes, uint256 position, bytes32 empty)
        private
        pure
        returns (bytes32, uint128)
    {
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (nodes[i].position == position) return (nodes[i].hash, nodes[i].sum);
        }
        return (empty, 0);
    }
}
