// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ILightClient} from "../../../src/interfaces/ILightClient.sol";
import {
    IAttestedRollupClient,
    L1Evidence,
    RollupClientConfiguration
} from "../../../src/light/rollup/IAttestedRollupClient.sol";
import {IRollupRoot} from "../../../src/light/rollup/IRollupRoot.sol";
import {Quorum} from "../../../src/proof/Quorum.sol";
import {FeeToken} from "../../tokens/OddTokens.sol";
import {ClientFixture} from "./ClientFixture.sol";

/// @notice Live headers, bonds and construction.
contract AttestedRollupClientTest is ClientFixture {
    // ---------------------------------------------------------------------------- update

    function test_update_storesAHeaderThatBondedAttestersSigned() public {
        vm.expectEmit(address(client));
        emit ILightClient.HeaderStored(HEIGHT, keccak256(_header()), STATE_ROOT, NOW - 900_000);
        vm.expectEmit(address(client));
        emit IAttestedRollupClient.HeaderAttested(
            HEIGHT, keccak256(_header()), _signed(HEIGHT, keccak256(_header()), 3)
        );
        client.update(_update(_header(), HEIGHT));
        (bytes32 stateRoot, uint64 timestamp) = client.headerAt(HEIGHT);
        vm.assertEq(stateRoot, STATE_ROOT, "state root");
        vm.assertEq(timestamp, uint256(NOW - 900_000), "timestamp");
        vm.assertEq(client.latestHeight(), uint256(HEIGHT), "latest");
        client.update(abi.encode(_header(), new bytes[](0))); // held already
    }

    function test_update_revertsWhenOlderThanTheNewest() public {
        client.update(_update(_header(), HEIGHT));
        bytes memory sibling = _update(_forged(), HEIGHT);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttestedRollupClient.HeightNotIncreasing.selector, HEIGHT, HEIGHT
            )
        );
        client.update(sibling);
    }

    function test_update_revertsWhenTimeGoesBack() public {
        client.update(_update(_header(), HEIGHT));
        bytes memory older = _headerAt(HEIGHT + 1, STATE_ROOT, "", NOW - 900_001);
        bytes memory data = _update(older, HEIGHT + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttestedRollupClient.TimestampDecreasing.selector, NOW - 900_001, NOW - 900_000
            )
        );
        client.update(data);
    }

    /// @dev Else a forged header would stay younger than all that L1 proves, and out of its reach.
    function test_update_revertsWhenTheTimeHasNotCome() public {
        uint64 latest = NOW + 1 hours;
        bytes memory data = _update(_headerAt(HEIGHT, STATE_ROOT, "", latest + 1), HEIGHT);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttestedRollupClient.TimestampInFuture.selector, latest + 1, uint256(latest)
            )
        );
        client.update(data);
        client.update(_update(_headerAt(HEIGHT, STATE_ROOT, "", latest), HEIGHT));
        vm.assertEq(client.latestHeight(), uint256(HEIGHT), "latest");
    }

    function test_update_countsNobodyWithoutABond() public {
        client = _deploy(_configuration());
        bytes memory data = _update(_header(), HEIGHT);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        client.update(data);
        token.approve(address(client), type(uint256).max);
        client.postBond(members[0]);
        client.postBond(members[1]);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        client.update(data);
        client.postBond(members[2]);
        client.update(data);
    }

    function test_update_countsNobodyWhoResigned() public {
        vm.prank(members[1]);
        client.resign();
        bytes memory data = _update(_header(), HEIGHT);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        client.update(data);
    }

    function test_update_revertsWhenTooFewSigned() public {
        bytes memory data = abi.encode(_header(), _signed(HEIGHT, keccak256(_header()), 2));
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumNotReached.selector, 2, 3));
        client.update(data);
    }

    function test_headerAt_revertsForWhatWasNeverStored() public {
        client.update(_update(_header(), HEIGHT));
        uint64[3] memory unknown = [0, HEIGHT + 1, HEIGHT + 251];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ILightClient.UnknownHeader.selector, unknown[i])
            );
            client.headerAt(unknown[i]);
        }
    }

    // ---------------------------------------------------------------------------- freeze

    function _equivocation() private view returns (bytes memory) {
        bytes[] memory a = _signed(9, "a", 3);
        bytes[] memory b = _signed(9, "b", 3);
        return abi.encode(9, bytes32("a"), a, bytes32("b"), b);
    }

    function test_freeze_stopsUpdatesButNotAudits() public {
        L1Evidence memory evidence = _confirm(_header());
        bytes memory equivocation = _equivocation();
        client.freeze(equivocation);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "status");
        bytes memory data = _update(_header(), HEIGHT);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.AlreadyFrozen.selector));
        client.update(data);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.AlreadyFrozen.selector));
        client.freeze(equivocation);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.AlreadyFrozen.selector));
        client.postBond(address(this));
        _audit(_forged(), 3, evidence);
        vm.assertEq(client.bondOf(members[0]).units, uint256(0), "slashed all the same");
    }

    function test_freeze_countsWhoResignedUntilTheBondIsWithdrawn() public {
        bytes memory equivocation = _equivocation();
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(members[i]);
            client.resign();
        }
        vm.warp(NOW + UNBONDING);
        vm.prank(members[0]);
        client.withdrawBond(members[0]);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        client.freeze(equivocation);
        vm.warp(NOW);
        client = _deploy(_configuration());
        token.approve(address(client), type(uint256).max);
        for (uint256 i = 0; i < 3; ++i) {
            client.postBond(members[i]);
            vm.prank(members[i]);
            client.resign();
        }
        client.freeze(equivocation);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "status");
    }

    function test_freeze_revertsWhenNothingIsProven() public {
        bytes[] memory a = _signed(9, "a", 3);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NotEquivocation.selector, bytes32("a"))
        );
        client.freeze(abi.encode(9, bytes32("a"), a, bytes32("a"), a));
        bytes[] memory otherHeight = _signed(10, "b", 3);
        vm.expectPartialRevert(Quorum.SignerNotInOrder.selector);
        client.freeze(abi.encode(9, bytes32("a"), a, bytes32("b"), otherHeight));
    }

    // ----------------------------------------------------------------------------- bonds

    function test_bond_isTakenOnceAndGivenBackAfterTheUnbondingTime() public {
        vm.assertEq(token.balanceOf(address(client)), uint256(4 * BOND), "held");
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.CannotBondAgain.selector, members[0])
        );
        client.postBond(members[0]);
        vm.prank(members[0]);
        vm.expectRevert(abi.encodeWithSelector(IAttestedRollupClient.BondLocked.selector, 0));
        client.withdrawBond(members[0]);

        vm.prank(members[0]);
        client.resign();
        vm.prank(members[0]);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.AlreadyResigned.selector, members[0])
        );
        client.resign();
        vm.warp(NOW + UNBONDING - 1);
        vm.prank(members[0]);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.BondLocked.selector, NOW + UNBONDING)
        );
        client.withdrawBond(members[0]);

        vm.warp(NOW + UNBONDING);
        vm.prank(members[0]);
        client.withdrawBond(address(0xf00d));
        vm.assertEq(token.balanceOf(address(0xf00d)), uint256(BOND), "paid");
        vm.prank(members[0]);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingAtStake.selector, members[0])
        );
        client.withdrawBond(members[0]);
        client.postBond(members[0]); // whoever left may come back
    }

    function test_bond_isRefusedForStrangers() public {
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NotAMember.selector, address(this))
        );
        client.postBond(address(this));
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingAtStake.selector, address(this))
        );
        client.resign();
    }

    function test_bond_isRefusedWhenTheTokenKeepsAFee() public {
        FeeToken fee = new FeeToken();
        RollupClientConfiguration memory configuration = _configuration();
        configuration.bondToken = fee;
        client = _deploy(configuration);
        fee.faucet(address(this), BOND);
        fee.approve(address(client), BOND);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttestedRollupClient.BondUnitsMismatch.selector, BOND, BOND - BOND / 100
            )
        );
        client.postBond(members[0]);
    }

    // ---------------------------------------------------------------------- construction

    function test_constructor_revertsWhenItCouldNotWorkOrPunish() public {
        RollupClientConfiguration memory wrong = _configuration();
        wrong.clearinghouseId = 0;
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.chainId = 0;
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.threshold = 2; // two quorums need not share a member
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.threshold = 5;
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.l1 = ILightClient(address(0xdead));
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.root = IRollupRoot(address(0xdead));
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.bondToken = IERC20(address(0xdead));
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.bondUnits = 0;
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.unbondingSeconds = 0;
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.challengerBasisPoints = 5_001;
        _refuseConfiguration(wrong);
        wrong = _configuration();
        wrong.insurance = address(0);
        _refuseConfiguration(wrong);
    }

    function _refuseConfiguration(RollupClientConfiguration memory wrong) private {
        bytes memory creation = bytes.concat(
            vm.getCode("AttestedRollupClient.sol:AttestedRollupClient"), abi.encode(wrong)
        );
        address created;
        assembly ("memory-safe") {
            created := create(0, add(creation, 0x20), mload(creation))
        }
        vm.assertEq(created, address(0), "refused");
    }
}
