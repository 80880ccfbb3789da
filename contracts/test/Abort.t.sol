// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {CounterProof, Phase} from "../src/Types.sol";
import {SettlementFixture} from "./SettlementFixture.sol";

/// @notice Abort by time, by absence and by following home.
contract AbortTest is SettlementFixture {
    function test_abort_givesUpAtHomeAfterDecideByAndSpokesFollow() public {
        _prepareAll(settlement, legs);
        vm.warp(settlement.decideBy + 1);
        anchors[HOME].abort(settlement);
        for (uint256 chain = 1; chain < CHAINS; ++chain) {
            anchors[chain].abortByProof(settlement, _proofOfHome(chain));
        }
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            _assertPhase(chain, Phase.ABORTED);
            vm.assertEq(anchors[chain].lastLeg(), bytes32(0), "nothing took effect");
            vm.assertEq(anchors[chain].inFlight(), bytes32(0), "nothing in flight");
        }
        _begin(2);
        _settle(settlement, legs);
        vm.assertEq(anchors[HOME].assetState(USD).claims, uint256(100), "the next one settles");
    }

    function test_abort_revertsUntilDecideByHasPassed() public {
        _prepare(HOME, settlement, legs[HOME]);
        uint64 decideBy = settlement.decideBy;
        vm.warp(decideBy);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.DecisionTooEarly.selector, decideBy, decideBy)
        );
        anchors[HOME].abort(settlement);
    }

    function test_abort_revertsWhenNotPreparedOrDecided() public {
        _expectWrongPhase(Phase.NONE, Phase.PREPARED);
        anchors[HOME].abort(settlement);
        _settle(settlement, legs);
        vm.warp(settlement.decideBy + 1);
        _expectWrongPhase(Phase.COMMITTED, Phase.PREPARED);
        anchors[HOME].abort(settlement);
    }

    function test_abort_revertsOnASpoke() public {
        _prepare(1, settlement, legs[1]);
        vm.warp(settlement.decideBy + 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongRole.selector, false));
        anchors[1].abort(settlement);
    }

    function test_abortByAbsence_givesUpWhenAChainCanNoLongerPrepare() public {
        _prepare(HOME, settlement, legs[HOME]);
        _prepare(1, settlement, legs[1]);
        vm.warp(settlement.prepareDeadline + 1);
        CounterProof memory absent = _prove(onHome[2], 2, _id());
        anchors[HOME].abortByAbsence(settlement, chainIds[2], absent);
        _assertPhase(HOME, Phase.ABORTED);
    }

    function test_abortByAbsence_revertsWhenTheHeaderIsTooOld() public {
        _prepare(HOME, settlement, legs[HOME]);
        uint64 deadline = settlement.prepareDeadline;
        vm.warp(deadline);
        CounterProof memory absent = _prove(onHome[2], 2, _id());
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.AbsenceTooEarly.selector, chainIds[2], deadline, deadline
            )
        );
        anchors[HOME].abortByAbsence(settlement, chainIds[2], absent);
    }

    function test_abortByAbsence_revertsWhenTheChainHasPrepared() public {
        _prepareAll(settlement, legs);
        vm.warp(settlement.prepareDeadline + 1);
        CounterProof memory prepared = _prove(onHome[2], 2, _id());
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.ProvenPhaseInsufficient.selector, chainIds[2], Phase.PREPARED
            )
        );
        anchors[HOME].abortByAbsence(settlement, chainIds[2], prepared);
    }

    function test_abortByAbsence_revertsWhenTheChainHasNoPart() public {
        settlement = _settlement(1, legs, [true, true, false]);
        _prepare(HOME, settlement, legs[HOME]);
        vm.warp(settlement.prepareDeadline + 1);
        CounterProof memory absent = _prove(onHome[2], 2, _id());
        uint256[3] memory chains = [chainIds[2], chainIds[HOME], 77];
        bytes4[3] memory expected = [
            IAnchor.ChainNotActive.selector,
            IAnchor.ChainNotActive.selector,
            IAnchor.ChainNotListed.selector
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(expected[i], chains[i]));
            anchors[HOME].abortByAbsence(settlement, chains[i], absent);
        }
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongRole.selector, false));
        anchors[1].abortByAbsence(settlement, chainIds[2], absent);
    }

    function test_abortByProof_followsHomeThatNeverPrepared() public {
        _prepare(1, settlement, legs[1]);
        uint64 deadline = settlement.prepareDeadline;
        vm.warp(deadline);
        CounterProof memory early = _proofOfHome(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.AbsenceTooEarly.selector, chainIds[HOME], deadline, deadline
            )
        );
        anchors[1].abortByProof(settlement, early);
        vm.warp(deadline + 1);
        anchors[1].abortByProof(settlement, _proofOfHome(1));
        _assertPhase(1, Phase.ABORTED);
    }

    function test_abortByProof_revertsWhileHomeMayStillCommitOrHas() public {
        _prepareAll(settlement, legs);
        vm.warp(settlement.decideBy);
        _expectInsufficient(Phase.PREPARED);
        _commit(HOME, settlement, legs[HOME], _proofsForHome(settlement));
        _expectInsufficient(Phase.COMMITTED);
        vm.warp(block.timestamp + windows.challengeSeconds + 1);
        anchors[HOME].finalize(_id());
        _expectInsufficient(Phase.FINAL);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongRole.selector, true));
        anchors[HOME].abortByProof(settlement, CounterProof(0, new bytes[](0), new bytes[](0)));
    }

    function _expectInsufficient(Phase home) private {
        CounterProof memory proof = _proofOfHome(1);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.ProvenPhaseInsufficient.selector, chainIds[HOME], home)
        );
        anchors[1].abortByProof(settlement, proof);
    }
}
