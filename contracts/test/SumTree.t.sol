// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SumTree} from "../src/proof/SumTree.sol";
import {IVectorHarness} from "../src/test/IVectorHarness.sol";
import {SumTreeBuilder} from "./SumTreeBuilder.sol";
import {Test} from "./Test.sol";

contract SumTreeTest is Test {
    IVectorHarness private harness;

    function setUp() public {
        harness = IVectorHarness(vm.deployCode("VectorHarness.sol:VectorHarness", ""));
    }

    function test_leaves_followTheirPreimages() public view {
        address member = address(0xa11ce);
        bytes32 claim = keccak256(abi.encodePacked(hex"00", member, uint128(7)));
        vm.assertEq(harness.claimLeaf(member, 7), claim, "claim");
        vm.assertEq(harness.claimLeaf(member, 0), bytes32(0), "a claim of nothing is empty");
        bytes32 release = keccak256(abi.encodePacked(hex"02", uint64(3), member, uint128(7)));
        vm.assertEq(harness.releaseLeaf(3, member, 7), release, "release");
    }

    function testFuzz_node_followsItsPreimage(bytes32 left, uint128 a, bytes32 right, uint128 b)
        public
        view
    {
        bytes32 expected = keccak256(abi.encodePacked(hex"01", left, a, right, b));
        vm.assertEq(harness.node(left, a, right, b), expected, "node");
    }

    /// @dev Positions increase; sums are small enough to add up.
    function _leaves(uint256 seed, uint256 count)
        private
        pure
        returns (SumTreeBuilder.Node[] memory nodes)
    {
        nodes = new SumTreeBuilder.Node[](count);
        uint256 position = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            position += 1 + random % (2 ** 32 / count - 1);
            uint128 sum = uint128((random >> 64) % 2 ** 120);
            nodes[i] = SumTreeBuilder.Node(position, bytes32(random), sum);
        }
    }

    function testFuzz_root_isReachedFromEveryLeaf(uint256 seed, uint8 count) public view {
        SumTreeBuilder.Node[] memory nodes = _leaves(seed, _bound(count, 1, 6));
        for (uint256 i = 0; i < nodes.length; ++i) {
            (bytes32 root, uint128 sum, bytes32[] memory siblings, uint128[] memory sums) =
                SumTreeBuilder.build(nodes, nodes[i].position);
            (bytes32 hash, uint128 total) =
                harness.treeRoot(nodes[i].hash, nodes[i].sum, nodes[i].position, siblings, sums);
            vm.assertEq(hash, root, "root");
            vm.assertEq(total, sum, "sum");
        }
    }

    function testFuzz_root_isReachedFromEmptyPositions(uint256 seed, uint32 position) public view {
        SumTreeBuilder.Node[] memory nodes = _leaves(seed, 3);
        for (uint256 i = 0; i < 3; ++i) {
            if (nodes[i].position == position) return;
        }
        (bytes32 root, uint128 sum, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(nodes, position);
        (bytes32 hash, uint128 total) = harness.treeRoot(0, 0, position, siblings, sums);
        vm.assertEq(hash, root, "root");
        vm.assertEq(total, sum, "sum");
    }

    function testFuzz_root_changesWithEveryInput(uint256 seed, uint8 what, uint8 height)
        public
        view
    {
        SumTreeBuilder.Node[] memory nodes = _leaves(seed, 4);
        SumTreeBuilder.Node memory leaf = nodes[1];
        (bytes32 root,, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(nodes, leaf.position);
        height = height % 32;
        what = what % 5;
        if (what == 0) leaf.hash = keccak256(abi.encode(leaf.hash));
        if (what == 1) leaf.sum += 1;
        if (what == 2) leaf.position ^= 1 << height;
        if (what == 3) siblings[height] = keccak256(abi.encode(siblings[height]));
        if (what == 4) sums[height] += 1;
        (bytes32 hash,) = harness.treeRoot(leaf.hash, leaf.sum, leaf.position, siblings, sums);
        vm.assertTrue(hash != root, "another root");
    }

    function test_root_revertsWhenSumsOverflow() public {
        (,, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(new SumTreeBuilder.Node[](0), 0);
        sums[31] = type(uint128).max - 5;
        (, uint128 total) = harness.treeRoot("leaf", 5, 0, siblings, sums);
        vm.assertEq(total, type(uint128).max, "the greatest sum");
        vm.expectRevert(abi.encodeWithSelector(SumTree.SumOverflow.selector, 31));
        harness.treeRoot("leaf", 6, 0, siblings, sums);
    }

    function test_root_revertsWhenASumDoesNotFitItsType() public view {
        bytes memory call_ = abi.encodeCall(
            IVectorHarness.treeRoot, ("leaf", 5, 0, new bytes32[](32), new uint128[](32))
        );
        uint256[2] memory wrong = [1 << 128, type(uint256).max];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 sum = wrong[i];
            assembly ("memory-safe") {
                mstore(add(call_, mload(call_)), sum) // the last word is the last sibling's sum
            }
            (bool success, bytes memory answer) = address(harness).staticcall(call_);
            vm.assertTrue(!success, "refused");
            vm.assertEq(answer, abi.encodeWithSelector(SumTree.SumOverflow.selector, 31), "reason");
        }
    }

    function test_root_revertsWhenTheBranchHasAnotherLength() public {
        vm.expectRevert(abi.encodeWithSelector(SumTree.BranchLength.selector, 31, 32));
        harness.treeRoot("leaf", 5, 0, new bytes32[](31), new uint128[](32));
        vm.expectRevert(abi.encodeWithSelector(SumTree.BranchLength.selector, 32, 33));
        harness.treeRoot("leaf", 5, 0, new bytes32[](32), new uint128[](33));
    }

    function test_root_revertsWhenThePositionIsOutOfRange() public {
        vm.expectRevert(abi.encodeWithSelector(SumTree.PositionOutOfRange.selector, 1 << 32));
        harness.treeRoot("leaf", 5, 1 << 32, new bytes32[](32), new uint128[](32));
    }
}
