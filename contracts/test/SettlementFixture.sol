// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {CounterProof, Leg, Phase, Settlement} from "../src/Types.sol";
import {Fixture} from "./Fixture.sol";

/// @title One settlement of all three chains, about to be prepared, for tests to bend
abstract contract SettlementFixture is Fixture {
    Settlement internal settlement;
    Leg[] internal legs;

    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);

    function setUp() public virtual override {
        super.setUp();
        _deposit(HOME, USD, 100, ALICE);
        _deposit(1, USD, 50, BOB);
        _begin(1);
    }

    /// @dev Build the settlement of a cycle with all chains active.
    function _begin(uint64 cycle) internal {
        Leg[] memory built = _nextLegs(cycle);
        delete legs;
        for (uint256 i = 0; i < CHAINS; ++i) {
            legs.push(built[i]);
        }
        settlement = _settlement(cycle, built, [true, true, true]);
    }

    function _id() internal view returns (bytes32) {
        return harness.settlementId(settlement);
    }

    /// @dev List the changed legs again, so that only the change itself can be refused.
    function _relist() internal {
        for (uint256 i = 0; i < CHAINS; ++i) {
            settlement.chains[i].legHash = harness.legHash(legs[i]);
        }
    }

    /// @dev Prepare on a chain and expect a refusal.
    function _refuse(uint256 chain, bytes memory expected) internal {
        bytes[] memory signatures = _signed(settlement);
        vm.chainId(chainIds[chain]);
        vm.expectRevert(expected);
        anchors[chain].prepare(settlement, legs[chain], operators, signatures);
    }

    function _proofOfHome(uint256 chain) internal returns (CounterProof memory) {
        return _prove(onSpoke[chain], HOME, _id());
    }

    function _assertPhase(uint256 chain, Phase expected) internal view {
        vm.assertEq(uint256(anchors[chain].phase(_id())), uint256(expected), "phase");
    }

    function _expectWrongPhase(Phase actual, Phase expected) internal {
        bytes32 id = _id();
        vm.expectRevert(abi.encodeWithSelector(IAnchor.WrongPhase.selector, id, actual, expected));
    }
}
