// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {Quorum} from "../src/proof/Quorum.sol";
import {ChainEntry, Leg, OperatorSet, Phase} from "../src/Types.sol";
import {SettlementFixture} from "./SettlementFixture.sol";

/// @notice Who may prepare what, when and on which chain.
contract PrepareTest is SettlementFixture {
    // ------------------------------------------------------------------------- success

    function test_prepare_storesThePhaseInSlotZeroOnEveryChain() public {
        _prepareAll(settlement, legs);
        bytes32 slot = keccak256(abi.encode(_id(), uint256(0)));
        for (uint256 chain = 0; chain < CHAINS; ++chain) {
            vm.assertEq(uint256(anchors[chain].phase(_id())), uint256(Phase.PREPARED), "phase");
            vm.assertEq(uint256(vm.load(address(anchors[chain]), slot)), 1, "raw word");
            vm.assertEq(anchors[chain].inFlight(), _id(), "in flight");
            vm.assertEq(anchors[chain].lastLeg(), bytes32(0), "nothing took effect");
            vm.assertEq(anchors[chain].assetState(USD).claims, uint256(0), "claims");
        }
    }

    function test_prepare_commitsAtOnceWhenHomeIsAlone() public {
        settlement = _settlement(1, legs, [true, false, false]);
        _prepare(HOME, settlement, legs[HOME]);
        vm.assertEq(uint256(anchors[HOME].phase(_id())), uint256(Phase.COMMITTED), "phase");
        vm.assertEq(anchors[HOME].lastCommitted(), _id(), "last committed");
        vm.assertEq(anchors[HOME].lastLeg(), harness.legHash(legs[HOME]), "last leg");
        vm.assertEq(anchors[HOME].assetState(USD).claims, uint256(100), "claims");
        vm.assertEq(anchors[HOME].inFlight(), bytes32(0), "in flight");
    }

    function test_prepare_acceptsAllSignersAndAnyQuorum() public {
        bytes[] memory signatures = _sign(_id(), operatorKeys, 4);
        vm.chainId(chainIds[HOME]);
        anchors[HOME].prepare(settlement, legs[HOME], operators, signatures);
        for (uint256 i = 0; i < 3; ++i) {
            signatures[i] = signatures[i + 1];
        }
        assembly ("memory-safe") {
            mstore(signatures, 3)
        }
        vm.chainId(chainIds[1]);
        anchors[1].prepare(settlement, legs[1], operators, signatures);
    }

    // --------------------------------------------------------------------- who and when

    function test_prepare_revertsWhenNotInitialized() public {
        vm.store(address(anchors[HOME]), bytes32(uint256(12)), 0);
        _refuse(HOME, abi.encodeWithSelector(IAnchor.NotInitialized.selector));
    }

    function test_prepare_revertsWhenFrozen() public {
        _freeze(1);
        _refuse(1, abi.encodeWithSelector(IAnchor.AnchorFrozen.selector));
    }

    function test_prepare_revertsWhenClearinghouseIsAnother() public {
        bytes32 ours = settlement.clearinghouseId;
        settlement.clearinghouseId = "another";
        _refuse(
            HOME,
            abi.encodeWithSelector(IAnchor.WrongClearinghouse.selector, bytes32("another"), ours)
        );
    }

    function test_prepare_revertsWhenPreparedBefore() public {
        _prepare(1, settlement, legs[1]);
        _refuse(
            1,
            abi.encodeWithSelector(IAnchor.WrongPhase.selector, _id(), Phase.PREPARED, Phase.NONE)
        );
    }

    function test_prepare_revertsWhenOperatorSetIsAnother() public {
        OperatorSet memory other = operators;
        other.threshold = 1;
        bytes32 current = anchors[HOME].operatorSetHash();
        bytes[] memory signatures = _signed(settlement);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAnchor.WrongOperatorSet.selector, harness.operatorSetHash(other), current
            )
        );
        anchors[HOME].prepare(settlement, legs[HOME], other, signatures);
    }

    function test_prepare_revertsWhenEpochIsAnother() public {
        settlement.operatorEpoch = 2;
        _refuse(HOME, abi.encodeWithSelector(IAnchor.WrongOperatorEpoch.selector, 2, 1));
    }

    function test_prepare_revertsWhenQuorumIsMissed() public {
        bytes[] memory signatures = _sign(_id(), operatorKeys, 2);
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumNotReached.selector, 2, 3));
        anchors[HOME].prepare(settlement, legs[HOME], operators, signatures);
    }

    function test_prepare_revertsWhenASignatureIsMalleable() public {
        bytes[] memory signatures = _signed(settlement);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(operatorKeys[0], _id());
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes32 highS = bytes32(order - uint256(s));
        signatures[0] = abi.encodePacked(r, highS, v ^ 7); // 27 <-> 28
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, highS));
        anchors[HOME].prepare(settlement, legs[HOME], operators, signatures);
    }

    function test_prepare_revertsWhenSomethingElseWasSigned() public {
        bytes[] memory signatures = _signed(settlement);
        settlement.journalHead = "forged";
        vm.chainId(chainIds[HOME]);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        anchors[HOME].prepare(settlement, legs[HOME], operators, signatures);
    }

    function test_prepare_revertsWhenAnotherIsInFlight() public {
        _prepare(1, settlement, legs[1]);
        bytes32 first = _id();
        settlement.journalHead = "second";
        _refuse(1, abi.encodeWithSelector(IAnchor.AlreadyInFlight.selector, first));
    }

    // ----------------------------------------------------------------- chain, leg, parent

    function test_prepare_revertsWhenLegIsOfAnotherChain() public {
        legs[1].chainId = 77;
        _refuse(1, abi.encodeWithSelector(IAnchor.WrongChain.selector, 77, chainIds[1]));
    }

    function test_prepare_revertsWhenLegIsOfAnotherAnchor() public {
        legs[1].anchor = address(anchors[2]);
        _refuse(
            1,
            abi.encodeWithSelector(
                IAnchor.WrongAnchor.selector, chainIds[1], anchors[2], anchors[1]
            )
        );
    }

    function test_prepare_revertsWhenLegIsOfAnotherCycle() public {
        legs[1].cycle = 9;
        _refuse(1, abi.encodeWithSelector(IAnchor.WrongLegCycle.selector, 9, 1));
    }

    function test_prepare_revertsWhenChainIsNotListed() public {
        settlement.chains.pop();
        _refuse(2, abi.encodeWithSelector(IAnchor.ChainNotListed.selector, chainIds[2]));
    }

    function test_prepare_revertsWhenEntryNamesAnotherAnchor() public {
        settlement.chains[1].anchor = ALICE;
        _refuse(
            1, abi.encodeWithSelector(IAnchor.WrongAnchor.selector, chainIds[1], ALICE, anchors[1])
        );
    }

    function test_prepare_revertsWhenThisChainIsInactive() public {
        settlement.chains[1].active = false;
        _refuse(1, abi.encodeWithSelector(IAnchor.ChainNotActive.selector, chainIds[1]));
    }

    function test_prepare_revertsWhenLegIsNotTheListedOne() public {
        bytes32 listed = settlement.chains[1].legHash;
        legs[1].dataHash = "other";
        bytes32 given = harness.legHash(legs[1]);
        _refuse(1, abi.encodeWithSelector(IAnchor.WrongLegHash.selector, given, listed));
    }

    function test_prepare_revertsWhenParentLegIsNotTheLast() public {
        legs[1].parentLeg = "other";
        _relist();
        _refuse(
            1,
            abi.encodeWithSelector(IAnchor.WrongParentLeg.selector, bytes32("other"), bytes32(0))
        );
    }

    function test_prepare_revertsWhenDeadlinesAreOutOfOrder() public {
        uint64[2][3] memory wrong = [
            [START - 1, START + 200], // preparing is over
            [START + 200, START + 200], // nothing left to decide in
            [START + 100, START + windows.maxDecideSeconds + 1] // too far
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            (settlement.prepareDeadline, settlement.decideBy) = (wrong[i][0], wrong[i][1]);
            _refuse(
                i,
                abi.encodeWithSelector(
                    IAnchor.DeadlinesInvalid.selector,
                    wrong[i][0],
                    wrong[i][1],
                    START,
                    windows.maxDecideSeconds
                )
            );
        }
        (settlement.prepareDeadline, settlement.decideBy) =
        (START, START + windows.maxDecideSeconds);
        _prepareAll(settlement, legs);
    }

    function test_prepare_revertsWhenChainsAreNotIncreasing() public {
        settlement.chains[2] = settlement.chains[1];
        _refuse(HOME, abi.encodeWithSelector(IAnchor.ChainsNotIncreasing.selector, chainIds[1]));
        _refuse(1, abi.encodeWithSelector(IAnchor.ChainsNotIncreasing.selector, chainIds[1]));
    }

    function test_prepare_revertsWhenHomeIsMissingOrAnother() public {
        settlement.chains[HOME].anchor = ALICE;
        _refuse(
            1,
            abi.encodeWithSelector(
                IAnchor.WrongAnchor.selector, chainIds[HOME], ALICE, anchors[HOME]
            )
        );
        settlement.chains[HOME].active = false;
        _refuse(1, abi.encodeWithSelector(IAnchor.ChainNotActive.selector, chainIds[HOME]));
        settlement.chains[HOME].chainId = 9;
        _refuse(1, abi.encodeWithSelector(IAnchor.ChainNotListed.selector, chainIds[HOME]));
    }

    function test_prepare_revertsAtHomeWhenAPeerIsUnknownOrLeftOut() public {
        ChainEntry memory last = settlement.chains[2];
        settlement.chains[2].chainId = 31;
        _refuse(HOME, abi.encodeWithSelector(IAnchor.UnknownPeer.selector, 31));
        // An entry of zeros must not stand in for the peer that it displaces.
        settlement.chains[2] = ChainEntry(31, address(0), 0, false);
        _refuse(HOME, abi.encodeWithSelector(IAnchor.UnknownPeer.selector, 31));
        settlement.chains[2] = last;
        settlement.chains.pop();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.WrongChainCount.selector, 2, 3));
    }

    function test_prepare_revertsAtHomeWhenAnInactiveChainClaimsALeg() public {
        settlement.chains[2].active = false;
        bytes32 given = settlement.chains[2].legHash;
        _refuse(
            HOME,
            abi.encodeWithSelector(
                IAnchor.WrongInactiveLeg.selector, chainIds[2], given, bytes32(0)
            )
        );
    }

    function test_prepare_revertsWhenAClientIsFrozen() public {
        _freeze(onHome[2]);
        _refuse(HOME, abi.encodeWithSelector(IAnchor.ClientNotActive.selector, chainIds[2]));
        _freeze(onSpoke[1]);
        _refuse(1, abi.encodeWithSelector(IAnchor.ClientNotActive.selector, chainIds[HOME]));
        _prepare(2, settlement, legs[2]);
    }

    function test_prepare_revertsAtHomeWhenParentIsNotTheLastCommitted() public {
        settlement.parent = "other";
        _refuse(
            HOME,
            abi.encodeWithSelector(IAnchor.WrongParent.selector, bytes32("other"), bytes32(0))
        );
    }

    function test_prepare_revertsAtHomeWhenHistoryGoesBack() public {
        _settle(settlement, legs);
        Leg[] memory next = _nextLegs(1);
        for (uint256 i = 0; i < CHAINS; ++i) {
            legs[i] = next[i];
        }
        settlement = _settlement(1, next, [true, true, true]);
        _refuse(HOME, abi.encodeWithSelector(IAnchor.CycleNotIncreasing.selector, 1, 1));

        legs[HOME].cycle = settlement.cycle = 3; // a gap is normal
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.WrongCutTime.selector, START, START, START));
        settlement.cutTime = START + 1;
        _refuse(
            HOME, abi.encodeWithSelector(IAnchor.WrongCutTime.selector, START + 1, START, START)
        );
        vm.warp(START + 1);
        settlement.journalCount = 99;
        _refuse(HOME, abi.encodeWithSelector(IAnchor.JournalShrinks.selector, 99, 100));
        settlement.journalCount = 100;
        _prepare(HOME, settlement, legs[HOME]);
    }
}
