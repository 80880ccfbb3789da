// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "../../interfaces/ILightClient.sol";
import {
    Fork,
    ISyncCommitteeLightClient,
    Network,
    Update
} from "../../interfaces/ISyncCommitteeLightClient.sol";
import {Execution, ExecutionHeader} from "./Execution.sol";
import {BeaconHeader, Ssz} from "./Ssz.sol";
import {SyncCommittee} from "./SyncCommittee.sol";

/// @title Follows Ethereum by its sync committees, verified with the precompiles of EIP-2537
/// @notice Source: ethereum/consensus-specs, altair/light-client/sync-protocol.md and its later
/// forks, less optimistic headers and less the update on a timeout.
contract SyncCommitteeLightClient is ISyncCommitteeLightClient {
    /// @dev DOMAIN_SYNC_COMMITTEE.
    bytes32 private constant DOMAIN_TYPE = bytes32(bytes4(0x07000000));

    /// @dev Headers are kept by height modulo this: a prime, as in the committee client.
    uint64 private constant KEPT_HEADERS = 251;

    /// @inheritdoc ILightClient
    uint256 public immutable chainId;
    bytes32 private immutable _genesisValidatorsRoot;
    uint64 private immutable _genesisTime;
    uint64 private immutable _secondsPerSlot;
    uint64 private immutable _slotsPerEpoch;
    uint64 private immutable _epochsPerPeriod;
    uint64 private immutable _committeeSize;
    uint64 private immutable _trustingSeconds;
    Fork[] private _forks;

    /// @dev By period: the committees that were trusted at first or proven since, without gaps.
    mapping(uint64 period => bytes32) private _committees;
    mapping(uint256 => ExecutionHeader) private _headers;
    /// @inheritdoc ILightClient
    uint64 public latestHeight;
    /// @inheritdoc ISyncCommitteeLightClient
    uint64 public finalizedSlot;
    bool private _frozen;

    /// @param period The sync committee period from which on the chain is followed.
    /// @param committee Root of that period's committee, checked by whoever deploys against a
    /// checkpoint younger than the trusting period.
    constructor(Network memory network_, uint64 period, bytes32 committee) {
        if (
            network_.chainId == 0 || network_.genesisValidatorsRoot == 0
                || network_.secondsPerSlot == 0 || network_.slotsPerEpoch == 0
                || network_.epochsPerPeriod == 0 || network_.trustingSeconds == 0
                || network_.committeeSize < 8
                || network_.committeeSize & (network_.committeeSize - 1) != 0 || committee == 0
        ) {
            revert InvalidNetwork();
        }
        chainId = network_.chainId;
        _genesisValidatorsRoot = network_.genesisValidatorsRoot;
        _genesisTime = network_.genesisTime;
        _secondsPerSlot = network_.secondsPerSlot;
        _slotsPerEpoch = network_.slotsPerEpoch;
        _epochsPerPeriod = network_.epochsPerPeriod;
        _committeeSize = network_.committeeSize;
        _trustingSeconds = network_.trustingSeconds;
        _setForks(network_.forks);
        _committees[period] = committee;
        // As if all before the period had been seen: its first slot is newer.
        uint64 firstSlot = period * network_.epochsPerPeriod * network_.slotsPerEpoch;
        finalizedSlot = firstSlot == 0 ? 0 : firstSlot - 1;
        emit CommitteeStored(period, committee);
    }

    /// @inheritdoc ILightClient
    function update(bytes calldata data) external {
        if (_frozen) revert AlreadyFrozen();
        if (_isExpired()) revert ClientExpired();
        Update calldata message = _updateAt(data, 0);
        uint64 slot = message.finalized.slot;
        uint64 nextPeriod = _periodOf(message.attested.slot) + 1;
        bytes32 known = message.nextCommittee == 0 ? bytes32(0) : _committees[nextPeriod];
        bool isCommitteeNew = known == 0 && message.nextCommittee != 0;
        bool isHeaderNew = slot > finalizedSlot;

        (ExecutionHeader memory header, bytes32 node, uint256 index) = _execution(message);
        if (!isHeaderNew && !isCommitteeNew) {
            if (_headers[latestHeight % KEPT_HEADERS].blockHash == header.blockHash) return;
            revert SlotNotIncreasing(slot, finalizedSlot);
        }
        if (known != 0 && known != message.nextCommittee) {
            revert CommitteeConflict(nextPeriod, known, message.nextCommittee);
        }
        Ssz.requireBranch(node, message.executionBranch, index, message.finalized.bodyRoot);
        _requireFinal(message);
        if (isCommitteeNew) {
            _committees[nextPeriod] = message.nextCommittee;
            emit CommitteeStored(nextPeriod, message.nextCommittee);
        }
        if (isHeaderNew) _store(slot, header);
    }

    /// @inheritdoc ILightClient
    function freeze(bytes calldata evidence) external {
        if (_frozen) revert AlreadyFrozen();
        Update calldata a = _updateAt(evidence, 0);
        Update calldata b = _updateAt(evidence, 1);
        (uint64 slot, bytes32 rootA, bytes32 rootB) = _contradiction(a, b);
        _requireRecent(a.signatureSlot);
        _requireRecent(b.signatureSlot);
        _requireFinal(a);
        _requireFinal(b);
        _frozen = true;
        emit ClientFrozen(slot, rootA, rootB);
    }

    /// @inheritdoc ILightClient
    function headerAt(uint64 height) external view returns (bytes32 stateRoot, uint64 timestamp) {
        ExecutionHeader storage header = _headers[height % KEPT_HEADERS];
        if (height == 0 || header.height != height) revert UnknownHeader(height);
        return (header.stateRoot, header.timestamp);
    }

    /// @inheritdoc ILightClient
    function status() external view returns (Status) {
        if (_frozen) return Status.FROZEN;
        return _isExpired() ? Status.EXPIRED : Status.ACTIVE;
    }

    /// @inheritdoc ISyncCommitteeLightClient
    function committeeAt(uint64 period) external view returns (bytes32) {
        return _committees[period];
    }

    /// @inheritdoc ISyncCommitteeLightClient
    function network() external view returns (Network memory) {
        return Network({
            chainId: chainId,
            genesisValidatorsRoot: _genesisValidatorsRoot,
            genesisTime: _genesisTime,
            secondsPerSlot: _secondsPerSlot,
            slotsPerEpoch: _slotsPerEpoch,
            epochsPerPeriod: _epochsPerPeriod,
            committeeSize: _committeeSize,
            trustingSeconds: _trustingSeconds,
            forks: _forks
        });
    }

    function _setForks(Fork[] memory forks) private {
        if (forks.length == 0) revert InvalidNetwork();
        for (uint256 i = 0; i < forks.length; ++i) {
            Fork memory fork = forks[i];
            if (i != 0 && fork.epoch < forks[i - 1].epoch) revert ForksNotIncreasing(i);
            if (fork.finalizedIndex == 0 || fork.nextCommitteeIndex == 0) revert InvalidNetwork();
            _forks.push(fork);
        }
    }

    function _store(uint64 slot, ExecutionHeader memory header) private {
        finalizedSlot = slot;
        ExecutionHeader storage latest = _headers[latestHeight % KEPT_HEADERS];
        // Where blocks hold only a hash, two of them may point to one execution block.
        if (latest.blockHash == header.blockHash) return;
        if (header.height <= latestHeight) {
            revert HeightNotIncreasing(header.height, latestHeight);
        }
        _headers[header.height % KEPT_HEADERS] = header;
        latestHeight = header.height;
        emit HeaderStored(header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @dev The execution block that an update claims for its finalised header, and where in that
    /// header's body the node must lie that proves it.
    function _execution(Update calldata message)
        private
        view
        returns (ExecutionHeader memory header, bytes32 node, uint256 index)
    {
        uint64 epoch = message.finalized.slot / _slotsPerEpoch;
        Fork memory fork = _forkAt(epoch);
        if (message.execution.length == Execution.PAYLOAD_BYTES) {
            index = fork.payloadIndex;
            (header, node) = Execution.fromPayload(message.execution);
        } else {
            index = fork.blockHashIndex;
            header = Execution.fromRlp(message.execution);
            node = header.blockHash;
        }
        if (index == 0) revert NoExecution(epoch);
    }

    /// @dev Require all that makes an update true, whether or not it is news: the committee of its
    /// period signed the attested header, whose state holds the finalised one and, if given, the
    /// next committee.
    function _requireFinal(Update calldata message) private view {
        (uint64 attestedSlot, uint64 slot) = (message.attested.slot, message.finalized.slot);
        if (message.signatureSlot <= attestedSlot || attestedSlot < slot) {
            revert SlotsNotOrdered(message.signatureSlot, attestedSlot, slot);
        }
        if (_timeOf(message.signatureSlot) > block.timestamp) {
            revert SlotInFuture(message.signatureSlot);
        }
        uint64 signaturePeriod = _periodOf(message.signatureSlot);
        bytes32 committee = _committees[signaturePeriod];
        if (committee == 0) revert UnknownCommittee(signaturePeriod);

        Fork memory fork = _forkAt(attestedSlot / _slotsPerEpoch);
        Ssz.requireBranch(
            Ssz.root(message.finalized),
            message.finalityBranch,
            fork.finalizedIndex,
            message.attested.stateRoot
        );
        if (message.nextCommittee != 0) {
            (uint64 period, uint64 attestedPeriod) = (_periodOf(slot), _periodOf(attestedSlot));
            if (period != attestedPeriod) revert CommitteeNotFinal(period, attestedPeriod);
            Ssz.requireBranch(
                message.nextCommittee,
                message.nextCommitteeBranch,
                fork.nextCommitteeIndex,
                message.attested.stateRoot
            );
        }
        bytes32 signingRoot =
            Ssz.pair(Ssz.root(message.attested), _domainAt(message.signatureSlot));
        SyncCommittee.requireSigned(message.signed, committee, _committeeSize, signingRoot);
    }

    /// @dev What two true updates contradict each other in, by the kinds of misbehaviour. A block
    /// that two thirds saw as the head is not replaced by another of its slot unless far more stake
    /// than the chain tolerates equivocates, so the second kind does not strike the honest.
    function _contradiction(Update calldata a, Update calldata b)
        private
        view
        returns (uint64 slot, bytes32 rootA, bytes32 rootB)
    {
        if (a.finalized.slot == b.finalized.slot) {
            (slot, rootA, rootB) = (a.finalized.slot, Ssz.root(a.finalized), Ssz.root(b.finalized));
        }
        if (rootA == rootB && a.attested.slot == b.attested.slot) {
            (slot, rootA, rootB) = (a.attested.slot, Ssz.root(a.attested), Ssz.root(b.attested));
        }
        if (
            rootA == rootB && a.nextCommittee != 0 && b.nextCommittee != 0
                && _periodOf(a.attested.slot) == _periodOf(b.attested.slot)
        ) {
            (slot, rootA, rootB) = (a.attested.slot, a.nextCommittee, b.nextCommittee);
        }
        if (rootA == rootB) revert NotMisbehaviour();
    }

    function _requireRecent(uint64 signatureSlot) private view {
        if (_timeOf(signatureSlot) + _trustingSeconds < block.timestamp) {
            revert EvidenceTooOld(signatureSlot);
        }
    }

    function _isExpired() private view returns (bool) {
        return _timeOf(finalizedSlot) + _trustingSeconds < block.timestamp;
    }

    /// @dev A signature's domain is that of the slot before the one it is included in: the slot in
    /// which it was made.
    function _domainAt(uint64 signatureSlot) private view returns (bytes32) {
        bytes4 version = _forkAt((signatureSlot - 1) / _slotsPerEpoch).version;
        bytes32 forkDataRoot = Ssz.pair(bytes32(version), _genesisValidatorsRoot);
        return DOMAIN_TYPE | (forkDataRoot >> 32);
    }

    function _forkAt(uint64 epoch) private view returns (Fork memory) {
        for (uint256 i = _forks.length; i != 0; --i) {
            if (_forks[i - 1].epoch <= epoch) return _forks[i - 1];
        }
        revert UnknownFork(epoch);
    }

    function _periodOf(uint64 slot) private view returns (uint64) {
        return slot / (_slotsPerEpoch * _epochsPerPeriod);
    }

    function _timeOf(uint64 slot) private view returns (uint256) {
        return uint256(_genesisTime) + uint256(slot) * _secondsPerSlot;
    }

    /// @dev The update that the `index`-th word of an ABI encoding points to. It stays in calldata,
    /// where the language checks every access against the end of the calldata; nothing is trusted
    /// about where it lies.
    function _updateAt(bytes calldata data, uint256 index)
        private
        pure
        returns (Update calldata message)
    {
        assembly ("memory-safe") {
            message := add(data.offset, calldataload(add(data.offset, mul(0x20, index))))
        }
    }
}
