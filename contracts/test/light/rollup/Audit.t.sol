// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "../../../src/interfaces/ILightClient.sol";
import {Quorum} from "../../../src/proof/Quorum.sol";
import {BlockHistory} from "../../../src/light/rollup/BlockHistory.sol";
import {
    IAttestedRollupClient,
    L1Evidence,
    RollupClientConfiguration
} from "../../../src/light/rollup/IAttestedRollupClient.sol";
import {OutboxProof, OutboxRoot} from "../../../src/light/rollup/OutboxRoot.sol";
import {SyntheticState} from "./SyntheticL1.sol";
import {ClientFixture} from "./ClientFixture.sol";

/// @notice Audits: who is slashed and when the client ends.
contract AuditTest is ClientFixture {
    // ----------------------------------------------------------------------------- audit

    function test_audit_freezesAndSlashesAllWhoSigned() public {
        client.update(_update(_forged(), HEIGHT));
        L1Evidence memory evidence = _confirm(_header());
        bytes32 hash = keccak256(_forged());
        bytes[] memory signatures = _signed(HEIGHT, hash, 3);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(client));
            emit IAttestedRollupClient.Slashed(
                members[i], CHALLENGER, HEIGHT, hash, keccak256(_header())
            );
        }
        vm.expectEmit(address(client));
        emit ILightClient.ClientFrozen(HEIGHT, hash, keccak256(_header()));
        vm.prank(CHALLENGER);
        client.audit(HEIGHT, hash, signatures, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "status");
        for (uint256 i = 0; i < 4; ++i) {
            vm.assertEq(client.bondOf(members[i]).units, i < 3 ? 0 : uint256(BOND), "bond");
        }
        vm.assertEq(client.owed(CHALLENGER), uint256(3 * BOND * 4 / 10), "the challenger's part");
        vm.assertEq(client.owed(INSURANCE), uint256(3 * BOND * 6 / 10), "the rest");
        client.collect(CHALLENGER);
        client.collect(INSURANCE);
        vm.assertEq(token.balanceOf(CHALLENGER), uint256(3 * BOND * 4 / 10), "collected");
        vm.assertEq(token.balanceOf(address(client)), uint256(BOND), "one bond is left");
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingOwed.selector, CHALLENGER)
        );
        client.collect(CHALLENGER);
    }

    function test_audit_slashesOnceOnly() public {
        L1Evidence memory evidence = _confirm(_header());
        bytes32 hash = keccak256(_forged());
        bytes[] memory signatures = _signed(HEIGHT, hash, 4);
        _audit(_forged(), 3, evidence);
        bytes[] memory again = _signed(HEIGHT, hash, 3);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingAtStake.selector, members[2])
        );
        client.audit(HEIGHT, hash, again, evidence);
        // The fourth signer, whom the first challenger left out, is not spared.
        client.audit(HEIGHT, hash, signatures, evidence);
        vm.assertEq(client.bondOf(members[3]).units, uint256(0), "bond");
        vm.assertEq(
            client.owed(CHALLENGER) + client.owed(INSURANCE) + client.owed(address(this)),
            uint256(4 * BOND),
            "every bond once"
        );
    }

    function test_audit_countsASignatureOnce() public {
        L1Evidence memory evidence = _confirm(_header());
        bytes32 hash = keccak256(_forged());
        bytes[] memory repeated = new bytes[](3);
        repeated[0] = repeated[1] = repeated[2] = _signed(HEIGHT, hash, 1)[0];
        vm.expectRevert(
            abi.encodeWithSelector(Quorum.SignerNotInOrder.selector, uint256(1), members[0])
        );
        client.audit(HEIGHT, hash, repeated, evidence);
        vm.assertEq(client.bondOf(members[0]).units, uint256(BOND), "bond");
    }

    /// @dev Colluders cannot keep a client on their forged header by having each other slashed one
    /// by one, for a part of their bonds, before anyone shows the quorum.
    function test_audit_freezesAlthoughTheSignersWereSlashedOneByOne() public {
        client.update(_update(_forged(), HEIGHT));
        L1Evidence memory evidence = _confirm(_header());
        bytes32 hash = keccak256(_forged());
        bytes[] memory signatures = _signed(HEIGHT, hash, 3);
        bytes[] memory single = new bytes[](1);
        for (uint256 i = 0; i < 3; ++i) {
            single[0] = signatures[i];
            client.audit(HEIGHT, hash, single, evidence);
        }
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.ACTIVE), "still active");
        client.audit(HEIGHT, hash, signatures, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "frozen");
        vm.assertEq(
            client.owed(INSURANCE) + client.owed(address(this)), uint256(3 * BOND), "once each"
        );
    }

    /// @dev Who took its bond back has nothing at stake, so its key must not count towards a freeze.
    function test_audit_countsNobodyWhoWithdrew() public {
        L1Evidence memory evidence = _confirm(_header());
        bytes[] memory signatures = _signed(HEIGHT, keccak256(_forged()), 3);
        vm.prank(members[1]);
        client.resign();
        vm.warp(NOW + UNBONDING);
        vm.prank(members[1]);
        client.withdrawBond(members[1]);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingAtStake.selector, members[1])
        );
        client.audit(HEIGHT, keccak256(_forged()), signatures, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.ACTIVE), "status");
        vm.assertEq(client.bondOf(members[0]).units, uint256(BOND), "bond");
    }

    function test_audit_ofFewerThanAQuorumSlashesWithoutFreezing() public {
        L1Evidence memory evidence = _confirm(_header());
        _audit(_forged(), 1, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.ACTIVE), "status");
        vm.assertEq(client.bondOf(members[0]).units, uint256(0), "bond");
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.CannotBondAgain.selector, members[0])
        );
        client.postBond(members[0]);
        vm.prank(members[0]);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingAtStake.selector, members[0])
        );
        client.resign();
    }

    function test_audit_reachesWhoResignedUntilTheBondIsWithdrawn() public {
        L1Evidence memory evidence = _confirm(_header());
        vm.prank(members[0]);
        client.resign();
        vm.warp(NOW + UNBONDING); // could withdraw, has not
        _audit(_forged(), 1, evidence);
        vm.prank(members[0]);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedRollupClient.NothingAtStake.selector, members[0])
        );
        client.withdrawBond(members[0]);
    }

    function test_audit_revertsWhenTheAttestationIsTrue() public {
        L1Evidence memory evidence = _confirm(_header());
        _refuses(
            _header(),
            evidence,
            abi.encodeWithSelector(
                IAttestedRollupClient.AttestationTrue.selector, HEIGHT, keccak256(_header())
            )
        );
    }

    function test_audit_revertsWhenL1IsUnknownOrFrozen() public {
        L1Evidence memory evidence = _confirm(_header());
        evidence.l1Height += 1;
        _refuses(
            _forged(),
            evidence,
            abi.encodeWithSelector(ILightClient.UnknownHeader.selector, L1_HEIGHT + 1)
        );
        evidence.l1Height = L1_HEIGHT;
        l1Client.become(ILightClient.Status.FROZEN);
        _refuses(
            _forged(),
            evidence,
            abi.encodeWithSelector(IAttestedRollupClient.L1ClientFrozen.selector)
        );
        l1Client.become(ILightClient.Status.EXPIRED);
        _audit(_forged(), 3, evidence);
    }

    function test_audit_revertsWhenL1ProvesNothing() public {
        L1Evidence memory evidence = _confirm(_header());
        evidence.rootProof = abi.encode(
            OutboxProof(
                l1.proveContract(outbox),
                l1.proveSlot(outbox.account, _mappingSlot(SEND_ROOT, 3)),
                _forged()
            )
        );
        _refuses(
            _forged(),
            evidence,
            abi.encodeWithSelector(
                OutboxRoot.BlockNotConfirmed.selector,
                SEND_ROOT,
                keccak256(_header()),
                keccak256(_forged())
            )
        );
    }

    function test_audit_revertsWhenTheProvenHeightIsAnother() public {
        L1Evidence memory below =
            _confirm(_rollupHeader(HEIGHT - 1, STATE_ROOT, abi.encode(SEND_ROOT)));
        _refuses(
            _forged(),
            below,
            abi.encodeWithSelector(
                IAttestedRollupClient.ProvenBelowAttested.selector, HEIGHT - 1, HEIGHT
            )
        );
        L1Evidence memory same = _confirm(_header());
        same.historyStorageNodes = new bytes[](1);
        _refuses(
            _forged(), same, abi.encodeWithSelector(IAttestedRollupClient.HistoryUnused.selector)
        );
    }

    function test_audit_revertsWhenSignedForAnotherHeightChainOrByStrangers() public {
        L1Evidence memory evidence = _confirm(_header());
        bytes32 hash = keccak256(_forged());
        bytes[] memory otherHeight = _signed(HEIGHT + 1, hash, 3);
        vm.expectPartialRevert(IAttestedRollupClient.NothingAtStake.selector);
        client.audit(HEIGHT, hash, otherHeight, evidence);

        RollupClientConfiguration memory elsewhere = _configuration();
        elsewhere.chainId = 10;
        bytes[] memory otherChain = _sign(_deploy(elsewhere).headerDigest(HEIGHT, hash), keys, 3);
        vm.expectPartialRevert(IAttestedRollupClient.NothingAtStake.selector);
        client.audit(HEIGHT, hash, otherChain, evidence);

        (uint256[] memory strangers,) = _keys("stranger", 3);
        bytes[] memory foreign = _sign(client.headerDigest(HEIGHT, hash), strangers, 3);
        vm.expectPartialRevert(IAttestedRollupClient.NothingAtStake.selector);
        client.audit(HEIGHT, hash, foreign, evidence);

        vm.expectRevert(abi.encodeWithSelector(IAttestedRollupClient.NoSignatures.selector));
        client.audit(HEIGHT, hash, new bytes[](0), evidence);
    }

    // ------------------------------------------------------------- beyond the rollup's end

    /// @dev A header of a height that the rollup will not reach while the bonds are at stake.
    function _beyond(uint64 timestamp) private pure returns (bytes memory) {
        return _headerAt(HEIGHT + 1e9, keccak256("forged state"), abi.encode(SEND_ROOT), timestamp);
    }

    function test_audit_convictsAHeaderThatIsOlderThanALowerBlock() public {
        bytes memory beyond = _beyond(NOW - 900_001);
        client.update(_update(beyond, HEIGHT + 1e9));
        L1Evidence memory evidence = _confirm(_header());
        bytes[] memory signatures = _signed(HEIGHT + 1e9, keccak256(beyond), 3);
        client.audit(HEIGHT + 1e9, keccak256(beyond), signatures, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "status");
        vm.assertEq(client.bondOf(members[0]).units, uint256(0), "bond");
    }

    function test_audit_convictsNobodyByALowerBlockThatIsNoYounger() public {
        bytes memory beyond = _beyond(NOW - 900_000);
        client.update(_update(beyond, HEIGHT + 1e9));
        _refusesBeyond(beyond);
    }

    function test_audit_convictsNobodyByALowerBlockWhenTheHeaderIsNotHeld() public {
        _refusesBeyond(_beyond(NOW - 900_001));
        // Another header of that height is held: its time says nothing about this one's.
        client.update(_update(_beyond(NOW - 900_002), HEIGHT + 1e9));
        _refusesBeyond(_beyond(NOW - 900_001));
    }

    function _refusesBeyond(bytes memory beyond) private {
        L1Evidence memory evidence = _confirm(_header());
        bytes[] memory signatures = _signed(HEIGHT + 1e9, keccak256(beyond), 3);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttestedRollupClient.ProvenBelowAttested.selector, HEIGHT, HEIGHT + 1e9
            )
        );
        client.audit(HEIGHT + 1e9, keccak256(beyond), signatures, evidence);
        vm.assertEq(client.bondOf(members[0]).units, uint256(BOND), "bond");
    }

    // --------------------------------------------------------------------------- history

    /// @dev L1 confirms a block above the audited one, whose state keeps `kept` for that height.
    function _confirmAbove(uint64 distance, bytes32 kept)
        private
        returns (L1Evidence memory evidence)
    {
        SyntheticState rollup = new SyntheticState();
        rollup.place(BlockHistory.HISTORY, keccak256("history"));
        rollup.place(address(0xe0a), keccak256("somebody"));
        rollup.set(BlockHistory.HISTORY, bytes32(uint256(8_190)), 1);
        rollup.set(BlockHistory.HISTORY, bytes32(uint256(HEIGHT % 8191)), uint256(kept));
        evidence =
            _confirm(_rollupHeader(HEIGHT + distance, rollup.stateRoot(), abi.encode(SEND_ROOT)));
        evidence.historyAccountNodes = rollup.proveAccount(BlockHistory.HISTORY);
        evidence.historyStorageNodes =
            rollup.proveSlot(BlockHistory.HISTORY, bytes32(uint256(HEIGHT % 8191)));
    }

    function test_audit_reachesHeightsBetweenTheOnesThatWerePosted() public {
        L1Evidence memory evidence = _confirmAbove(1_800, keccak256(_header()));
        _refuses(
            _header(),
            evidence,
            abi.encodeWithSelector(
                IAttestedRollupClient.AttestationTrue.selector, HEIGHT, keccak256(_header())
            )
        );
        _audit(_forged(), 3, evidence);
        vm.assertEq(uint256(client.status()), uint256(ILightClient.Status.FROZEN), "status");
    }

    function test_audit_revertsWhenTheHistoryDoesNotHoldTheHeight() public {
        L1Evidence memory evidence = _confirmAbove(8_192, keccak256("a later block"));
        bytes memory reason = abi.encodeWithSelector(
            BlockHistory.OutsideHistory.selector, HEIGHT, HEIGHT + 8_192, 8_191
        );
        _refuses(_forged(), evidence, reason);
        evidence = _confirmAbove(8_191, 0); // the chain took EIP-2935 up later
        reason = abi.encodeWithSelector(
            BlockHistory.OutsideHistory.selector, HEIGHT, HEIGHT + 8_191, 8_191
        );
        _refuses(_forged(), evidence, reason);
        evidence = _confirmAbove(8_191, keccak256(_header()));
        _audit(_forged(), 3, evidence);
    }
}
