// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A beacon block header: what sync committees sign (by its root).
struct BeaconHeader {
    uint64 slot;
    uint64 proposerIndex;
    bytes32 parentRoot;
    bytes32 stateRoot;
    bytes32 bodyRoot;
}

/// @title SSZ hash tree roots and Merkle branches
/// @notice Source: ethereum/consensus-specs, ssz/simple-serialize.md and ssz/merkle-proofs.md.
/// A generalised index numbers the nodes of a tree: the root is 1, the children of g are 2g, 2g+1.
library Ssz {
    /// @notice Thrown when a branch does not lead from a leaf to the root at its place.
    error BranchInvalid(uint256 generalisedIndex);
    /// @notice Thrown when a branch is shorter than its place is deep or longer than any is, or
    /// when what pads it to a later fork's length is not zero.
    error BranchNotNormalised(uint256 generalisedIndex, uint256 length);

    /// @dev The hash of 64 zero bytes: the root of an empty subtree of two leaves.
    bytes32 private constant ZERO_PAIR =
        0xf5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b;

    /// @dev Twice the depth of the deepest place in use.
    uint256 private constant MAX_BRANCH_NODES = 24;

    /// @notice SHA-256 of two words: the parent of two nodes.
    function pair(bytes32 left, bytes32 right) internal view returns (bytes32 parent) {
        bool done;
        // The scratch space holds exactly the 64 bytes. The precompile fails only out of gas.
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            done := staticcall(gas(), 2, 0x00, 0x40, 0x00, 0x20)
            parent := mload(0x00)
        }
        require(done);
    }

    /// @notice The leaf of an unsigned 64-bit integer, which SSZ writes with its low byte first.
    function leaf(uint64 value) internal pure returns (bytes32) {
        unchecked {
            uint256 v = value;
            v = ((v & 0x00ff00ff00ff00ff) << 8) | ((v >> 8) & 0x00ff00ff00ff00ff);
            v = ((v & 0x0000ffff0000ffff) << 16) | ((v >> 16) & 0x0000ffff0000ffff);
            v = ((v & 0x00000000ffffffff) << 32) | (v >> 32);
            return bytes32(v << 192);
        }
    }

    /// @notice The root of a beacon block header: five fields, padded to eight leaves.
    function root(BeaconHeader calldata header) internal view returns (bytes32) {
        return pair(
            pair(
                pair(leaf(header.slot), leaf(header.proposerIndex)),
                pair(header.parentRoot, header.stateRoot)
            ),
            pair(pair(header.bodyRoot, 0), ZERO_PAIR)
        );
    }

    /// @notice Require that `node` is the node of the tree of `expectedRoot` at an index.
    /// @param branch Siblings from the node upwards. Branches made for a later fork's deeper tree
    /// may begin with zero words (is_valid_normalized_merkle_branch of the consensus specs).
    function requireBranch(
        bytes32 node,
        bytes32[] calldata branch,
        uint256 generalisedIndex,
        bytes32 expectedRoot
    ) internal view {
        uint256 depth = 0;
        while (generalisedIndex >> (depth + 1) != 0) ++depth;
        if (branch.length < depth || branch.length > MAX_BRANCH_NODES) {
            revert BranchNotNormalised(generalisedIndex, branch.length);
        }
        uint256 padding = branch.length - depth;
        for (uint256 i = 0; i < padding; ++i) {
            if (branch[i] != 0) revert BranchNotNormalised(generalisedIndex, branch.length);
        }
        for (uint256 i = 0; i < depth; ++i) {
            bytes32 sibling = branch[padding + i];
            node = (generalisedIndex >> i) & 1 == 1 ? pair(sibling, node) : pair(node, sibling);
        }
        if (node != expectedRoot) revert BranchInvalid(generalisedIndex);
    }
}
