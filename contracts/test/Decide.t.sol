// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {ILightClient} from "../src/interfaces/ILightClient.sol";
import {StateProof} from "../src/proof/StateProof.sol";
import {CounterProof, Leg, Phase, Settlement} from "../src/Types.sol";
import {Fixture} from "./Fixture.sol";
import {TrieBuilder} from "./TrieBuilder.sol";

/// @notice Commit, abort and final, each with real proofs of what the other anchor stores.
contract DecideTest is Fixture {
    Settlement private settlement;
    Leg[] private legs;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _deposit(HOME, USD, 100, address(0xa11ce));
        _deposit(1, USD, 50, address(0xb0b));
        _begin(1);
    }

    /// @dev Build the settlement of a cycle with all chains active.
    function _begin(uint64 cycle) private {
        Leg[] memory built = _nextLegs(cycle);
        delete legs;
        for (uint256 i = 0; i < CHAINS; ++i) {
            legs.push(built[i]);
        }
        settlement = _settlement(cycle, built, [true, true, true]);
        id = harness.settlementId(settlement);
    }

    function _assertPhase(uint256 chain, Phase expected) private view {
        vm.assertEq(uint256(anchors[chain].phase(id)), uint256(expected), "phase");
    }

    function _proofOfHome(uint256 chain) private returns (CounterProof memory) {
        return _prove(onSpoke[chain], HOME, id);
    }

    // -------------------------------------------------------------------------- commit

    function test_commit_takesEffectOnAllChains() public {
        _settle(settlement, legs);
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            IAnchor anchor = anchors[chain];
            _assertPhase(chain, Phase.COMMITTED);
            vm.assertEq(anchor.lastCommitted(), id, "last committed");
            vm.assertEq(anchor.lastLeg(), harness.legHash(legs[chain]), "last leg");
            vm.assertEq(anchor.inFlight(), bytes32(0), "in flight");
            IAnchor.AssetState memory state = anchor.assetState(USD);
            vm.assertEq(state.claims, legs[chain].assets[0].claims, "claims");
            vm.assertEq(state.unconsumedDeposits, uint256(0), "deposits are consumed");
            (uint64 sequence, uint64 committedAt) = anchor.commitOf(id);
            vm.assertEq(sequence, uint256(1), "sequence");
            vm.assertEq(committedAt, block.timestamp, "committed at");
        }
        for (uint256 chain = 1; chain < CHAINS; ++chain) {
            bytes32 last = anchors[HOME].lastLegOf(chainIds[chain]);
            vm.assertEq(last, harness.legHash(legs[chain]), "home keeps the peers' legs");
        }
    }

    function test_commit_leavesAnInactiveChainAlone() public {
        settlement = _settlement(1, legs, [true, true, false]);
        id = _settle(settlement, legs);
        _assertPhase(HOME, Phase.COMMITTED);
        _assertPhase(1, Phase.COMMITTED);
        _assertPhase(2, Phase.NONE);
        vm.assertEq(anchors[HOME].lastLegOf(chainIds[2]), bytes32(0), "no leg yet");
        vm.warp(block.timestamp + 1);
        _begin(2);
        _settle(settlement, legs);
        _assertPhase(2, Phase.COMMITTED);
    }

    function test_commit_revertsWhenNotPrepared() public {
        _expectWrongPhase(Phase.NONE, Phase.PREPARED);
        anchors[HOME].commit(settlement, legs[HOME], new CounterProof[](0));
    }

    function test_commit_revertsWhenLegIsNotTheListedOne() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        legs[HOME].dataHash = "other";
        vm.chainId(chainIds[HOME]);
        vm.expectPartialRevert(IAnchor.WrongLegHash.selector);
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsAtHomeAfterDecideBy() public {
        _prepareAll(settlement, legs);
        vm.warp(settlement.decideBy + 1);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.DecisionTooLate.selector, settlement.decideBy, settlement.decideBy + 1
            )
        );
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_succeedsAtHomeAtDecideBy() public {
        _prepareAll(settlement, legs);
        vm.warp(settlement.decideBy);
        _commit(HOME, settlement, legs[HOME], _proofsForHome(settlement));
        _assertPhase(HOME, Phase.COMMITTED);
    }

    function test_commit_revertsAtHomeWhenProofsAreMissingOrExtra() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory two = _proofsForHome(settlement);
        CounterProof[] memory one = new CounterProof[](1);
        one[0] = two[0];
        CounterProof[] memory three = new CounterProof[](3);
        (three[0], three[1], three[2]) = (two[0], two[1], two[1]);
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongProofCount.selector, 1, 2));
        anchors[HOME].commit(settlement, legs[HOME], one);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongProofCount.selector, 3, 2));
        anchors[HOME].commit(settlement, legs[HOME], three);
        anchors[HOME].commit(settlement, legs[HOME], two);
    }

    function test_commit_revertsAtHomeWhenAPeerHasNotPrepared() public {
        _prepare(HOME, settlement, legs[HOME]);
        _prepare(1, settlement, legs[1]);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.ProvenPhaseInsufficient.selector, chainIds[2], Phase.NONE
            )
        );
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsAtHomeWhenProofsAreOfTheOtherPeer() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        (proofs[0], proofs[1]) = (proofs[1], proofs[0]);
        vm.chainId(chainIds[HOME]);
        vm.expectPartialRevert(StateProof.NodeHashMismatch.selector);
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsOnASpokeUntilHomeHasCommitted() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory early = _proofsForSpoke(1, id);
        vm.chainId(chainIds[1]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.ProvenPhaseInsufficient.selector, chainIds[HOME], Phase.PREPARED
            )
        );
        anchors[1].commit(settlement, legs[1], early);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongProofCount.selector, 0, 1));
        anchors[1].commit(settlement, legs[1], new CounterProof[](0));
    }

    function test_commit_succeedsOnASpokeLongAfterDecideByWithHomeFinal() public {
        _prepareAll(settlement, legs);
        _commit(HOME, settlement, legs[HOME], _proofsForHome(settlement));
        vm.warp(block.timestamp + 30 days);
        anchors[HOME].finalize(id);
        _commit(1, settlement, legs[1], _proofsForSpoke(1, id));
        _assertPhase(1, Phase.COMMITTED);
    }

    // -------------------------------------------------------------------- what is proven

    function test_commit_revertsWhenTheClientIsFrozen() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        vm.store(address(onHome[1]), bytes32(uint256(2)), bytes32(uint256(1) << 128));
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ClientFrozen.selector, chainIds[1]));
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsWhenTheHeaderIsUnknown() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        proofs[0].height = 999;
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.UnknownHeader.selector, 999));
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsWhenTheProofIsTruncated() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        bytes[] memory nodes = proofs[1].storageProof;
        assembly ("memory-safe") {
            mstore(nodes, 1)
        }
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofTruncated.selector, 1));
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsWhenTheAnchorCarriesOtherCode() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        proofs[0] = _forge(keccak256("other code"), uint256(Phase.PREPARED));
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.WrongCodeHash.selector,
                chainIds[1],
                keccak256("other code"),
                address(anchors[1]).codehash
            )
        );
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    function test_commit_revertsWhenTheWordIsNoPhase() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        proofs[0] = _forge(address(anchors[1]).codehash, 0x0101);
        vm.chainId(chainIds[HOME]);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WordIsNoPhase.selector, chainIds[1], 0x0101));
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    /// @dev A proof that chain 1's attesters sign although the anchor never held it.
    function _forge(bytes32 codeHash, uint256 word) private returns (CounterProof memory proof) {
        bytes32[] memory slots = new bytes32[](2);
        uint256[] memory words = new uint256[](2);
        (slots[0], words[0]) = (keccak256(abi.encode(id, uint256(0))), word);
        (slots[1], words[1]) = (bytes32(uint256(3)), 7);
        bytes32 storageRoot;
        bytes32 stateRoot;
        (storageRoot, proof.storageProof) = TrieBuilder.proveStorage(slots, words, slots[0]);
        (stateRoot, proof.accountProof) =
            TrieBuilder.proveAccount(address(anchors[1]), storageRoot, codeHash);
        proof.height = ++heights[address(onHome[1])];
        _update(onHome[1], 1, proof.height, stateRoot, uint64(block.timestamp));
    }

    // --------------------------------------------------------------------------- abort

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
        CounterProof memory absent = _prove(onHome[2], 2, id);
        anchors[HOME].abortByAbsence(settlement, chainIds[2], absent);
        _assertPhase(HOME, Phase.ABORTED);
    }

    function test_abortByAbsence_revertsWhenTheHeaderIsTooOld() public {
        _prepare(HOME, settlement, legs[HOME]);
        uint64 deadline = settlement.prepareDeadline;
        vm.warp(deadline);
        CounterProof memory absent = _prove(onHome[2], 2, id);
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
        CounterProof memory prepared = _prove(onHome[2], 2, id);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.ProvenPhaseInsufficient.selector, chainIds[2], Phase.PREPARED
            )
        );
        anchors[HOME].abortByAbsence(settlement, chainIds[2], prepared);
    }

    function test_abortByAbsence_revertsWhenTheChainHasNoPart() public {
        settlement = _settlement(1, legs, [true, true, false]);
        id = harness.settlementId(settlement);
        _prepare(HOME, settlement, legs[HOME]);
        vm.warp(settlement.prepareDeadline + 1);
        CounterProof memory absent = _prove(onHome[2], 2, id);
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
        anchors[HOME].finalize(id);
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

    function _expectWrongPhase(Phase actual, Phase expected) private {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongPhase.selector, id, actual, expected));
    }

    // --------------------------------------------------------------------------- final

    function test_finalize_waitsForTheChallengeWindow() public {
        _settle(settlement, legs);
        uint256 until = block.timestamp + windows.challengeSeconds;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ChallengeOpen.selector, until, until));
        anchors[HOME].finalize(id);
        vm.warp(until + 1);
        anchors[HOME].finalize(id);
        _assertPhase(HOME, Phase.FINAL);
        bytes32 slot = keccak256(abi.encode(id, uint256(0)));
        vm.assertEq(uint256(vm.load(address(anchors[HOME]), slot)), 5, "raw word");
        _expectWrongPhase(Phase.FINAL, Phase.COMMITTED);
        anchors[HOME].finalize(id);
    }

    function test_finalize_revertsBeforeTheParentIsFinal() public {
        bytes32 first = _settle(settlement, legs);
        vm.warp(block.timestamp + 1);
        _begin(2);
        _settle(settlement, legs);
        vm.warp(block.timestamp + windows.challengeSeconds + 1);
        vm.expectRevert(abi.encodeWithSelector(IAnchor.ParentNotFinal.selector, 2, 0));
        anchors[HOME].finalize(id);
        anchors[HOME].finalize(first);
        anchors[HOME].finalize(id);
        vm.assertEq(anchors[HOME].finalSequence(), uint256(2), "final sequence");
    }

    function test_finalize_revertsOnASpokeAndWhenNotCommitted() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongRole.selector, false));
        anchors[1].finalize(id);
        _expectWrongPhase(Phase.NONE, Phase.COMMITTED);
        anchors[HOME].finalize(id);
    }

    function test_finalizeByProof_coversEarlierLegs() public {
        bytes32 first = _settle(settlement, legs);
        vm.warp(block.timestamp + 1);
        _begin(2);
        _settle(settlement, legs);
        vm.warp(block.timestamp + windows.challengeSeconds + 1);
        anchors[HOME].finalize(first);
        CounterProof memory early = _proofOfHome(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.ProvenPhaseInsufficient.selector, chainIds[HOME], Phase.COMMITTED
            )
        );
        anchors[1].finalizeByProof(id, early);

        anchors[HOME].finalize(id);
        vm.assertEq(uint256(anchors[1].phase(first)), uint256(Phase.COMMITTED), "not yet");
        anchors[1].finalizeByProof(id, _proofOfHome(1));
        vm.assertEq(uint256(anchors[1].phase(first)), uint256(Phase.FINAL), "earlier leg");
        _assertPhase(1, Phase.FINAL);
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.WrongPhase.selector, first, Phase.FINAL, Phase.COMMITTED)
        );
        anchors[1].finalizeByProof(first, early);
    }

    function test_finalizeByProof_worksOneByOneAndWhileFrozen() public {
        bytes32 first = _settle(settlement, legs);
        vm.warp(block.timestamp + windows.challengeSeconds + 1);
        anchors[HOME].finalize(first);
        _begin(2);
        _settle(settlement, legs);
        vm.store(address(anchors[1]), bytes32(uint256(4)), bytes32(uint256(1)));
        anchors[1].finalizeByProof(first, _prove(onSpoke[1], HOME, first));
        vm.assertEq(uint256(anchors[1].phase(first)), uint256(Phase.FINAL), "first");
        _assertPhase(1, Phase.COMMITTED);
    }

    function test_finalizeByProof_revertsAtHomeAndWhenNotCommitted() public {
        CounterProof memory none = CounterProof(0, new bytes[](0), new bytes[](0));
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongRole.selector, true));
        anchors[HOME].finalizeByProof(id, none);
        _expectWrongPhase(Phase.NONE, Phase.COMMITTED);
        anchors[1].finalizeByProof(id, none);
    }
}
