// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {
    ReentrancyGuardTransient
} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {AnchorState} from "./AnchorState.sol";
import {IAnchor} from "./interfaces/IAnchor.sol";
import {SumTree} from "./proof/SumTree.sol";
import {LegAsset, Phase} from "./Types.sol";

/// @title How tokens come in and go out
/// @notice While settlements go on, tokens leave only as releases of a final leg, each once, and the
/// releases of one leg never add up to more than that leg released (P1, P6).
abstract contract Vault is AnchorState, ReentrancyGuardTransient {
    using BitMaps for BitMaps.BitMap;
    using SafeERC20 for IERC20;

    /// @dev Running totals stay below 2^63, the largest integer that every store of the ledger has.
    uint128 internal constant MAX_TOTAL_QUANTA = uint128(uint64(type(int64).max));

    /// @dev keccak256(releasesTree, released) of a leg's asset, only where it released something.
    mapping(bytes32 settlementId => mapping(uint32 assetId => bytes32)) private _releases;
    mapping(bytes32 settlementId => mapping(uint32 assetId => BitMaps.BitMap)) private _claimed;

    /// @inheritdoc IAnchor
    function deposit(uint32 assetId, uint256 amount, address member)
        external
        nonReentrant
        returns (uint64 index)
    {
        _requireOpen();
        if (member == address(0)) revert ZeroMember();
        Asset storage asset = _getAsset(assetId);
        uint64 quanta = _wholeQuanta(asset, amount);

        // Measured, because the vault owes what it has, not what the caller asked to move. Nothing
        // else can move the balance down meanwhile: paying out is not reentrant either.
        IERC20 token = IERC20(asset.token);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received < amount) revert ReceivedLessThanAmount(received, amount);

        index = asset.depositCount;
        asset.depositCount = index + 1;
        uint128 total = _totalBefore(assetId, index) + quanta;
        if (total > MAX_TOTAL_QUANTA) revert DepositTotalTooLarge(assetId, total);
        bytes32 record = bytes32(abi.encodePacked(member, assetId, quanta));
        bytes32 hash = keccak256(abi.encode(_hashBefore(assetId, index), record));
        _deposits[assetId][index] = Deposit(record, uint64(block.timestamp), total, hash);
        emit Deposited(assetId, index, member, quanta, total, hash);
    }

    /// @inheritdoc IAnchor
    function claimRelease(
        bytes32 settlementId,
        uint32 assetId,
        uint64 index,
        address member,
        uint128 quanta,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums,
        address recipient
    ) external nonReentrant {
        Phase current = phase(settlementId);
        if (current != Phase.FINAL) revert WrongPhase(settlementId, current, Phase.FINAL);
        bytes32 leaf = SumTree.releaseLeaf(index, member, quanta);
        (bytes32 root, uint128 sum) = SumTree.root(leaf, quanta, index, siblings, siblingSums);
        if (_releases[settlementId][assetId] != _releasesHash(root, sum)) {
            revert ReleaseNotProven(settlementId, assetId, index);
        }
        BitMaps.BitMap storage claimed = _claimed[settlementId][assetId];
        if (claimed.get(index)) revert AlreadyClaimed(settlementId, assetId, index);
        claimed.set(index);
        Asset storage asset = _assets[assetId];
        asset.unclaimedReleases -= quanta;
        emit ReleaseClaimed(settlementId, assetId, member, index, quanta, recipient);
        _transfer(asset, member, quanta, recipient);
    }

    /// @inheritdoc IAnchor
    function assetState(uint32 assetId) external view returns (AssetState memory) {
        Asset storage asset = _getAsset(assetId);
        LegState memory last = asset.last;
        uint128 waiting =
            _totalBefore(assetId, asset.depositCount) - _totalBefore(assetId, last.depositCursor);
        return AssetState({
            token: asset.token,
            tokenUnitsPerQuantum: asset.tokenUnitsPerQuantum,
            minimumDepositQuanta: asset.minimumDepositQuanta,
            claims: last.claims,
            unclaimedReleases: asset.unclaimedReleases,
            unconsumedDeposits: waiting - asset.refundedDeposits,
            depositCount: asset.depositCount,
            depositCursor: last.depositCursor,
            exitCount: asset.exitCount,
            exitCursor: last.exitCursor
        });
    }

    /// @inheritdoc IAnchor
    function deposits(uint32 assetId, uint256 index) external view returns (Deposit memory) {
        return _deposits[assetId][index];
    }

    /// @inheritdoc IAnchor
    function depositCount(uint32 assetId) external view returns (uint64) {
        return _assets[assetId].depositCount;
    }

    /// @inheritdoc IAnchor
    function isClaimed(bytes32 settlementId, uint32 assetId, uint64 index)
        external
        view
        returns (bool)
    {
        return _claimed[settlementId][assetId].get(index);
    }

    /// @dev Check one asset of a leg against the deposits and claims here.
    function _verifyAsset(LegAsset calldata next) internal view {
        uint32 assetId = next.assetId;
        Asset storage asset = _assets[assetId];
        (uint64 count, uint64 exitCount) = (asset.depositCount, asset.exitCount);
        (uint128 claims, uint64 cursor, uint64 exitCursor) =
            (asset.last.claims, asset.last.depositCursor, asset.last.exitCursor);

        if (next.depositCursor < cursor || next.depositCursor > count) {
            revert DepositCursorOutOfRange(assetId, next.depositCursor, cursor, count);
        }
        if (next.exitCursor < exitCursor || next.exitCursor > exitCount) {
            revert ExitCursorOutOfRange(assetId, next.exitCursor, exitCursor, exitCount);
        }
        uint64 waiting = _overdueDeposit(assetId, next.depositCursor, count);
        if (waiting != 0) revert DepositOverdue(assetId, next.depositCursor, waiting);
        waiting = _overdueExit(assetId, next.exitCursor, exitCount);
        if (waiting != 0) revert ExitOverdue(assetId, next.exitCursor, waiting);
        bytes32 hash = _hashBefore(assetId, next.depositCursor);
        if (next.depositHash != hash) revert WrongDepositHash(assetId, next.depositHash, hash);

        uint256 before = claims;
        if (next.depositCursor != cursor) {
            before += _totalBefore(assetId, next.depositCursor) - _totalBefore(assetId, cursor);
        }
        uint256 after_ = uint256(next.claims) + next.released;
        if (after_ != before) revert NotConserved(assetId, after_, before);
    }

    /// @dev Let one asset of a verified leg take effect.
    function _applyAsset(bytes32 settlementId, LegAsset calldata next) internal {
        Asset storage asset = _assets[next.assetId];
        asset.last = LegState(next.claims, next.depositCursor, next.exitCursor);
        if (next.released != 0) {
            asset.unclaimedReleases += next.released;
            _releases[settlementId][next.assetId] = _releasesHash(next.releasesTree, next.released);
        }
    }

    /// @dev When the deposit at `cursor` came, if it has waited longer than the grace; else 0.
    /// Later ones are younger.
    function _overdueDeposit(uint32 assetId, uint64 cursor, uint64 count)
        internal
        view
        returns (uint64 time)
    {
        if (cursor < count) time = _overdue(_deposits[assetId][cursor].time);
    }

    /// @dev As `_overdueDeposit`, for exits.
    function _overdueExit(uint32 assetId, uint64 cursor, uint64 count)
        internal
        view
        returns (uint64 time)
    {
        if (cursor < count) time = _overdue(_exits[assetId][cursor].time);
    }

    function _overdue(uint64 time) private view returns (uint64) {
        return block.timestamp - time > _graceSeconds ? time : 0;
    }

    /// @dev Move tokens out, on behalf of `member`; the caller has taken them off what is owed. Only
    /// the member itself may send them elsewhere.
    function _transfer(Asset storage asset, address member, uint128 quanta, address recipient)
        internal
    {
        if (recipient != member && msg.sender != member) revert NotMember(msg.sender, member);
        if (recipient == address(0)) revert ZeroMember();
        IERC20(asset.token).safeTransfer(recipient, uint256(quanta) * asset.tokenUnitsPerQuantum);
    }

    /// @dev Running total of an asset's first `count` deposits.
    function _totalBefore(uint32 assetId, uint64 count) private view returns (uint128) {
        return count == 0 ? 0 : _deposits[assetId][count - 1].total;
    }

    /// @dev Hash of an asset's first `count` deposits.
    function _hashBefore(uint32 assetId, uint64 count) private view returns (bytes32) {
        return count == 0 ? bytes32(0) : _deposits[assetId][count - 1].hash;
    }

    function _wholeQuanta(Asset storage asset, uint256 amount) private view returns (uint64) {
        uint256 unit = asset.tokenUnitsPerQuantum;
        if (amount % unit != 0) revert NotWholeQuanta(amount, unit);
        uint256 quanta = amount / unit;
        if (quanta < asset.minimumDepositQuanta || quanta > type(uint64).max) {
            revert DepositOutOfRange(quanta, asset.minimumDepositQuanta);
        }
        return uint64(quanta);
    }

    function _releasesHash(bytes32 releasesTree, uint128 released) private pure returns (bytes32) {
        return keccak256(abi.encode(releasesTree, released));
    }
}
