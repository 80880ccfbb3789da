// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorState} from "./AnchorState.sol";
import {Commitment} from "./Commitment.sol";
import {Exits} from "./Exits.sol";
import {IAnchor} from "./interfaces/IAnchor.sol";
import {ILightClient} from "./interfaces/ILightClient.sol";
import {Quorum} from "./proof/Quorum.sol";
import {StateProof} from "./proof/StateProof.sol";
import {
    AssetConfiguration,
    ChainEntry,
    CounterProof,
    Leg,
    LegAsset,
    OperatorSet,
    Phase,
    Settlement,
    Windows
} from "./Types.sol";

/// @title All chains or none
/// @notice The life of a settlement on one chain, read from top to bottom: prepare, commit or
/// abort, final. Why no two chains can decide differently (P4): only home decides, once, and a
/// spoke moves only on a proof of home's finalised word; home commits only while every active spoke
/// is proven PREPARED, which a spoke leaves only by such a proof; and NONE at home after
/// prepareDeadline is final, because preparing then is refused.
contract Anchor is Exits {
    /// @dev Slot of `_phase`, here and in every peer: their code is bound by its hash.
    uint256 private constant PHASE_SLOT = 0;

    constructor(
        bytes32 salt,
        uint256 homeChainId_,
        uint256[] memory chainIds,
        Windows memory windows_,
        OperatorSet memory operators,
        AssetConfiguration[] memory assets
    ) AnchorState(salt, homeChainId_, chainIds, windows_, operators, assets) {}

    // -------------------------------------------------------------------------- prepare

    /// @inheritdoc IAnchor
    function prepare(
        Settlement calldata settlement,
        Leg calldata leg,
        OperatorSet calldata operators,
        bytes[] calldata signatures
    ) external {
        _requireOpen();
        bytes32 id = _identify(settlement, Phase.NONE);
        _verifySigned(id, settlement, operators, signatures);
        bytes32 legHash = _verifyLeg(settlement, leg);
        if (leg.parentLeg != lastLeg) revert WrongParentLeg(leg.parentLeg, lastLeg);
        if (inFlight() != 0) revert AlreadyInFlight(_lastPrepared);
        _verifyDeadlines(settlement);
        bool alone = _verifyChains(settlement);
        if (isHome) _verifyParent(settlement);
        _verifyAssets(leg);

        _phase[id] = Phase.PREPARED;
        _lastPrepared = id;
        emit Prepared(id, settlement.cycle, legHash);
        if (isHome && alone) _applyCommit(id, settlement, leg, legHash);
    }

    // --------------------------------------------------------------------------- decide

    /// @inheritdoc IAnchor
    function commit(
        Settlement calldata settlement,
        Leg calldata leg,
        CounterProof[] calldata proofs
    ) external {
        bytes32 id = _identify(settlement, Phase.PREPARED);
        bytes32 legHash = _verifyLeg(settlement, leg);
        if (isHome) {
            if (block.timestamp > settlement.decideBy) {
                revert DecisionTooLate(settlement.decideBy, block.timestamp);
            }
            _verifyAllPrepared(id, settlement, proofs);
        } else {
            if (proofs.length != 1) revert WrongProofCount(proofs.length, 1);
            (Phase home,) = _provenPhase(homeChainId, id, proofs[0]);
            if (home != Phase.COMMITTED && home != Phase.FINAL) {
                revert ProvenPhaseInsufficient(homeChainId, home);
            }
        }
        _applyCommit(id, settlement, leg, legHash);
    }

    /// @inheritdoc IAnchor
    function abort(Settlement calldata settlement) external {
        _requireRole(true);
        bytes32 id = _identify(settlement, Phase.PREPARED);
        if (block.timestamp <= settlement.decideBy) {
            revert DecisionTooEarly(settlement.decideBy, block.timestamp);
        }
        _applyAbort(id);
    }

    /// @inheritdoc IAnchor
    function abortByAbsence(
        Settlement calldata settlement,
        uint256 chainId,
        CounterProof calldata proof
    ) external {
        _requireRole(true);
        bytes32 id = _identify(settlement, Phase.PREPARED);
        ChainEntry calldata entry = _getEntry(settlement, chainId);
        // Home itself has no client here, and an inactive chain never prepares.
        if (chainId == homeChainId || !entry.active) revert ChainNotActive(chainId);
        (Phase proven, uint64 timestamp) = _provenPhase(chainId, id, proof);
        if (proven != Phase.NONE) revert ProvenPhaseInsufficient(chainId, proven);
        _requireAfterPreparation(chainId, settlement, timestamp);
        _applyAbort(id);
    }

    /// @inheritdoc IAnchor
    function abortByProof(Settlement calldata settlement, CounterProof calldata proof) external {
        _requireRole(false);
        bytes32 id = _identify(settlement, Phase.PREPARED);
        (Phase home, uint64 timestamp) = _provenPhase(homeChainId, id, proof);
        if (home == Phase.NONE) {
            _requireAfterPreparation(homeChainId, settlement, timestamp);
        } else if (home != Phase.ABORTED) {
            revert ProvenPhaseInsufficient(homeChainId, home);
        }
        _applyAbort(id);
    }

    // ---------------------------------------------------------------------------- final

    /// @inheritdoc IAnchor
    function finalize(bytes32 settlementId) external {
        _requireRole(true);
        _requirePhase(settlementId, Phase.COMMITTED);
        Commit memory record = _commits[settlementId];
        // Settlements commit in a line here, so the parent is the one before.
        if (record.sequence != finalSequence + 1) {
            revert ParentNotFinal(record.sequence, finalSequence);
        }
        uint256 until = uint256(record.committedAt) + _challengeSeconds;
        if (block.timestamp <= until) revert ChallengeOpen(until, block.timestamp);
        _applyFinal(settlementId, record.sequence);
    }

    /// @inheritdoc IAnchor
    function finalizeByProof(bytes32 settlementId, CounterProof calldata proof) external {
        _requireRole(false);
        _requirePhase(settlementId, Phase.COMMITTED);
        (Phase home,) = _provenPhase(homeChainId, settlementId, proof);
        if (home != Phase.FINAL) revert ProvenPhaseInsufficient(homeChainId, home);
        _applyFinal(settlementId, _commits[settlementId].sequence);
    }

    // ------------------------------------------------------------------ effects, verified

    function _applyCommit(
        bytes32 id,
        Settlement calldata settlement,
        Leg calldata leg,
        bytes32 legHash
    ) private {
        _phase[id] = Phase.COMMITTED;
        lastCommitted = id;
        lastLeg = legHash;
        uint64 sequence = _progress.sequence + 1;
        _progress =
            Progress(sequence, settlement.cycle, settlement.cutTime, settlement.journalCount);
        _commits[id] = Commit(sequence, uint64(block.timestamp));
        LegAsset[] calldata assets = leg.assets;
        for (uint256 i = 0; i < assets.length; ++i) {
            _applyAsset(id, assets[i]);
        }
        if (isHome) {
            ChainEntry[] calldata chains = settlement.chains;
            for (uint256 i = 0; i < chains.length; ++i) {
                ChainEntry calldata entry = chains[i];
                if (entry.active && entry.chainId != homeChainId) {
                    _peers[entry.chainId].legHash = entry.legHash;
                }
            }
        }
        emit Committed(id, sequence, legHash);
    }

    // --------------------------------------------------------------------------- checks

    /// @dev The settlement's id, if it is ours and stands where the step begins.
    function _identify(Settlement calldata settlement, Phase expected)
        private
        view
        returns (bytes32 id)
    {
        if (settlement.clearinghouseId != clearinghouseId) {
            revert WrongClearinghouse(settlement.clearinghouseId, clearinghouseId);
        }
        id = Commitment.settlementId(_domain, settlement);
        _requirePhase(id, expected);
    }

    function _verifySigned(
        bytes32 id,
        Settlement calldata settlement,
        OperatorSet calldata operators,
        bytes[] calldata signatures
    ) private view {
        bytes32 given = Commitment.operatorSetHash(operators);
        if (given != operatorSetHash) revert WrongOperatorSet(given, operatorSetHash);
        if (settlement.operatorEpoch != operators.epoch) {
            revert WrongOperatorEpoch(settlement.operatorEpoch, operators.epoch);
        }
        Quorum.requireQuorum(id, operators.signers, operators.threshold, signatures);
    }

    /// @dev The leg is the one that the settlement lists for this contract on this chain.
    function _verifyLeg(Settlement calldata settlement, Leg calldata leg)
        private
        view
        returns (bytes32 legHash)
    {
        if (leg.chainId != block.chainid) revert WrongChain(leg.chainId, block.chainid);
        if (leg.anchor != address(this)) {
            revert WrongAnchor(leg.chainId, leg.anchor, address(this));
        }
        if (leg.cycle != settlement.cycle) revert WrongLegCycle(leg.cycle, settlement.cycle);
        ChainEntry calldata entry = _getEntry(settlement, block.chainid);
        if (entry.anchor != address(this)) {
            revert WrongAnchor(entry.chainId, entry.anchor, address(this));
        }
        if (!entry.active) revert ChainNotActive(entry.chainId);
        legHash = Commitment.legHash(leg);
        if (legHash != entry.legHash) revert WrongLegHash(legHash, entry.legHash);
    }

    function _verifyDeadlines(Settlement calldata settlement) private view {
        (uint64 prepareDeadline, uint64 decideBy) =
            (settlement.prepareDeadline, settlement.decideBy);
        if (
            block.timestamp > prepareDeadline || prepareDeadline >= decideBy
                || decideBy > block.timestamp + _maxDecideSeconds
        ) {
            revert DeadlinesInvalid(prepareDeadline, decideBy, block.timestamp, _maxDecideSeconds);
        }
    }

    /// @dev Home answers for all chains; a spoke only for the one it will follow.
    /// @return alone Whether home is the only active chain.
    function _verifyChains(Settlement calldata settlement) private view returns (bool alone) {
        alone = true;
        bool homeListed = false;
        uint256 previous = 0;
        ChainEntry[] calldata chains = settlement.chains;
        for (uint256 i = 0; i < chains.length; ++i) {
            ChainEntry calldata entry = chains[i];
            if (entry.chainId <= previous) revert ChainsNotIncreasing(entry.chainId);
            previous = entry.chainId;
            if (entry.chainId == homeChainId) {
                homeListed = true;
                if (!entry.active) revert ChainNotActive(entry.chainId);
                if (!isHome) _verifyPeer(entry);
            } else if (isHome) {
                _verifyPeer(entry);
                alone = alone && !entry.active;
            }
        }
        if (!homeListed) revert ChainNotListed(homeChainId);
        if (isHome && chains.length != _peerCount() + 1) {
            revert WrongChainCount(chains.length, _peerCount() + 1);
        }
    }

    function _verifyPeer(ChainEntry calldata entry) private view {
        PeerState storage peer = _peers[entry.chainId];
        // Else an inactive entry of zeros would stand for any chain and hide that a peer is missing.
        address anchor = peer.anchor;
        if (anchor == address(0)) revert UnknownPeer(entry.chainId);
        if (entry.anchor != anchor) revert WrongAnchor(entry.chainId, entry.anchor, anchor);
        if (!entry.active) {
            if (entry.legHash != peer.legHash) {
                revert WrongInactiveLeg(entry.chainId, entry.legHash, peer.legHash);
            }
        } else if (ILightClient(peer.client).status() != ILightClient.Status.ACTIVE) {
            revert ClientNotActive(entry.chainId);
        }
    }

    function _verifyParent(Settlement calldata settlement) private view {
        Progress memory last = _progress;
        if (settlement.parent != lastCommitted) {
            revert WrongParent(settlement.parent, lastCommitted);
        }
        if (settlement.cycle <= last.cycle) {
            revert CycleNotIncreasing(settlement.cycle, last.cycle);
        }
        if (settlement.journalCount < last.journalCount) {
            revert JournalShrinks(settlement.journalCount, last.journalCount);
        }
        if (settlement.cutTime <= last.cutTime || settlement.cutTime > block.timestamp) {
            revert WrongCutTime(settlement.cutTime, last.cutTime, block.timestamp);
        }
    }

    function _verifyAssets(Leg calldata leg) private view {
        LegAsset[] calldata assets = leg.assets;
        bytes memory packedIds = new bytes(4 * assets.length);
        for (uint256 i = 0; i < assets.length; ++i) {
            uint32 assetId = assets[i].assetId;
            assembly ("memory-safe") {
                mstore(add(add(packedIds, 0x20), mul(4, i)), shl(224, assetId))
            }
        }
        if (_hashAssetIds(packedIds) != _assetIdsHash) revert WrongAssets();
        for (uint256 i = 0; i < assets.length; ++i) {
            _verifyAsset(assets[i]);
        }
    }

    function _verifyAllPrepared(
        bytes32 id,
        Settlement calldata settlement,
        CounterProof[] calldata proofs
    ) private view {
        uint256 used = 0;
        ChainEntry[] calldata chains = settlement.chains;
        for (uint256 i = 0; i < chains.length; ++i) {
            ChainEntry calldata entry = chains[i];
            if (!entry.active || entry.chainId == homeChainId) continue;
            if (used == proofs.length) revert WrongProofCount(proofs.length, used + 1);
            (Phase proven,) = _provenPhase(entry.chainId, id, proofs[used++]);
            if (proven != Phase.PREPARED) revert ProvenPhaseInsufficient(entry.chainId, proven);
        }
        if (used != proofs.length) revert WrongProofCount(proofs.length, used);
    }

    /// @dev The phase that another chain's anchor holds, in a finalised header of that chain. Bound
    /// to the chain (its client), the anchor, the anchor's code and the slot.
    function _provenPhase(uint256 chainId, bytes32 id, CounterProof calldata proof)
        private
        view
        returns (Phase proven, uint64 timestamp)
    {
        PeerState storage peer = _peers[chainId];
        ILightClient client = ILightClient(peer.client);
        if (client.status() == ILightClient.Status.FROZEN) revert ClientFrozen(chainId);
        bytes32 stateRoot;
        (stateRoot, timestamp) = client.headerAt(proof.height);
        (bytes32 storageRoot, bytes32 codeHash) =
            StateProof.verifyAccount(stateRoot, peer.anchor, proof.accountProof);
        if (codeHash != peer.codeHash) revert WrongCodeHash(chainId, codeHash, peer.codeHash);
        uint256 word = StateProof.verifyStorage(
            storageRoot, keccak256(abi.encode(id, PHASE_SLOT)), proof.storageProof
        );
        if (word > uint256(type(Phase).max)) revert WordIsNoPhase(chainId, word);
        proven = Phase(word);
    }

    /// @dev Absence tells something only once preparing is no longer possible on that chain.
    function _requireAfterPreparation(
        uint256 chainId,
        Settlement calldata settlement,
        uint64 timestamp
    ) private pure {
        if (timestamp <= settlement.prepareDeadline) {
            revert AbsenceTooEarly(chainId, timestamp, settlement.prepareDeadline);
        }
    }

    function _requirePhase(bytes32 id, Phase expected) private view {
        Phase actual = phase(id);
        if (actual != expected) revert WrongPhase(id, actual, expected);
    }

    function _getEntry(Settlement calldata settlement, uint256 chainId)
        private
        pure
        returns (ChainEntry calldata)
    {
        ChainEntry[] calldata chains = settlement.chains;
        for (uint256 i = 0; i < chains.length; ++i) {
            if (chains[i].chainId == chainId) return chains[i];
        }
        revert ChainNotListed(chainId);
    }
}
