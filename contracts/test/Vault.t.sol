// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {
    ReentrancyGuardTransient
} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {SumTree} from "../src/proof/SumTree.sol";
import {AssetConfiguration, Leg, Peer, Phase} from "../src/Types.sol";
import {Fixture} from "./Fixture.sol";
import {SumTreeBuilder} from "./SumTreeBuilder.sol";
import {FalseToken, FeeToken, OddToken, ReentrantToken, SilentToken} from "./tokens/OddTokens.sol";

/// @notice Tokens in and tokens out.
contract VaultTest is Fixture {
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);

    // ------------------------------------------------------------------------- deposits

    function test_deposit_chainsRecordsAndTotals() public {
        vm.assertEq(_deposit(1, USD, 100, ALICE), uint256(0), "first index");
        vm.warp(START + 7);
        vm.assertEq(_deposit(1, USD, 50, BOB), uint256(1), "second index");
        vm.assertEq(_deposit(1, ETH, 9, BOB), uint256(0), "counted by asset");

        bytes32 first = bytes32(abi.encodePacked(ALICE, USD, uint64(100)));
        bytes32 second = bytes32(abi.encodePacked(BOB, USD, uint64(50)));
        bytes32 hash =
            keccak256(abi.encodePacked(keccak256(abi.encodePacked(bytes32(0), first)), second));
        IAnchor.Deposit memory stored = anchors[1].deposits(USD, 1);
        vm.assertEq(stored.record, second, "record");
        vm.assertEq(stored.time, uint256(START + 7), "time");
        vm.assertEq(stored.total, uint256(150), "total");
        vm.assertEq(stored.hash, hash, "hash");
        vm.assertEq(anchors[1].depositCount(USD), uint256(2), "count");
        vm.assertEq(anchors[1].assetState(USD).unconsumedDeposits, uint256(150), "unconsumed");
        uint256 held = tokens[1][1].balanceOf(address(anchors[1]));
        vm.assertEq(held, 9 * ETH_UNIT, "tokens");
    }

    function test_deposit_liesWhereOtherChainsProveIt() public {
        _deposit(1, ETH, 100, ALICE);
        bytes32 slot = keccak256(abi.encode(uint256(ETH), uint256(1)));
        slot = keccak256(abi.encode(uint256(0), slot));
        address anchor = address(anchors[1]);
        bytes32 record = bytes32(abi.encodePacked(ALICE, ETH, uint64(100)));
        vm.assertEq(vm.load(anchor, slot), record, "record");
        uint256 packed = uint256(vm.load(anchor, bytes32(uint256(slot) + 1)));
        vm.assertEq(packed, (uint256(100) << 64) | START, "total | time");
        vm.assertEq(
            vm.load(anchor, bytes32(uint256(slot) + 2)),
            keccak256(abi.encode(bytes32(0), record)),
            "hash"
        );
    }

    function test_deposit_emitsWhatIsCredited() public {
        bytes32 record = bytes32(abi.encodePacked(ALICE, USD, uint64(100)));
        tokens[1][0].faucet(address(this), 100);
        tokens[1][0].approve(address(anchors[1]), 100);
        vm.expectEmit(address(anchors[1]));
        emit IAnchor.Deposited(USD, 0, ALICE, 100, 100, keccak256(abi.encode(bytes32(0), record)));
        anchors[1].deposit(USD, 100, ALICE);
    }

    function test_deposit_revertsWhenAmountOrMemberIsWrong() public {
        IAnchor anchor = anchors[1];
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ZeroMember.selector));
        anchor.deposit(USD, 100, address(0));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.UnknownAsset.selector, 3));
        anchor.deposit(3, 100, ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.NotWholeQuanta.selector, 10 * ETH_UNIT + 1, ETH_UNIT)
        );
        anchor.deposit(ETH, 10 * ETH_UNIT + 1, ALICE);
        for (uint256 quanta = 0; quanta < MINIMUM; ++quanta) {
            vm.expectRevert(
                abi.encodeWithSelector(IAnchor.DepositOutOfRange.selector, quanta, MINIMUM)
            );
            anchor.deposit(USD, quanta, ALICE);
        }
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.DepositOutOfRange.selector, 1 << 64, MINIMUM)
        );
        anchor.deposit(USD, 1 << 64, ALICE);
    }

    function test_deposit_revertsWhenTheRunningTotalIsTooLarge() public {
        uint64 most = uint64(type(int64).max);
        _deposit(1, USD, most - MINIMUM, ALICE);
        tokens[1][0].faucet(address(this), MINIMUM + 1);
        tokens[1][0].approve(address(anchors[1]), MINIMUM + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.DepositTotalTooLarge.selector, USD, uint256(most) + 1)
        );
        anchors[1].deposit(USD, MINIMUM + 1, ALICE);
        anchors[1].deposit(USD, MINIMUM, ALICE);
        vm.assertEq(anchors[1].assetState(USD).unconsumedDeposits, most, "total");
    }

    function test_deposit_revertsWhenFrozenOrNotInitialized() public {
        _freeze(1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AnchorFrozen.selector));
        anchors[1].deposit(USD, 100, ALICE);
        vm.store(address(anchors[1]), bytes32(uint256(12)), 0);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotInitialized.selector));
        anchors[1].deposit(USD, 100, ALICE);
    }

    function testFuzz_deposit_creditsWholeQuantaOnly(uint256 amount) public {
        amount = _bound(amount, 0, 2 ** 90);
        tokens[1][1].faucet(address(this), amount);
        tokens[1][1].approve(address(anchors[1]), amount);
        uint256 quanta = amount / ETH_UNIT;
        bool valid =
            amount % ETH_UNIT == 0 && quanta >= MINIMUM && quanta <= uint64(type(int64).max);
        (bool success,) =
            address(anchors[1]).call(abi.encodeCall(IAnchor.deposit, (ETH, amount, ALICE)));
        vm.assertEq(success, valid, "accepted exactly when valid");
        uint256 credited = anchors[1].assetState(ETH).unconsumedDeposits;
        vm.assertEq(credited, valid ? quanta : 0, "credited");
    }

    // ----------------------------------------------------------------------- odd tokens

    /// @dev An anchor alone on its chain that holds one odd token, which the test owns.
    function _anchorOf(OddToken token) private returns (IAnchor anchor) {
        AssetConfiguration[] memory assets = new AssetConfiguration[](1);
        assets[0] = AssetConfiguration(USD, address(token), 1, 1);
        uint256[] memory alone = new uint256[](1);
        alone[0] = chainIds[HOME];
        vm.chainId(chainIds[HOME]);
        anchor = _newAnchor(alone, windows, operators, assets);
        anchor.initialize(new Peer[](0));
        token.faucet(address(this), 1000);
        token.approve(address(anchor), 1000);
    }

    function test_deposit_revertsWhenTheTokenTakesAFee() public {
        IAnchor anchor = _anchorOf(new FeeToken());
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ReceivedLessThanAmount.selector, 990, 1000));
        anchor.deposit(USD, 1000, ALICE);
    }

    function test_deposit_revertsWhenTheTokenAnswersFalse() public {
        FalseToken token = new FalseToken();
        IAnchor anchor = _anchorOf(token);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token));
        anchor.deposit(USD, 1000, ALICE);
    }

    function test_deposit_acceptsATokenThatAnswersNothing() public {
        IAnchor anchor = _anchorOf(new SilentToken());
        anchor.deposit(USD, 1000, ALICE);
        vm.assertEq(anchor.depositCount(USD), uint256(1), "count");
    }

    function test_deposit_revertsWhenTheTokenReenters() public {
        ReentrantToken token = new ReentrantToken();
        IAnchor anchor = _anchorOf(token);
        bytes32[] memory siblings = new bytes32[](32);
        uint128[] memory sums = new uint128[](32);
        bytes[3] memory calls = [
            abi.encodeCall(IAnchor.deposit, (USD, 1, BOB)),
            abi.encodeCall(IAnchor.claimRelease, (0, USD, 0, BOB, 1, siblings, sums, BOB)),
            abi.encodeCall(IAnchor.refund, (USD, 0, BOB))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            token.arm(address(anchor), calls[i]);
            vm.expectRevert(
                abi.encodeWithSelector(
                    ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
                )
            );
            anchor.deposit(USD, 999, ALICE);
        }
    }

    // ------------------------------------------------------------------------- releases

    struct Claim {
        bytes32 id;
        bytes32[] siblings;
        uint128[] sums;
    }

    /// @dev Settle a leg on chain 1 that releases 30 to Alice and 12 to Bob out of 100.
    function _release(uint64 index) private returns (Claim memory claim) {
        _deposit(1, USD, 100, ALICE);
        Leg[] memory legs = _nextLegs(1);
        SumTreeBuilder.Node[] memory nodes = _releases([ALICE, BOB], [uint128(30), 12]);
        (bytes32 root, uint128 sum, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(nodes, index);
        legs[1].assets[0].releasesTree = root;
        legs[1].assets[0].released = sum;
        legs[1].assets[0].claims -= sum;
        bytes32 id = _settle(_settlement(1, legs, [true, true, true]), legs);
        return Claim(id, siblings, sums);
    }

    function test_claimRelease_paysOnceWhenFinal() public {
        Claim memory claim = _release(0);
        IAnchor anchor = anchors[1];
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.WrongPhase.selector, claim.id, Phase.COMMITTED, Phase.FINAL
            )
        );
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, ALICE);
        vm.assertEq(anchor.assetState(USD).unclaimedReleases, uint256(42), "released");

        _finalizeEverywhere(claim.id);
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, ALICE);
        vm.assertEq(tokens[1][0].balanceOf(ALICE), 30, "paid");
        vm.assertEq(anchor.assetState(USD).unclaimedReleases, uint256(12), "what is left");
        vm.assertTrue(anchor.isClaimed(claim.id, USD, 0), "claimed");
        vm.assertTrue(!anchor.isClaimed(claim.id, USD, 1), "the other is not");

        vm.expectRevert(abi.encodeWithSelector(IAnchor.AlreadyClaimed.selector, claim.id, USD, 0));
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, ALICE);
    }

    function test_claimRelease_paysWhileFrozen() public {
        Claim memory claim = _release(1);
        _finalizeEverywhere(claim.id);
        _freeze(1);
        anchors[1].claimRelease(claim.id, USD, 1, BOB, 12, claim.siblings, claim.sums, BOB);
        vm.assertEq(tokens[1][0].balanceOf(BOB), 12, "paid");
    }

    function test_claimRelease_revertsWhenAnythingIsNotAsCommitted() public {
        Claim memory claim = _release(0);
        _finalizeEverywhere(claim.id);
        bytes[5] memory calls = [
            _call(claim, ETH, 0, ALICE, 30),
            _call(claim, USD, 1, ALICE, 30),
            _call(claim, USD, 0, BOB, 30),
            _call(claim, USD, 0, ALICE, 31),
            _call(claim, USD, 2 ** 31, ALICE, 30)
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.expectPartialRevert(IAnchor.ReleaseNotProven.selector);
            (bool success,) = address(anchors[1]).call(calls[i]);
            vm.assertTrue(success, "expectRevert saw the revert");
        }
        claim.sums[0] = 13; // the sibling's true sum is 12
        vm.expectPartialRevert(IAnchor.ReleaseNotProven.selector);
        anchors[1].claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, ALICE);
        vm.expectRevert(abi.encodeWithSelector(SumTree.PositionOutOfRange.selector, 1 << 32));
        anchors[1].claimRelease(
            claim.id, USD, 1 << 32, ALICE, 30, claim.siblings, claim.sums, ALICE
        );
    }

    function _call(
        Claim memory claim,
        uint32 assetId,
        uint64 index,
        address member,
        uint128 quanta
    ) private pure returns (bytes memory) {
        return abi.encodeCall(
            IAnchor.claimRelease,
            (claim.id, assetId, index, member, quanta, claim.siblings, claim.sums, member)
        );
    }

    function test_claimRelease_revertsForALegThatReleasedNothing() public {
        Leg[] memory legs = _nextLegs(1);
        bytes32 id = _settle(_settlement(1, legs, [true, true, true]), legs);
        _finalizeEverywhere(id);
        SumTreeBuilder.Node[] memory none = new SumTreeBuilder.Node[](0);
        (,, bytes32[] memory siblings, uint128[] memory sums) = SumTreeBuilder.build(none, 0);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ReleaseNotProven.selector, id, USD, 0));
        anchors[1].claimRelease(id, USD, 0, ALICE, 0, siblings, sums, ALICE);
    }

    function test_claimRelease_paysWhereTheMemberSaysAndNobodyElse() public {
        Claim memory claim = _release(0);
        _finalizeEverywhere(claim.id);
        IAnchor anchor = anchors[1];
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotMember.selector, BOB, ALICE));
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, BOB);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ZeroMember.selector));
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, address(0));
        vm.prank(ALICE);
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, BOB);
        vm.assertEq(tokens[1][0].balanceOf(BOB), 30, "paid to the recipient");
        vm.prank(ALICE);
        vm.expectPartialRevert(IAnchor.AlreadyClaimed.selector);
        anchor.claimRelease(claim.id, USD, 0, ALICE, 30, claim.siblings, claim.sums, ALICE);
    }
}
