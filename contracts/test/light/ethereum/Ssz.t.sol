// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BeaconHeader, Ssz} from "../../../src/light/ethereum/Ssz.sol";
import {Test} from "../../Test.sol";

contract SszTest is Test {
    uint256 private constant DEPTH = 5;

    function requireBranch(bytes32 node, bytes32[] calldata branch, uint256 index, bytes32 root)
        external
        view
    {
        Ssz.requireBranch(node, branch, index, root);
    }

    function rootOf(BeaconHeader calldata header) external view returns (bytes32) {
        return Ssz.root(header);
    }

    function testFuzz_leaf_writesTheLowByteFirst(uint64 value) public pure {
        bytes memory expected = new bytes(32);
        for (uint256 i = 0; i < 8; ++i) {
            expected[i] = bytes1(uint8(value >> (8 * i)));
        }
        vm.assertEq(abi.encode(Ssz.leaf(value)), expected, "leaf");
    }

    function test_root_ofAnEmptyHeaderIsThatOfEightEmptyLeaves() public view {
        BeaconHeader memory header;
        // zerohashes[3] of the consensus specifications' deposit contract.
        bytes32 expected = 0xc78009fdf07fc56a11f122370658a353aaa542ed63e44c4bc15ff4cd105ab33c;
        vm.assertEq(this.rootOf(header), expected, "root");
    }

    function testFuzz_root_dependsOnEveryField(BeaconHeader memory header, uint256 which)
        public
        view
    {
        bytes32 before = this.rootOf(header);
        which = _bound(which, 0, 4);
        if (which == 0) header.slot ^= 1;
        if (which == 1) header.proposerIndex ^= 1 << 63;
        if (which == 2) header.parentRoot ^= bytes32(uint256(1));
        if (which == 3) header.stateRoot ^= bytes32(uint256(1));
        if (which == 4) header.bodyRoot ^= bytes32(uint256(1));
        vm.assertTrue(this.rootOf(header) != before, "root changed");
    }

    /// @dev A tree of 32 leaves by generalised index; place 0 is not used.
    function _tree(bytes32 seed) private pure returns (bytes32[] memory nodes) {
        nodes = new bytes32[](2 << DEPTH);
        for (uint256 i = nodes.length - 1; i != 0; --i) {
            nodes[i] = i >= 1 << DEPTH
                ? keccak256(abi.encode(seed, i))
                : sha256(abi.encode(nodes[2 * i], nodes[2 * i + 1]));
        }
    }

    function _branch(bytes32[] memory nodes, uint256 index, uint256 padding)
        private
        pure
        returns (bytes32[] memory branch)
    {
        uint256 depth = 0;
        while (index >> (depth + 1) != 0) ++depth;
        branch = new bytes32[](padding + depth);
        for (uint256 i = 0; i < depth; ++i) {
            branch[padding + i] = nodes[(index >> i) ^ 1];
        }
    }

    function testFuzz_requireBranch_holdsForEveryNode(bytes32 seed, uint256 index, uint256 padding)
        public
        view
    {
        bytes32[] memory nodes = _tree(seed);
        index = _bound(index, 1, nodes.length - 1);
        bytes32[] memory branch = _branch(nodes, index, _bound(padding, 0, 19));
        this.requireBranch(nodes[index], branch, index, nodes[1]);
    }

    function testFuzz_requireBranch_revertsWhenAnythingDiffers(
        bytes32 seed,
        uint256 index,
        uint256 which
    ) public {
        bytes32[] memory nodes = _tree(seed);
        index = _bound(index, 2, nodes.length - 1);
        bytes32[] memory branch = _branch(nodes, index, 0);
        which = _bound(which, 0, branch.length + 2);
        bytes32 node = nodes[index];
        bytes32 root = nodes[1];
        if (which < branch.length) branch[which] ^= bytes32(uint256(1));
        if (which == branch.length) node ^= bytes32(uint256(1) << 255);
        if (which == branch.length + 1) root ^= bytes32(uint256(1));
        if (which == branch.length + 2) index ^= 1;
        vm.expectRevert(abi.encodeWithSelector(Ssz.BranchInvalid.selector, index));
        this.requireBranch(node, branch, index, root);
    }

    function testFuzz_requireBranch_revertsWhenPaddingIsNotZero(
        bytes32 seed,
        uint256 index,
        uint256 which
    ) public {
        bytes32[] memory nodes = _tree(seed);
        index = _bound(index, 1, nodes.length - 1);
        bytes32[] memory branch = _branch(nodes, index, 3);
        branch[_bound(which, 0, 2)] = bytes32(uint256(1));
        vm.expectRevert(
            abi.encodeWithSelector(Ssz.BranchNotNormalised.selector, index, branch.length)
        );
        this.requireBranch(nodes[index], branch, index, nodes[1]);
    }

    function test_requireBranch_revertsWhenTooShortOrTooLong() public {
        bytes32[] memory nodes = _tree("seed");
        for (uint256 i = 0; i < 2; ++i) {
            bytes32[] memory branch =
                i == 0 ? _branch(nodes, 16, 0) : _branch(nodes, 32, 25 - DEPTH);
            vm.expectRevert(
                abi.encodeWithSelector(Ssz.BranchNotNormalised.selector, 32, branch.length)
            );
            this.requireBranch(nodes[32], branch, 32, nodes[1]);
        }
    }
}
