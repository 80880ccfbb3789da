// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Commitment} from "../../Commitment.sol";
import {ILightClient} from "../../interfaces/ILightClient.sol";
import {Quorum} from "../../proof/Quorum.sol";
import {Execution, ExecutionHeader} from "../ethereum/Execution.sol";
import {BlockHistory} from "./BlockHistory.sol";
import {
    Bond,
    IAttestedRollupClient,
    L1Evidence,
    RollupClientConfiguration
} from "./IAttestedRollupClient.sol";

/// @title Follows a rollup by bonded attesters whom L1 audits
contract AttestedRollupClient is IAttestedRollupClient {
    using SafeERC20 for IERC20;

    bytes32 private constant HEADER_TYPEHASH =
        keccak256("CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash)");

    /// @dev Headers are kept as the committee client keeps them, see there.
    uint64 private constant KEPT_HEADERS = 251;

    /// @dev How far a header's time may be ahead of this chain's. A header of any height is as old
    /// as this soon after it was taken, and then L1 has younger blocks, so it is true or convicted.
    uint256 private constant MAX_AHEAD_SECONDS = 1 hours;

    uint256 private constant BASIS_POINTS = 10_000;
    /// @dev An attester that audits itself gets the challenger's part back, so at least half of a
    /// bond is always lost.
    uint256 private constant MAX_CHALLENGER_BASIS_POINTS = 5_000;
    /// @dev Stands as the time from which a slashed bond could be withdrawn.
    uint64 private constant LOST = type(uint64).max;

    /// @inheritdoc ILightClient
    uint256 public immutable chainId;
    bytes32 private immutable _domain;

    RollupClientConfiguration private _configuration;
    mapping(address => Bond) private _bonds;
    /// @inheritdoc IAttestedRollupClient
    mapping(address => uint256) public owed;

    mapping(uint256 => ExecutionHeader) private _headers;
    /// @inheritdoc ILightClient
    uint64 public latestHeight;
    uint64 private _latestTimestamp;
    bool private _frozen;

    constructor(RollupClientConfiguration memory configuration_) {
        Quorum.requireValidSet(configuration_.members, configuration_.threshold);
        if (
            configuration_.clearinghouseId == 0 || configuration_.chainId == 0
                || 2 * uint256(configuration_.threshold) <= configuration_.members.length
                || address(configuration_.l1).code.length == 0
                || address(configuration_.root).code.length == 0
                || address(configuration_.bondToken).code.length == 0
                || configuration_.bondUnits == 0 || configuration_.unbondingSeconds == 0
                || configuration_.challengerBasisPoints > MAX_CHALLENGER_BASIS_POINTS
                || configuration_.insurance == address(0)
        ) revert InvalidConfiguration();
        _configuration = configuration_;
        chainId = configuration_.chainId;
        _domain = Commitment.domainSeparator(configuration_.clearinghouseId);
    }

    // ------------------------------------------------------------------------- headers

    /// @inheritdoc ILightClient
    function update(bytes calldata data) external {
        if (_frozen) revert AlreadyFrozen();
        (bytes calldata headerRlp, bytes[] memory signatures) = _splitUpdate(data);
        ExecutionHeader memory header = Execution.fromRlp(headerRlp);
        ExecutionHeader storage kept = _headers[header.height % KEPT_HEADERS];
        if (kept.blockHash == header.blockHash) return;
        if (header.height <= latestHeight) {
            revert HeightNotIncreasing(header.height, latestHeight);
        }
        if (header.timestamp < _latestTimestamp) {
            revert TimestampDecreasing(header.timestamp, _latestTimestamp);
        }
        if (header.timestamp > block.timestamp + MAX_AHEAD_SECONDS) {
            revert TimestampInFuture(header.timestamp, block.timestamp + MAX_AHEAD_SECONDS);
        }
        _requireQuorum(header.height, header.blockHash, signatures, _members(false));
        _headers[header.height % KEPT_HEADERS] = header;
        (latestHeight, _latestTimestamp) = (header.height, header.timestamp);
        emit HeaderStored(header.height, header.blockHash, header.stateRoot, header.timestamp);
        emit HeaderAttested(header.height, header.blockHash, signatures);
    }

    /// @inheritdoc ILightClient
    function freeze(bytes calldata evidence) external {
        if (_frozen) revert AlreadyFrozen();
        (
            uint64 height,
            bytes32 hashA,
            bytes[] memory signaturesA,
            bytes32 hashB,
            bytes[] memory signaturesB
        ) = abi.decode(evidence, (uint64, bytes32, bytes[], bytes32, bytes[]));
        if (hashA == hashB) revert NotEquivocation(hashA);
        address[] memory members = _members(true);
        _requireQuorum(height, hashA, signaturesA, members);
        _requireQuorum(height, hashB, signaturesB, members);
        _freeze(height, hashA, hashB);
    }

    /// @inheritdoc ILightClient
    function headerAt(uint64 height) external view returns (bytes32 stateRoot, uint64 timestamp) {
        ExecutionHeader storage header = _headers[height % KEPT_HEADERS];
        if (height == 0 || header.height != height) revert UnknownHeader(height);
        return (header.stateRoot, header.timestamp);
    }

    /// @inheritdoc ILightClient
    function status() external view returns (Status) {
        return _frozen ? Status.FROZEN : Status.ACTIVE;
    }

    /// @inheritdoc IAttestedRollupClient
    function headerDigest(uint64 height, bytes32 blockHash) public view returns (bytes32) {
        return Commitment.typedDataHash(
            _domain,
            keccak256(
                abi.encode(HEADER_TYPEHASH, chainId, _configuration.epoch, height, blockHash)
            )
        );
    }

    // --------------------------------------------------------------------------- bonds

    /// @inheritdoc IAttestedRollupClient
    function postBond(address member) external {
        if (_frozen) revert AlreadyFrozen();
        _requireMember(member);
        Bond storage bond = _bonds[member];
        if (bond.units != 0 || bond.withdrawableAt != 0) revert CannotBondAgain(member);
        uint128 units = _configuration.bondUnits;
        bond.units = units;
        emit BondPosted(member, units);
        IERC20 token = _configuration.bondToken;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), units);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != units) revert BondUnitsMismatch(units, received);
    }

    /// @inheritdoc IAttestedRollupClient
    function resign() external {
        Bond storage bond = _bonds[msg.sender];
        if (bond.units == 0) revert NothingAtStake(msg.sender);
        if (bond.withdrawableAt != 0) revert AlreadyResigned(msg.sender);
        bond.withdrawableAt = uint64(block.timestamp) + _configuration.unbondingSeconds;
        emit Resigned(msg.sender, bond.withdrawableAt);
    }

    /// @inheritdoc IAttestedRollupClient
    function withdrawBond(address recipient) external {
        Bond memory bond = _bonds[msg.sender];
        if (bond.units == 0) revert NothingAtStake(msg.sender);
        if (bond.withdrawableAt == 0 || block.timestamp < bond.withdrawableAt) {
            revert BondLocked(bond.withdrawableAt);
        }
        delete _bonds[msg.sender];
        emit BondWithdrawn(msg.sender, recipient, bond.units);
        _configuration.bondToken.safeTransfer(recipient, bond.units);
    }

    /// @inheritdoc IAttestedRollupClient
    function bondOf(address member) external view returns (Bond memory) {
        return _bonds[member];
    }

    // --------------------------------------------------------------------------- audit

    /// @inheritdoc IAttestedRollupClient
    function audit(
        uint64 height,
        bytes32 blockHash,
        bytes[] calldata signatures,
        L1Evidence calldata evidence
    ) external {
        if (signatures.length == 0) revert NoSignatures();
        bytes32 proven = _proveHash(height, blockHash, evidence);
        if (proven == blockHash) revert AttestationTrue(height, blockHash);
        (uint256 taken, address last) = _slash(height, blockHash, proven, signatures);
        bool freezes = signatures.length >= _configuration.threshold && !_frozen;
        if (taken == 0 && !freezes) revert NothingAtStake(last);
        // Pulled later, so that a token that refuses a recipient cannot save anyone's bond.
        uint256 reward = taken * _configuration.challengerBasisPoints / BASIS_POINTS;
        owed[msg.sender] += reward;
        owed[_configuration.insurance] += taken - reward;
        if (freezes) _freeze(height, blockHash, proven);
    }

    /// @inheritdoc IAttestedRollupClient
    function collect(address account) external {
        uint256 units = owed[account];
        if (units == 0) revert NothingOwed(account);
        owed[account] = 0;
        _configuration.bondToken.safeTransfer(account, units);
    }

    /// @inheritdoc IAttestedRollupClient
    function configuration() external view returns (RollupClientConfiguration memory) {
        return _configuration;
    }

    /// @dev Take the bonds of all who signed. Who lost its own before still counts as a signer: else
    /// colluders would have one of theirs slashed first, and no quorum could be shown any more.
    function _slash(uint64 height, bytes32 blockHash, bytes32 proven, bytes[] calldata signatures)
        private
        returns (uint256 taken, address last)
    {
        bytes32 digest = headerDigest(height, blockHash);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address member = ECDSA.recover(digest, signatures[i]);
            if (member <= last) revert Quorum.SignerNotInOrder(i, member);
            last = member;
            Bond memory bond = _bonds[member];
            // Only members ever have bonds.
            if (bond.units == 0 && bond.withdrawableAt != LOST) revert NothingAtStake(member);
            if (bond.units == 0) continue;
            _bonds[member] = Bond(0, LOST);
            taken += bond.units;
            emit Slashed(member, msg.sender, height, blockHash, proven);
        }
    }

    /// @dev The hash of the rollup's block at a height, by L1. Headers of an expired L1 client
    /// still count; those of a frozen one do not. Where L1 has nothing of that height, because the
    /// rollup never gets there, a lower block that is younger than the held header shows that it is
    /// false: times do not decrease from block to block.
    function _proveHash(uint64 height, bytes32 attested, L1Evidence calldata evidence)
        private
        view
        returns (bytes32)
    {
        ILightClient l1 = _configuration.l1;
        if (l1.status() == Status.FROZEN) revert L1ClientFrozen();
        (bytes32 l1StateRoot, uint64 l1Timestamp) = l1.headerAt(evidence.l1Height);
        (uint64 proven, bytes32 blockHash, bytes32 stateRoot, uint64 timestamp) =
            _configuration.root.proveHeader(l1StateRoot, l1Timestamp, evidence.rootProof);
        if (proven == height) {
            if (
                evidence.historyAccountNodes.length != 0
                    || evidence.historyStorageNodes.length != 0
            ) revert HistoryUnused();
            return blockHash;
        }
        if (proven < height) {
            ExecutionHeader storage held = _headers[height % KEPT_HEADERS];
            if (held.blockHash != attested || held.height != height || held.timestamp >= timestamp)
            {
                revert ProvenBelowAttested(proven, height);
            }
            return blockHash;
        }
        return BlockHistory.hashAt(
            stateRoot,
            proven,
            height,
            _configuration.historyWindow,
            evidence.historyAccountNodes,
            evidence.historyStorageNodes
        );
    }

    // -------------------------------------------------------------------------- private

    function _freeze(uint64 height, bytes32 hashA, bytes32 hashB) private {
        _frozen = true;
        emit ClientFrozen(height, hashA, hashB);
    }

    function _requireQuorum(
        uint64 height,
        bytes32 blockHash,
        bytes[] memory signatures,
        address[] memory members
    ) private view {
        Quorum.requireQuorum(
            headerDigest(height, blockHash), members, _configuration.threshold, signatures
        );
    }

    /// @dev The attesters with a bond, in their order; with or without those that resigned.
    function _members(bool withResigned) private view returns (address[] memory members) {
        members = _configuration.members;
        uint256 count = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            Bond memory bond = _bonds[members[i]];
            if (bond.units != 0 && (withResigned || bond.withdrawableAt == 0)) {
                members[count++] = members[i];
            }
        }
        assembly ("memory-safe") {
            mstore(members, count)
        }
    }

    function _requireMember(address account) private view {
        address[] storage members = _configuration.members;
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] == account) return;
        }
        revert NotAMember(account);
    }

    /// @dev The header stays in calldata, where it is decoded; the rest goes through abi.decode,
    /// which also checks the bounds of the header's place.
    function _splitUpdate(bytes calldata data)
        private
        pure
        returns (bytes calldata headerRlp, bytes[] memory signatures)
    {
        (, signatures) = abi.decode(data, (bytes, bytes[]));
        assembly ("memory-safe") {
            let start := add(data.offset, calldataload(data.offset))
            headerRlp.offset := add(start, 0x20)
            headerRlp.length := calldataload(start)
        }
    }
}
