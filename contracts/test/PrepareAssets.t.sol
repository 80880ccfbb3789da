// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchor} from "../src/interfaces/IAnchor.sol";
import {Leg, LegAsset} from "../src/Types.sol";
import {SettlementFixture} from "./SettlementFixture.sol";

/// @notice What a leg may do to the assets of its chain (P2).
contract PrepareAssetsTest is SettlementFixture {
    function test_prepare_acceptsALeftOutDepositWithinItsGrace() public {
        vm.warp(START + windows.graceSeconds);
        settlement = _settlement(1, legs, [true, true, true]);
        _leaveOutDeposits();
        _prepare(HOME, settlement, legs[HOME]);
    }

    function test_prepare_revertsWhenAssetsAreMissingExtraOrSwapped() public {
        LegAsset memory last = legs[HOME].assets[1];
        legs[HOME].assets.pop();
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.WrongAssets.selector));
        legs[HOME].assets.push(last);
        legs[HOME].assets.push(last);
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.WrongAssets.selector));
        legs[HOME].assets.pop();
        (legs[HOME].assets[0].assetId, legs[HOME].assets[1].assetId) = (ETH, USD);
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.WrongAssets.selector));
    }

    function test_prepare_revertsWhenQuantaAppearOrVanish() public {
        legs[HOME].assets[0].claims = 101;
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.NotConserved.selector, USD, 101, 100));
        legs[HOME].assets[0].claims = 99;
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.NotConserved.selector, USD, 99, 100));
        legs[HOME].assets[0].released = 2;
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.NotConserved.selector, USD, 101, 100));
    }

    function test_prepare_revertsWhenClaimsAndReleasesOverflowTogether() public {
        legs[HOME].assets[0].claims = type(uint128).max;
        legs[HOME].assets[0].released = 101;
        _relist();
        _refuse(
            HOME, abi.encodeWithSelector(IAnchor.NotConserved.selector, USD, (1 << 128) + 100, 100)
        );
    }

    function test_prepare_revertsWhenDepositCursorIsPastTheEndOrGoesBack() public {
        legs[HOME].assets[0].depositCursor = 2;
        _relist();
        _refuse(
            HOME, abi.encodeWithSelector(IAnchor.DepositCursorOutOfRange.selector, USD, 2, 0, 1)
        );
        legs[HOME].assets[0].depositCursor = 1;
        _relist();
        _settle(settlement, legs);
        vm.warp(START + 1);
        Leg[] memory next = _nextLegs(2);
        next[HOME].assets[0].depositCursor = 0;
        settlement = _settlement(2, next, [true, true, true]);
        legs[HOME] = next[HOME];
        _refuse(
            HOME, abi.encodeWithSelector(IAnchor.DepositCursorOutOfRange.selector, USD, 0, 1, 1)
        );
    }

    function test_prepare_revertsWhenDepositHashIsNotTheStoredOne() public {
        bytes32 stored = legs[HOME].assets[0].depositHash;
        legs[HOME].assets[0].depositHash = "other";
        _relist();
        _refuse(
            HOME,
            abi.encodeWithSelector(
                IAnchor.WrongDepositHash.selector, USD, bytes32("other"), stored
            )
        );
    }

    function test_prepare_revertsWhenALeftOutDepositIsOverdue() public {
        vm.warp(START + windows.graceSeconds + 1);
        settlement = _settlement(1, legs, [true, true, true]);
        _leaveOutDeposits();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.DepositOverdue.selector, USD, 0, START));
    }

    function test_prepare_revertsWhenAnExitIsAnsweredThatNobodyAsked() public {
        legs[HOME].assets[1].exitCursor = 1;
        _relist();
        _refuse(HOME, abi.encodeWithSelector(IAnchor.ExitCursorOutOfRange.selector, ETH, 1, 0, 0));
    }

    function _leaveOutDeposits() private {
        LegAsset storage asset = legs[HOME].assets[0];
        (asset.claims, asset.depositCursor, asset.depositHash) = (0, 0, 0);
        _relist();
    }

    function testFuzz_prepare_holdsToConservation(uint128 claims, uint128 released) public {
        legs[HOME].assets[0].claims = claims;
        legs[HOME].assets[0].released = released;
        _relist();
        uint256 sum = uint256(claims) + released;
        if (sum == 100) return _prepare(HOME, settlement, legs[HOME]);
        _refuse(HOME, abi.encodeWithSelector(IAnchor.NotConserved.selector, USD, sum, 100));
    }
}
