// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {ILightClient} from "../src/interfaces/ILightClient.sol";
import {StateProof} from "../src/proof/StateProof.sol";
import {CounterProof, Phase} from "../src/Types.sol";
import {TrieBuilder} from "./TrieBuilder.sol";
import {SettlementFixture} from "./SettlementFixture.sol";

/// @notice Commit, with real proofs of what the other anchors store.
contract CommitTest is SettlementFixture {
    // -------------------------------------------------------------------------- commit

    function test_commit_takesEffectOnAllChains() public {
        _settle(settlement, legs);
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            IAnchor anchor = anchors[chain];
            _assertPhase(chain, Phase.COMMITTED);
            vm.assertEq(anchor.lastCommitted(), _id(), "last committed");
            vm.assertEq(anchor.lastLeg(), harness.legHash(legs[chain]), "last leg");
            vm.assertEq(anchor.inFlight(), bytes32(0), "in flight");
            IAnchor.AssetState memory state = anchor.assetState(USD);
            vm.assertEq(state.claims, legs[chain].assets[0].claims, "claims");
            vm.assertEq(state.unconsumedDeposits, uint256(0), "deposits are consumed");
            (uint64 sequence, uint64 committedAt) = anchor.commitOf(_id());
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
        _settle(settlement, legs);
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
        CounterProof[] memory early = _proofsForSpoke(1, _id());
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
        anchors[HOME].finalize(_id());
        _commit(1, settlement, legs[1], _proofsForSpoke(1, _id()));
        _assertPhase(1, Phase.COMMITTED);
    }

    // -------------------------------------------------------------------- what is proven

    function test_commit_revertsWhenTheClientIsFrozen() public {
        _prepareAll(settlement, legs);
        CounterProof[] memory proofs = _proofsForHome(settlement);
        _freeze(onHome[1]);
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
        vm.expectRevert(
            abi.encodeWithSelector(IAnchor.WordIsNoPhase.selector, chainIds[1], 0x0101)
        );
        anchors[HOME].commit(settlement, legs[HOME], proofs);
    }

    /// @dev A proof that chain 1's attesters sign although the anchor never held it.
    function _forge(bytes32 codeHash, uint256 word) private returns (CounterProof memory proof) {
        bytes32[] memory slots = new bytes32[](2);
        uint256[] memory words = new uint256[](2);
        (slots[0], words[0]) = (keccak256(abi.encode(_id(), uint256(0))), word);
        (slots[1], words[1]) = (bytes32(uint256(3)), 7);
        bytes32 storageRoot;
        bytes32 stateRoot;
        (storageRoot, proof.storageProof) = TrieBuilder.proveStorage(slots, words, slots[0]);
        (stateRoot, proof.accountProof) =
            TrieBuilder.proveAccount(address(anchors[1]), storageRoot, codeHash);
        proof.height = ++heights[address(onHome[1])];
        _update(onHome[1], 1, proof.height, stateRoot, uint64(block.timestamp));
    }
}
