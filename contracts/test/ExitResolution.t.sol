// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {
    ReentrancyGuardTransient
} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {CounterProof, Leg, Phase} from "../src/Types.sol";
import {ExitFixture} from "./ExitFixture.sol";
import {BlockingToken, BurningToken, ReentrantToken} from "./tokens/OddTokens.sol";

/// @notice A frozen anchor that never hears from home again, deposits that no leg consumed, and
/// tokens that misbehave while a member leaves.
contract ExitResolutionTest is ExitFixture {
    uint256 private constant RESOLUTION = 30 days;

    // -------------------------------------------------------------------------- resolve

    function test_resolve_givesUpAPreparedLegAfterThirtyDays() public {
        _prepareAndWarn(1);
        _freezeWarned(1);
        uint256 until = block.timestamp + RESOLUTION;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ResolutionTooEarly.selector, until, until));
        anchors[1].resolve();
        _expectUnresolved(_id());
        anchors[1].refund(USD, 0, BOB);
        vm.warp(until + 1);
        anchors[1].resolve();
        _assertPhase(1, Phase.ABORTED);
        CounterProof[] memory proofs = _proofsForSpoke(1, _id());
        _expectWrongPhase(Phase.ABORTED, Phase.PREPARED);
        _commit(1, settlement, legs[1], proofs);
        anchors[1].refund(USD, 0, BOB); // the deposit that the leg would have consumed
        vm.assertEq(_paid(1, BOB), 50, "refunded");
    }

    function test_resolve_takesACommittedLegAsFinalHereAlone() public {
        _release(1, 5);
        _claim(1, 20);
        _relist();
        _settle(settlement, legs);
        bytes32 id = _id();
        _freeze(1);
        uint256 until = block.timestamp + RESOLUTION;
        vm.warp(until);
        _expectUnresolved(id);
        _exit(1, legs[1], _owned(1, 0));
        vm.warp(until + 1);
        vm.prank(address(0xdead));
        anchors[1].resolve();
        _assertPhase(1, Phase.FINAL);
        _assertPhase(HOME, Phase.COMMITTED);
        _assertPhase(2, Phase.COMMITTED);
        _exit(1, legs[1], _owned(1, 0));
        _exit(1, legs[1], _owned(1, 1));
        _claimRelease(1, id, 5);
        vm.assertEq(_vault(1), 0, "all three parts of the vault are paid");
        anchors[1].resolve(); // nothing is left to resolve
        vm.assertEq(anchors[1].finalSequence(), uint256(1), "sequence");
    }

    function test_resolve_revertsAtHomeAndWhileSettlementsGoOn() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotFrozen.selector));
        anchors[1].resolve();
        _freeze(HOME);
        vm.warp(block.timestamp + RESOLUTION + 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongRole.selector, true));
        anchors[HOME].resolve();
    }

    // --------------------------------------------------------------------------- refund

    function test_refund_givesBackOnceWhatNoLegConsumed() public {
        _beginWithClaims(1, 1, 20);
        Leg memory leg = legs[1];
        bytes32 id = _settle(settlement, legs);
        _deposit(1, USD, 9, ALICE);
        _deposit(1, ETH, 11, ALICE);
        _finalizeEverywhere(id);
        _freeze(1);

        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotRefundable.selector, USD, 0));
        anchors[1].refund(USD, 0, BOB); // consumed: it is Alice's and Bob's claims now
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotRefundable.selector, USD, 2));
        anchors[1].refund(USD, 2, ALICE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.UnknownAsset.selector, 3));
        anchors[1].refund(3, 0, ALICE);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotMember.selector, BOB, ALICE));
        anchors[1].refund(USD, 1, BOB);

        vm.expectEmit(address(anchors[1]));
        emit IAnchor.Refunded(USD, 1, ALICE, 9, ALICE);
        anchors[1].refund(USD, 1, ALICE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AlreadyRefunded.selector, USD, 1));
        anchors[1].refund(USD, 1, ALICE);
        vm.assertTrue(anchors[1].isRefunded(USD, 1), "marked");
        vm.assertTrue(!anchors[1].isRefunded(ETH, 0), "by asset");
        vm.assertEq(_paid(1, ALICE), 9, "paid");
        vm.assertEq(anchors[1].assetState(USD).unconsumedDeposits, uint256(0), "not owed");
        vm.prank(ALICE);
        anchors[1].refund(ETH, 0, BOB);
        vm.assertEq(tokens[1][1].balanceOf(BOB), 11 * ETH_UNIT, "in token units, where she says");

        _exit(1, leg, _owned(1, 0));
        _exit(1, leg, _owned(1, 1));
        vm.assertEq(_vault(1), 0, "vault");
    }

    function test_refund_worksWhereNoLegEverCommitted() public {
        _freeze(1);
        anchors[1].refund(USD, 0, BOB);
        vm.assertEq(_paid(1, BOB), 50, "paid");
        Leg memory none;
        Owned memory own = _owned(1, 0);
        _refuseExit(
            1,
            none,
            own,
            abi.encodeWithSelector(
                IAnchor.WrongLegHash.selector, harness.legHash(none), bytes32(0)
            )
        );
    }

    function test_refund_isNoMoreWhenTheLegInFlightConsumesTheDeposit() public {
        _claim(1, 20);
        _relist();
        _prepareAndWarn(1);
        _commitHome();
        _freezeWarned(1);
        _expectUnresolved(_id());
        anchors[1].refund(USD, 0, BOB);
        _commitSpoke(1);
        _expectUnresolved(_id());
        anchors[1].refund(USD, 0, BOB);
        anchors[HOME].finalize(_id());
        anchors[1].finalizeByProof(_id(), _proofOfHome(1));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotRefundable.selector, USD, 0));
        anchors[1].refund(USD, 0, BOB);
        _exit(1, legs[1], _owned(1, 1));
        vm.assertEq(_paid(1, BOB), 20, "the claim, not the deposit");
    }

    // ----------------------------------------------------------------------- odd tokens

    /// @dev Put other code where an asset's token is; balances stay, the layout is ERC20's.
    function _replaceToken(uint256 chain, uint256 asset, address code) private {
        vm.etch(address(tokens[chain][asset]), code.code);
    }

    function _settledAndFrozen() private returns (Leg memory leg) {
        _beginWithClaims(1, 1, 20);
        leg = legs[1];
        bytes32 id = _settle(settlement, legs);
        _deposit(1, USD, 9, ALICE);
        _finalizeEverywhere(id);
        _freeze(1);
    }

    function test_exitFrozen_revertsWhenTheTokenReenters() public {
        Leg memory leg = _settledAndFrozen();
        _replaceToken(1, 0, address(new ReentrantToken()));
        ReentrantToken token = ReentrantToken(address(tokens[1][0]));
        Owned memory own = _owned(1, 0);
        bytes[2] memory calls = [
            abi.encodeCall(
                IAnchor.exitFrozen,
                (leg, USD, own.position, ALICE, own.claim, own.siblings, own.sums, ALICE)
            ),
            abi.encodeCall(IAnchor.refund, (USD, 1, ALICE))
        ];
        bytes memory expected =
            abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        for (uint256 i = 0; i < 2; ++i) {
            token.arm(address(anchors[1]), calls[i]);
            _refuseExit(1, leg, own, expected);
            vm.expectRevert(expected);
            anchors[1].refund(USD, 1, ALICE);
        }
        vm.assertEq(_paid(1, ALICE), 0, "nothing was paid");
    }

    function test_exitFrozen_blocksNobodyElseWhenARecipientIsRefused() public {
        Leg memory leg = _settledAndFrozen();
        _replaceToken(1, 0, address(new BlockingToken()));
        BlockingToken(address(tokens[1][0])).blockRecipient(ALICE);
        vm.expectRevert(abi.encodeWithSelector(BlockingToken.Blocked.selector, ALICE));
        _exit(1, leg, _owned(1, 0));
        _exit(1, leg, _owned(1, 1));
        vm.assertEq(_paid(1, BOB), 20, "bob does not wait for alice");
        vm.prank(ALICE);
        _exitTo(1, leg, _owned(1, 0), address(0xa1));
        vm.assertEq(_paid(1, address(0xa1)), 30, "alice goes another way");
    }

    function test_exitFrozen_canBeTriedAgainWhenTheTokenAnsweredFalse() public {
        Leg memory leg = _settledAndFrozen();
        address token = address(tokens[1][0]);
        bytes memory good = token.code;
        _replaceToken(1, 0, address(new BlockingToken()));
        BlockingToken(token).answerFalse();
        _refuseExit(
            1,
            leg,
            _owned(1, 0),
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token)
        );
        vm.assertTrue(!anchors[1].isExited(USD, ALICE_POSITION), "not marked");
        vm.etch(token, good);
        _exit(1, leg, _owned(1, 0));
        vm.assertEq(_paid(1, ALICE), 30, "paid");
    }

    function test_refund_ofOneAssetGoesOnWhenAnotherBurnsAllGas() public {
        _deposit(1, ETH, 11, ALICE);
        _freeze(1);
        _replaceToken(1, 0, address(new BurningToken()));
        (bool success,) =
            address(anchors[1]).call{gas: 1_000_000}(abi.encodeCall(IAnchor.refund, (USD, 0, BOB)));
        vm.assertTrue(!success, "out of gas");
        vm.assertTrue(!anchors[1].isRefunded(USD, 0), "not marked");
        anchors[1].refund(ETH, 0, ALICE);
        vm.assertEq(tokens[1][1].balanceOf(ALICE), 11 * ETH_UNIT, "the other asset");
    }
}
