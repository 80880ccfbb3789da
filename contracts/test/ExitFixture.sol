// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {CounterProof, Leg} from "../src/Types.sol";
import {SettlementFixture} from "./SettlementFixture.sol";
import {SumTreeBuilder} from "./SumTreeBuilder.sol";

/// @title Legs whose claims trees are real, so that members can leave
/// @notice Alice stands at position 3 and Bob at 7, in USD, on every chain.
abstract contract ExitFixture is SettlementFixture {
    uint256 internal constant ALICE_POSITION = 3;
    uint256 internal constant BOB_POSITION = 7;

    /// @dev A member's claim and its branch.
    struct Owned {
        uint256 position;
        address member;
        uint128 claim;
        bytes32[] siblings;
        uint128[] sums;
    }

    /// @dev What Alice and Bob own on a chain after the leg that `_claim` was last told of.
    mapping(uint256 chain => uint128[2]) internal owned;

    /// @dev Build a cycle in which a chain's USD belongs to Alice, but for `bobs` quanta.
    function _beginWithClaims(uint64 cycle, uint256 chain, uint128 bobs) internal {
        _begin(cycle);
        _claim(chain, bobs);
        _relist();
    }

    function _claim(uint256 chain, uint128 bobs) internal {
        owned[chain] = [legs[chain].assets[0].claims - bobs, bobs];
        (bytes32 root,,,) =
            SumTreeBuilder.build(_claims([ALICE, BOB], owned[chain]), ALICE_POSITION);
        legs[chain].assets[0].claimsTree = root;
    }

    /// @dev Let the next leg of a chain release so much to Alice, at index 0.
    function _release(uint256 chain, uint128 quanta) internal {
        (bytes32 root, uint128 sum,,) =
            SumTreeBuilder.build(_releases([ALICE, BOB], [quanta, 0]), 0);
        legs[chain].assets[0].releasesTree = root;
        legs[chain].assets[0].released = sum;
        legs[chain].assets[0].claims -= sum;
    }

    function _claimRelease(uint256 chain, bytes32 id, uint128 quanta) internal {
        (,, bytes32[] memory siblings, uint128[] memory sums) =
            SumTreeBuilder.build(_releases([ALICE, BOB], [quanta, 0]), 0);
        anchors[chain].claimRelease(id, USD, 0, ALICE, quanta, siblings, sums, ALICE);
    }

    function _owned(uint256 chain, uint256 who) internal view returns (Owned memory own) {
        own.position = ALICE_POSITION + 4 * who;
        (own.member, own.claim) = (who == 0 ? ALICE : BOB, owned[chain][who]);
        (,, own.siblings, own.sums) =
            SumTreeBuilder.build(_claims([ALICE, BOB], owned[chain]), own.position);
    }

    function _exit(uint256 chain, Leg memory leg, Owned memory own) internal {
        _exitTo(chain, leg, own, own.member);
    }

    function _exitTo(uint256 chain, Leg memory leg, Owned memory own, address recipient) internal {
        anchors[chain].exitFrozen(
            leg, USD, own.position, own.member, own.claim, own.siblings, own.sums, recipient
        );
    }

    function _refuseExit(uint256 chain, Leg memory leg, Owned memory own, bytes memory expected)
        internal
    {
        vm.expectRevert(expected);
        _exit(chain, leg, own);
    }

    function _expectUnresolved(bytes32 id) internal {
        vm.expectRevert(abi.encodeWithSelector(IAnchor.LegUnresolved.selector, id));
    }

    /// @dev Prepare the settlement with an exit just within the grace, and warn when it no longer is.
    function _prepareAndWarn(uint256 chain) internal {
        vm.prank(ALICE);
        anchors[chain].requestExit(USD, 5);
        vm.warp(block.timestamp + windows.graceSeconds);
        settlement.cutTime = uint64(block.timestamp);
        settlement.prepareDeadline = uint64(block.timestamp) + 100;
        settlement.decideBy = uint64(block.timestamp) + windows.maxDecideSeconds;
        _prepareAll(settlement, legs);
        vm.warp(block.timestamp + 1);
        anchors[chain].warn();
    }

    function _freezeWarned(uint256 chain) internal {
        vm.warp(block.timestamp + windows.freezeDelaySeconds + 1);
        anchors[chain].freeze();
    }

    function _paid(uint256 chain, address member) internal view returns (uint256) {
        return tokens[chain][0].balanceOf(member);
    }

    function _vault(uint256 chain) internal view returns (uint256) {
        return tokens[chain][0].balanceOf(address(anchors[chain]));
    }

    function _commitHome() internal {
        _commit(HOME, settlement, legs[HOME], _proofsForHome(settlement));
    }

    function _commitSpoke(uint256 chain) internal {
        CounterProof[] memory proofs = _proofsForSpoke(chain, _id());
        _commit(chain, settlement, legs[chain], proofs);
    }
}
