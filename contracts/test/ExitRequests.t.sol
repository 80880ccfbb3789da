// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {Leg} from "../src/Types.sol";
import {ExitFixture} from "./ExitFixture.sol";

/// @notice A member asks to leave; the legs must answer, or the anchor freezes (P7).
contract ExitRequestsTest is ExitFixture {
    uint64 private constant MOST = uint64(type(int64).max);

    // -------------------------------------------------------------------------- request

    function test_requestExit_liesWhereOtherChainsProveIt() public {
        vm.expectEmit(address(anchors[1]));
        emit IAnchor.ExitRequested(ETH, 0, ALICE, 7);
        vm.prank(ALICE);
        vm.assertEq(anchors[1].requestExit(ETH, 7), 0, "index");
        bytes32 slot = keccak256(abi.encode(uint256(ETH), uint256(2)));
        slot = keccak256(abi.encode(uint256(0), slot));
        bytes32 record = bytes32(abi.encodePacked(ALICE, ETH, uint64(7)));
        vm.assertEq(vm.load(address(anchors[1]), slot), record, "record");
        bytes32 time = vm.load(address(anchors[1]), bytes32(uint256(slot) + 1));
        vm.assertEq(uint256(time), START, "time");
        vm.assertEq(anchors[1].exits(ETH, 0).record, record, "view");
        vm.assertEq(anchors[1].exitCount(ETH), uint256(1), "count");
        vm.assertEq(anchors[1].exitCount(USD), uint256(0), "counted by asset");
    }

    function test_requestExit_revertsWhenOutOfRangeOrUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ExitOutOfRange.selector, 0));
        anchors[1].requestExit(USD, 0);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ExitOutOfRange.selector, MOST + 1));
        anchors[1].requestExit(USD, MOST + 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.UnknownAsset.selector, 3));
        anchors[1].requestExit(3, 1);
        anchors[1].requestExit(USD, MOST);
    }

    function test_requestExit_takesOneAtATimeByMemberAndAsset() public {
        vm.prank(BOB);
        anchors[1].requestExit(USD, 1);
        vm.prank(ALICE);
        vm.assertEq(anchors[1].requestExit(USD, 5), 1, "another member");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ExitPending.selector, USD, 1));
        anchors[1].requestExit(USD, 5);
        vm.prank(ALICE);
        anchors[1].requestExit(ETH, 5);

        // Answered with nothing is answered; prepared is not.
        _begin(1);
        legs[1].assets[0].exitCursor = 1;
        _relist();
        _prepareAll(settlement, legs);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ExitPending.selector, USD, 0));
        anchors[1].requestExit(USD, 1);
        _commitHome();
        _commitSpoke(1);
        vm.prank(BOB);
        vm.assertEq(anchors[1].requestExit(USD, 1), 2, "again");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ExitPending.selector, USD, 1));
        anchors[1].requestExit(USD, 5);
    }

    // ------------------------------------------------------------------------ the grace

    function test_prepare_acceptsALeftOutExitWithinItsGraceAndRefusesItAfter() public {
        vm.prank(ALICE);
        anchors[1].requestExit(USD, 5);
        vm.warp(START + windows.graceSeconds);
        _begin(1);
        legs[1].assets[0].exitCursor = 0;
        _relist();
        vm.warp(START + windows.graceSeconds + 1);
        _refuse(1, abi.encodeWithSelector(IAnchor.ExitOverdue.selector, USD, 0, START));
        vm.warp(START + windows.graceSeconds);
        _prepare(1, settlement, legs[1]);
    }

    function test_prepare_holdsToEveryExitNotTheFirstAlone() public {
        vm.prank(ALICE);
        anchors[1].requestExit(USD, 5);
        vm.prank(BOB);
        anchors[1].requestExit(USD, 5);
        vm.warp(START + windows.graceSeconds + 1);
        _begin(1);
        legs[1].assets[0].exitCursor = 1;
        _relist();
        _refuse(1, abi.encodeWithSelector(IAnchor.ExitOverdue.selector, USD, 1, START));
        legs[1].assets[0].exitCursor = 2;
        _relist();
        _prepare(1, settlement, legs[1]);
    }

    function test_prepare_revertsWhenTheExitCursorGoesBackOrPastTheEnd() public {
        vm.prank(ALICE);
        anchors[1].requestExit(USD, 5);
        _begin(1);
        legs[1].assets[0].exitCursor = 2;
        _relist();
        _refuse(1, abi.encodeWithSelector(IAnchor.ExitCursorOutOfRange.selector, USD, 2, 0, 1));
        legs[1].assets[0].exitCursor = 1;
        _relist();
        _settle(settlement, legs);
        vm.warp(START + 1);
        _begin(2);
        legs[1].assets[0].exitCursor = 0;
        _relist();
        _refuse(1, abi.encodeWithSelector(IAnchor.ExitCursorOutOfRange.selector, USD, 0, 1, 1));
    }

    // ----------------------------------------------------------------------------- warn

    function test_warn_isForADepositOlderThanTheGrace() public {
        vm.warp(START + windows.graceSeconds);
        _expectNothingOverdue(1);
        vm.warp(START + windows.graceSeconds + 1);
        _expectNothingOverdue(2); // nobody deposited there
        vm.expectEmit(address(anchors[1]));
        emit IAnchor.Warned(block.timestamp + windows.freezeDelaySeconds);
        anchors[1].warn();
        (uint64 warnedAt, uint64 frozenAt) = anchors[1].freezeTimes();
        vm.assertEq(warnedAt, block.timestamp, "warned");
        vm.assertEq(frozenAt, uint256(0), "not frozen");
    }

    function test_warn_isForAnExitOlderThanTheGraceOfAnyAsset() public {
        vm.prank(ALICE);
        anchors[2].requestExit(ETH, 1);
        vm.warp(START + windows.graceSeconds);
        _expectNothingOverdue(2);
        vm.warp(START + windows.graceSeconds + 1);
        anchors[2].warn();
    }

    function test_warn_isForAChainWithoutALegForTheStallTime() public {
        _settle(settlement, legs);
        vm.warp(START + windows.stallSeconds);
        _expectNothingOverdue(1);
        vm.warp(START + windows.stallSeconds + 1);
        anchors[1].warn();
    }

    function test_warn_knowsNoStallBeforeTheFirstLeg() public {
        vm.warp(START + 365 days);
        _expectNothingOverdue(2);
    }

    function test_warn_isGivenOnceAndAgainAfterALeg() public {
        vm.warp(START + windows.graceSeconds + 1);
        anchors[1].warn();
        uint256 warnedAt = block.timestamp;
        vm.warp(warnedAt + 10);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.AlreadyWarned.selector, warnedAt));
        anchors[1].warn(); // else whoever warns again would put off the freeze
        _begin(1);
        _settle(settlement, legs);
        _expectNothingOverdue(1);
        vm.warp(block.timestamp + windows.stallSeconds + 1);
        anchors[1].warn();
    }

    // --------------------------------------------------------------------------- freeze

    function test_freeze_isOpenToAnyoneAfterTheDelay() public {
        vm.warp(START + windows.graceSeconds + 1);
        anchors[1].warn();
        uint256 until = block.timestamp + windows.freezeDelaySeconds;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.FreezeTooEarly.selector, until, until));
        anchors[1].freeze();
        vm.warp(until + 1);
        vm.expectEmit(address(anchors[1]));
        emit IAnchor.Frozen();
        vm.prank(address(0xdead));
        anchors[1].freeze();
        vm.assertTrue(anchors[1].frozen(), "frozen");
        bytes32 word = vm.load(address(anchors[1]), bytes32(uint256(4)));
        vm.assertEq(uint256(word), 1, "slot 4, which other chains prove");
        (, uint64 frozenAt) = anchors[1].freezeTimes();
        vm.assertEq(frozenAt, block.timestamp, "time");
    }

    function test_freeze_revertsWithoutAWarning() public {
        vm.warp(START + 365 days);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotWarned.selector));
        anchors[1].freeze();
    }

    function test_freeze_revertsWhenALegCommittedSinceTheWarning() public {
        _settle(settlement, legs);
        // An outage longer than the stall time, ended in the last second of the delay.
        vm.warp(START + windows.stallSeconds + 100);
        anchors[1].warn();
        vm.warp(block.timestamp + windows.freezeDelaySeconds);
        _begin(2);
        _settle(settlement, legs);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotWarned.selector));
        anchors[1].freeze();
    }

    function test_freeze_revertsWhenALegCommittedInTheSecondOfTheWarning() public {
        vm.warp(START + windows.graceSeconds + 1);
        anchors[1].warn();
        _begin(1);
        _settle(settlement, legs);
        vm.warp(block.timestamp + windows.freezeDelaySeconds + 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NotWarned.selector));
        anchors[1].freeze();
    }

    function test_freeze_isNotPutOffByALegThatIsOnlyPrepared() public {
        _prepareAndWarn(1);
        _freezeWarned(1);
        vm.assertTrue(anchors[1].frozen(), "frozen");
    }

    function test_frozen_takesNothingNew() public {
        _freeze(1);
        bytes memory closed = abi.encodeWithSelector(IAnchor.AnchorFrozen.selector);
        vm.expectRevert(closed);
        anchors[1].deposit(USD, 100, ALICE);
        vm.expectRevert(closed);
        anchors[1].requestExit(USD, 1);
        vm.expectRevert(closed);
        anchors[1].warn();
        vm.expectRevert(closed);
        anchors[1].freeze();
        _begin(1);
        _refuse(1, closed);
    }

    function test_steps_revertBeforeThePeersAreNamed() public {
        vm.chainId(chainIds[1]);
        IAnchor fresh = _newAnchor(chainIds, windows, operators, _assets(1));
        bytes memory expected = abi.encodeWithSelector(IAnchor.NotInitialized.selector);
        vm.expectRevert(expected);
        fresh.requestExit(USD, 1);
        vm.expectRevert(expected);
        fresh.warn();
        vm.expectRevert(expected);
        fresh.freeze();
    }

    /// @notice The way out of a member whom the operators ignore is bounded by the constants alone.
    function testFuzz_member_isOutInBoundedTime(uint256 chain, uint64 quanta) public {
        chain = chain % 2; // the two where someone owns something
        _beginWithClaims(1, chain, 20);
        Leg memory leg = legs[chain];
        bytes32 id = _settle(settlement, legs);
        uint256 begun = block.timestamp;
        vm.prank(BOB);
        anchors[chain].requestExit(USD, uint64(_bound(quanta, 1, MOST)));
        vm.warp(block.timestamp + windows.graceSeconds + 1);
        anchors[chain].warn();
        anchors[HOME].finalize(id);
        if (chain != HOME) {
            anchors[chain].finalizeByProof(id, _prove(onSpoke[chain], HOME, id));
        }
        _freezeWarned(chain);
        _exit(chain, leg, _owned(chain, 1));
        vm.assertEq(_paid(chain, BOB), 20, "all of it");
        uint256 bound = windows.graceSeconds + windows.freezeDelaySeconds + 2;
        vm.assertLe(block.timestamp - begun, bound, "in time");
    }

    function _expectNothingOverdue(uint256 chain) private {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.NothingOverdue.selector));
        anchors[chain].warn();
    }
}
