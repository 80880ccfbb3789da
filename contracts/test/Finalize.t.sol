// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {CounterProof, Phase} from "../src/Types.sol";
import {SettlementFixture} from "./SettlementFixture.sol";

/// @notice Final on home by time, elsewhere by proof.
contract FinalizeTest is SettlementFixture {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = _id();
    }

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
        id = _id();
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
        id = _id();
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
            abi.encodeWithSelector(
                IAnchor.WrongPhase.selector, first, Phase.FINAL, Phase.COMMITTED
            )
        );
        anchors[1].finalizeByProof(first, early);
    }

    function test_finalizeByProof_worksOneByOneAndWhileFrozen() public {
        bytes32 first = _settle(settlement, legs);
        vm.warp(block.timestamp + windows.challengeSeconds + 1);
        anchors[HOME].finalize(first);
        _begin(2);
        id = _id();
        _settle(settlement, legs);
        _freeze(1);
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
