// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {Commitment} from "./Commitment.sol";
import {IAnchor} from "./interfaces/IAnchor.sol";
import {SumTree} from "./proof/SumTree.sol";
import {Leg, LegAsset} from "./Types.sol";
import {Vault} from "./Vault.sol";

/// @title How a member leaves without anyone's permission (P7)
/// @notice A request, the legs' duty to answer it, a freeze when they do not, and payment out of the
/// last final leg. Nobody is paid twice: while legs can still commit, no claim and no refund is
/// paid; once none can, the claims, the releases and the deposits beyond the cursor are three
/// disjoint parts of the vault (P1, P2), each paid against a bitmap of its own.
abstract contract Exits is Vault {
    using BitMaps for BitMaps.BitMap;

    /// @dev How long a frozen spoke waits for home's word before it goes by its own.
    uint256 private constant RESOLUTION_SECONDS = 30 days;

    /// @dev Number of the member's last exit plus one, 0 before the first.
    mapping(uint32 assetId => mapping(address member => uint64)) private _lastRequest;
    mapping(uint32 assetId => BitMaps.BitMap) private _exited;
    mapping(uint32 assetId => BitMaps.BitMap) private _refunded;

    // -------------------------------------------------------------------------- request

    /// @inheritdoc IAnchor
    function requestExit(uint32 assetId, uint64 quanta) external returns (uint64 index) {
        _requireOpen();
        if (quanta == 0 || quanta > MAX_TOTAL_QUANTA) revert ExitOutOfRange(quanta);
        Asset storage asset = _getAsset(assetId);
        uint64 last = _lastRequest[assetId][msg.sender];
        if (last > asset.last.exitCursor) revert ExitPending(assetId, last - 1);
        index = asset.exitCount;
        asset.exitCount = index + 1;
        _lastRequest[assetId][msg.sender] = index + 1;
        bytes32 record = bytes32(abi.encodePacked(msg.sender, assetId, quanta));
        _exits[assetId][index] = Exit(record, uint64(block.timestamp));
        emit ExitRequested(assetId, index, msg.sender, quanta);
    }

    // --------------------------------------------------------------------------- freeze

    /// @inheritdoc IAnchor
    function warn() external {
        _requireOpen();
        uint64 committedAt = _commits[lastCommitted].committedAt;
        if (_warnedAt > committedAt) revert AlreadyWarned(_warnedAt);
        // Before the first leg nobody has a claim, and deposits are held to the grace.
        bool stalled = committedAt != 0 && block.timestamp - committedAt > _stallSeconds;
        if (!stalled && !_isAnyOverdue()) revert NothingOverdue();
        _warnedAt = uint64(block.timestamp);
        emit Warned(block.timestamp + _freezeDelaySeconds);
    }

    /// @inheritdoc IAnchor
    function freeze() external {
        _requireOpen();
        uint64 warnedAt = _warnedAt;
        // One in the same second counts as a leg since: who is in time by any order is in time.
        if (warnedAt <= _commits[lastCommitted].committedAt) revert NotWarned();
        uint256 until = uint256(warnedAt) + _freezeDelaySeconds;
        if (block.timestamp <= until) revert FreezeTooEarly(until, block.timestamp);
        frozen = true;
        _frozenAt = uint64(block.timestamp);
        emit Frozen();
    }

    /// @inheritdoc IAnchor
    /// @dev Home never needs it: after decideBy anyone can abort there, after the challenge window
    /// finalize. No other chain takes a spoke's ABORTED or FINAL as a proof of anything.
    function resolve() external {
        _requireRole(false);
        if (_frozenAt == 0) revert NotFrozen();
        uint256 until = _frozenAt + RESOLUTION_SECONDS;
        if (block.timestamp <= until) revert ResolutionTooEarly(until, block.timestamp);
        bytes32 id = inFlight();
        if (id != 0) _applyAbort(id);
        uint64 sequence = _progress.sequence;
        if (sequence != finalSequence) _applyFinal(lastCommitted, sequence);
    }

    // ----------------------------------------------------------------------------- leave

    /// @inheritdoc IAnchor
    function exitFrozen(
        Leg calldata leg,
        uint32 assetId,
        uint256 position,
        address member,
        uint128 claim,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums,
        address recipient
    ) external nonReentrant {
        _requireResolved();
        bytes32 given = Commitment.legHash(leg);
        if (given != lastLeg) revert WrongLegHash(given, lastLeg);
        LegAsset calldata committed = _getLegAsset(leg, assetId);
        bytes32 leaf = SumTree.claimLeaf(member, claim);
        (bytes32 root, uint128 sum) = SumTree.root(leaf, claim, position, siblings, siblingSums);
        if (root != committed.claimsTree || sum != committed.claims) {
            revert ClaimNotProven(assetId, position);
        }
        BitMaps.BitMap storage exited = _exited[assetId];
        if (exited.get(position)) revert AlreadyExited(assetId, position);
        exited.set(position);
        Asset storage asset = _assets[assetId];
        asset.last.claims -= claim;
        emit Exited(assetId, member, position, claim, recipient);
        _transfer(asset, member, claim, recipient);
    }

    /// @inheritdoc IAnchor
    function refund(uint32 assetId, uint64 index, address recipient) external nonReentrant {
        _requireResolved();
        Asset storage asset = _getAsset(assetId);
        if (index < asset.last.depositCursor || index >= asset.depositCount) {
            revert NotRefundable(assetId, index);
        }
        BitMaps.BitMap storage refunded = _refunded[assetId];
        if (refunded.get(index)) revert AlreadyRefunded(assetId, index);
        refunded.set(index);
        uint256 record = uint256(_deposits[assetId][index].record);
        (address member, uint64 quanta) = (address(uint160(record >> 96)), uint64(record));
        asset.refundedDeposits += quanta;
        emit Refunded(assetId, index, member, quanta, recipient);
        _transfer(asset, member, quanta, recipient);
    }

    // ----------------------------------------------------------------------------- views

    /// @inheritdoc IAnchor
    function exits(uint32 assetId, uint256 index) external view returns (Exit memory) {
        return _exits[assetId][index];
    }

    /// @inheritdoc IAnchor
    function exitCount(uint32 assetId) external view returns (uint64) {
        return _assets[assetId].exitCount;
    }

    /// @inheritdoc IAnchor
    function freezeTimes() external view returns (uint64 warnedAt, uint64 frozenAt) {
        return (_warnedAt, _frozenAt);
    }

    /// @inheritdoc IAnchor
    function isExited(uint32 assetId, uint256 position) external view returns (bool) {
        return _exited[assetId].get(position);
    }

    /// @inheritdoc IAnchor
    function isRefunded(uint32 assetId, uint64 index) external view returns (bool) {
        return _refunded[assetId].get(index);
    }

    // ---------------------------------------------------------------------------- checks

    /// @dev From here on no leg can commit, so the last one and the cursors stay for ever: preparing
    /// is over, nothing is prepared, and all that committed is final (P10).
    function _requireResolved() private view {
        if (_frozenAt == 0) revert NotFrozen();
        bytes32 id = inFlight();
        if (id == 0 && _progress.sequence != finalSequence) id = lastCommitted;
        if (id != 0) revert LegUnresolved(id);
    }

    function _isAnyOverdue() private view returns (bool) {
        for (uint256 i = 0; i < _assetIds.length; ++i) {
            uint32 assetId = _assetIds[i];
            Asset storage asset = _assets[assetId];
            if (
                _overdueDeposit(assetId, asset.last.depositCursor, asset.depositCount) != 0
                    || _overdueExit(assetId, asset.last.exitCursor, asset.exitCount) != 0
            ) return true;
        }
        return false;
    }

    function _getLegAsset(Leg calldata leg, uint32 assetId)
        private
        pure
        returns (LegAsset calldata)
    {
        LegAsset[] calldata assets = leg.assets;
        for (uint256 i = 0; i < assets.length; ++i) {
            if (assets[i].assetId == assetId) return assets[i];
        }
        revert UnknownAsset(assetId);
    }
}
