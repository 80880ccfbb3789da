// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {SumTree} from "../src/proof/SumTree.sol";
import {Leg, Phase} from "../src/Types.sol";
import {ExitFixture} from "./ExitFixture.sol";
import {SumTreeBuilder} from "./SumTreeBuilder.sol";

/// @notice Who is paid out of a frozen anchor, what for, and that nobody is twice (P1, P7, P10).
contract ExitFrozenTest is ExitFixture {
    bytes32 private first;
    Leg private firstLeg;

    /// @dev A final leg: on chain 1 Alice has 30 and Bob 20; at home 70 and 30.
    function setUp() public override {
        super.setUp();
        _claim(1, 20);
        _claim(HOME, 30);
        _relist();
        first = _settle(settlement, legs);
        firstLeg = legs[1];
        _finalizeEverywhere(first);
    }

    // ----------------------------------------------------------------------------- exit

    function test_exitFrozen_paysEachClaimOnce() public {
        _freeze(1);
        Owned memory alice = _owned(1, 0);
        vm.expectEmit(address(anchors[1]));
        emit IAnchor.Exited(USD, ALICE, ALICE_POSITION, 30, ALICE);
        _exit(1, firstLeg, alice);
        vm.assertEq(_paid(1, ALICE), 30, "alice");
        vm.assertTrue(anchors[1].isExited(USD, ALICE_POSITION), "marked");
        vm.assertTrue(!anchors[1].isExited(USD, BOB_POSITION), "the other is not");
        _refuseExit(
            1,
            firstLeg,
            alice,
            abi.encodeWithSelector(IAnchor.AlreadyExited.selector, USD, ALICE_POSITION)
        );
        _exit(1, firstLeg, _owned(1, 1));
        vm.assertEq(_paid(1, BOB), 20, "bob");
        vm.assertEq(_vault(1), 0, "nothing is left");
        vm.assertEq(anchors[1].assetState(USD).claims, uint256(0), "nothing is owed");
    }

    function test_exitFrozen_revertsWhileSettlementsGoOn() public {
        _refuseExit(1, firstLeg, _owned(1, 0), abi.encodeWithSelector(IAnchor.NotFrozen.selector));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotFrozen.selector));
        anchors[1].refund(USD, 0, BOB);
    }

    function test_exitFrozen_revertsWhenAnythingIsNotAsCommitted() public {
        _freeze(1);
        bytes memory unproven =
            abi.encodeWithSelector(IAnchor.ClaimNotProven.selector, USD, ALICE_POSITION);
        Owned memory own = _owned(1, 0);
        own.member = BOB;
        _refuseExit(1, firstLeg, own, unproven);
        own = _owned(1, 0);
        own.claim += 1;
        _refuseExit(1, firstLeg, own, unproven);
        own = _owned(1, 0);
        own.claim -= 1; // and the sum kept right beside it
        own.sums[2] += 1;
        _refuseExit(1, firstLeg, own, unproven);
        own = _owned(HOME, 0); // another chain's branch
        _refuseExit(1, firstLeg, own, unproven);
        own = _owned(1, 1); // another member's branch
        (own.member, own.claim, own.position) = (ALICE, 30, ALICE_POSITION);
        _refuseExit(1, firstLeg, own, unproven);
        own = _owned(1, 0);
        own.position = ALICE_POSITION ^ 1;
        _refuseExit(
            1, firstLeg, own, abi.encodeWithSelector(IAnchor.ClaimNotProven.selector, USD, 2)
        );
        own.position = ALICE_POSITION + (1 << 32);
        _refuseExit(
            1,
            firstLeg,
            own,
            abi.encodeWithSelector(SumTree.PositionOutOfRange.selector, own.position)
        );
        own = _owned(1, 0);
        own.sums[0] = type(uint128).max;
        _refuseExit(1, firstLeg, own, abi.encodeWithSelector(SumTree.SumOverflow.selector, 0));
        own.sums = new uint128[](31);
        _refuseExit(
            1, firstLeg, own, abi.encodeWithSelector(SumTree.BranchLength.selector, 32, 31)
        );
    }

    function test_exitFrozen_revertsForAnotherLegOrAsset() public {
        _freeze(1);
        Owned memory own = _owned(1, 0);
        Leg memory other = firstLeg;
        other.assets[0].claims += 1;
        bytes memory expected = abi.encodeWithSelector(
            IAnchor.WrongLegHash.selector, harness.legHash(other), harness.legHash(firstLeg)
        );
        _refuseExit(1, other, own, expected);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.ClaimNotProven.selector, ETH, ALICE_POSITION)
        );
        anchors[1].exitFrozen(
            firstLeg, ETH, own.position, ALICE, 30, own.siblings, own.sums, ALICE
        );
        vm.expectRevert(abi.encodeWithSelector(IAnchor.UnknownAsset.selector, 3));
        anchors[1].exitFrozen(firstLeg, 3, own.position, ALICE, 30, own.siblings, own.sums, ALICE);
    }

    /// @dev Operators who sign such a leg lock it: nobody is paid out of a sum that is not there.
    function test_exitFrozen_revertsWhenTheTreesSumIsNotTheLegs() public {
        vm.warp(block.timestamp + 1);
        _begin(2);
        owned[1] = [uint128(29), 20];
        (bytes32 root,,,) = SumTreeBuilder.build(_claims([ALICE, BOB], owned[1]), ALICE_POSITION);
        legs[1].assets[0].claimsTree = root;
        _relist();
        Leg memory leg = legs[1];
        vm.assertEq(leg.assets[0].claims, uint256(50), "one more than in the tree");
        bytes32 id = _settle(settlement, legs);
        _finalizeEverywhere(id);
        _freeze(1);
        bytes memory unproven =
            abi.encodeWithSelector(IAnchor.ClaimNotProven.selector, USD, ALICE_POSITION);
        _refuseExit(1, leg, _owned(1, 0), unproven);
    }

    function test_exitFrozen_paysElsewhereOnlyWhenTheMemberSaysSo() public {
        _freeze(1);
        Owned memory own = _owned(1, 0);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotMember.selector, BOB, ALICE));
        _exitTo(1, firstLeg, own, BOB);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ZeroMember.selector));
        _exitTo(1, firstLeg, own, address(0));
        vm.prank(ALICE);
        _exitTo(1, firstLeg, own, BOB);
        vm.assertEq(_paid(1, BOB), 30, "paid");
    }

    function testFuzz_exitFrozen_emptiesTheVaultWhateverTheClaims(uint128 bobs, bool bobFirst)
        public
    {
        _deposit(1, USD, 1_000_000, BOB);
        _begin(2);
        bobs = uint128(_bound(bobs, 1, 1_000_049));
        _claim(1, bobs);
        _relist();
        Leg memory leg = legs[1];
        bytes32 id = _settle(settlement, legs);
        _finalizeEverywhere(id);
        _freeze(1);
        _exit(1, leg, _owned(1, bobFirst ? 1 : 0));
        _exit(1, leg, _owned(1, bobFirst ? 0 : 1));
        vm.assertEq(_paid(1, ALICE), 1_000_050 - bobs, "alice");
        vm.assertEq(_paid(1, BOB), bobs, "bob");
        vm.assertEq(_vault(1), 0, "vault");
    }

    // ------------------------------------------------------------------ around a freeze

    /// @dev The second leg: Alice's exit of 5 is answered, Bob has what she loses besides.
    function _beginSecond() private {
        vm.warp(block.timestamp + 1);
        _begin(2);
        _release(1, 5);
        _claim(1, 40);
        _relist();
    }

    function test_exit_waitsForThePreparedLegAndIsPaidFromItWhenItCommits() public {
        _beginSecond();
        legs[1].assets[0].exitCursor = 1;
        _relist();
        _prepareAndWarn(1);
        _commitHome();
        bytes32 second = _id();
        _freezeWarned(1);
        _expectUnresolved(second);
        _exit(1, legs[1], _owned(1, 0));
        _commitSpoke(1);
        _expectUnresolved(second);
        _exit(1, legs[1], _owned(1, 0));
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.WrongPhase.selector, second, Phase.COMMITTED, Phase.FINAL
            )
        );
        _claimRelease(1, second, 5);

        anchors[HOME].finalize(second);
        anchors[1].finalizeByProof(second, _prove(onSpoke[1], HOME, second));
        // A branch against the older root is worth nothing any more.
        _refuseExit(
            1,
            firstLeg,
            _owned(1, 0),
            abi.encodeWithSelector(
                IAnchor.WrongLegHash.selector, harness.legHash(firstLeg), harness.legHash(legs[1])
            )
        );
        _claimRelease(1, second, 5);
        _exit(1, legs[1], _owned(1, 0));
        _exit(1, legs[1], _owned(1, 1));
        vm.assertEq(_paid(1, ALICE), 10, "the answer and the rest, once each");
        vm.assertEq(_paid(1, BOB), 40, "bob");
        vm.assertEq(_vault(1), 0, "vault");
        vm.expectPartialRevert(IAnchor.AlreadyClaimed.selector);
        _claimRelease(1, second, 5);
    }

    function test_exit_isPaidFromTheLegBeforeWhenThePreparedOneAborts() public {
        uint128[2] memory before = owned[1];
        _beginSecond();
        legs[1].assets[0].exitCursor = 1;
        _relist();
        _prepareAndWarn(1);
        _freezeWarned(1);
        owned[1] = before;
        bytes32 second = _id();
        _expectUnresolved(second);
        _exit(1, firstLeg, _owned(1, 0));
        anchors[HOME].abort(settlement);
        anchors[1].abortByProof(settlement, _proofOfHome(1));
        _exit(1, firstLeg, _owned(1, 0));
        vm.assertEq(_paid(1, ALICE), 30, "all of it, the exit was never answered");
        vm.expectPartialRevert(IAnchor.WrongPhase.selector);
        _claimRelease(1, second, 5);
    }

    function test_exit_atHomeWaitsForItsOwnDecisionAndTheChallengeWindow() public {
        vm.warp(block.timestamp + 1);
        _begin(2);
        _claim(HOME, 10);
        _relist();
        Leg memory leg = legs[HOME];
        _prepareAndWarn(HOME);
        _commitHome(); // lifts the warning, but Alice's exit is unanswered still
        bytes32 second = _id();
        vm.warp(block.timestamp + 1);
        anchors[HOME].warn();
        _freezeWarned(HOME);
        _expectUnresolved(second);
        _exit(HOME, leg, _owned(HOME, 0));
        anchors[HOME].finalize(second);
        _exit(HOME, leg, _owned(HOME, 0));
        vm.assertEq(_paid(HOME, ALICE), 90, "paid from the second leg");
    }
}
