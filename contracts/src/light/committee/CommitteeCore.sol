// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "../../Commitment.sol";
import {
    AttesterSet,
    CommitteeConfiguration,
    CommitteeUpdate,
    Epoch,
    Equivocation,
    Handover,
    ICommitteeLightClient,
    Recovery
} from "../../interfaces/ICommitteeLightClient.sol";
import {ILightClient} from "../../interfaces/ILightClient.sol";
import {Quorum} from "../../proof/Quorum.sol";
import {Execution, ExecutionHeader} from "../ethereum/Execution.sol";
import {HeaderRing, KeptHeader} from "../HeaderRing.sol";
import {CommitteeMessage} from "./CommitteeMessage.sol";
import {MemberCode} from "./MemberCode.sol";

/// @dev Where a client stands; one word.
/// @param height Of the newest header; 0 before the first.
/// @param timestamp Of the newest header.
/// @param trustedSince Unix seconds when the current trust was given, by deployment or recovery.
/// @param ring Counts recoveries from a freeze: headers of an earlier ring are out of reach.
struct Head {
    uint64 height;
    uint64 timestamp;
    uint64 epoch;
    uint40 trustedSince;
    uint16 ring;
    bool frozen;
}

/// @title All of a committee's light client but the scheme by which it signs
abstract contract CommitteeCore is ICommitteeLightClient {
    using HeaderRing for mapping(uint256 place => KeptHeader);
    using HeaderRing for KeptHeader;

    /// @dev What a transaction can register (EIP-7825) when every key's possession is proven, and
    /// what one word has bits for.
    uint256 private constant MAX_MEMBERS = 64;

    /// @inheritdoc ILightClient
    uint256 public immutable chainId;
    /// @inheritdoc ICommitteeLightClient
    bytes32 public immutable clearinghouseId;
    /// @inheritdoc ICommitteeLightClient
    uint64 public immutable trustingSeconds;
    uint64 private immutable _overlapSeconds;
    uint64 private immutable _driftSeconds;
    uint64 private immutable _recoveryDelaySeconds;
    uint32 private immutable _recoveryThreshold;
    address private immutable _recoveryMembers;
    bytes32 private immutable _domain;

    Head private _head;
    mapping(uint256 place => KeptHeader) private _headers;
    mapping(uint64 number => Epoch) private _epochs;
    Recovery private _recovery;

    constructor(CommitteeConfiguration memory configuration) {
        if (
            configuration.clearinghouseId == 0 || configuration.chainId == 0
                || configuration.trustingSeconds == 0
                || configuration.overlapSeconds > configuration.trustingSeconds
                || (configuration.recoveryMembers.length != 0
                    && configuration.recoveryDelaySeconds == 0)
        ) {
            revert InvalidConfiguration();
        }
        chainId = configuration.chainId;
        clearinghouseId = configuration.clearinghouseId;
        trustingSeconds = configuration.trustingSeconds;
        _overlapSeconds = configuration.overlapSeconds;
        _driftSeconds = configuration.driftSeconds;
        _recoveryDelaySeconds = configuration.recoveryDelaySeconds;
        _recoveryThreshold = configuration.recoveryThreshold;
        _recoveryMembers =
            _storeRecoverySet(configuration.recoveryMembers, configuration.recoveryThreshold);
        _domain = Commitment.domainSeparator(configuration.clearinghouseId);
        _head.trustedSince = uint40(block.timestamp);
        _begin(configuration.epoch, 1, configuration.attesters);
    }

    // ------------------------------------------------------------------------- scheme

    /// @dev Bytes of one member.
    function _memberBytes() internal pure virtual returns (uint256);

    /// @dev Require members that can sign: increasing, none zero, each shown to hold its secret.
    function _requireMembers(AttesterSet memory set) internal view virtual;

    /// @dev Require that at least `threshold` of the members signed.
    function _requireSigned(
        bytes32 digest,
        bytes memory members,
        uint256 threshold,
        bytes[] calldata signatures
    ) internal view virtual;

    // ------------------------------------------------------------------------ headers

    /// @inheritdoc ILightClient
    function update(bytes calldata data) external {
        CommitteeUpdate calldata message;
        assembly ("memory-safe") {
            message := data.offset
        }
        _requireActive(_head);
        Handover[] calldata handovers = message.handovers;
        for (uint256 i = 0; i < handovers.length; ++i) {
            _handOver(handovers[i]);
        }
        if (message.headerRlp.length != 0 || handovers.length == 0) _store(message);
    }

    function _store(CommitteeUpdate calldata message) private {
        ExecutionHeader memory header = Execution.fromRlp(message.headerRlp);
        Head memory head = _head;
        KeptHeader storage place = _headers.placeOf(head.ring, header.height);
        if (place.holds(header)) return;
        if (header.height <= head.height) revert HeightNotIncreasing(header.height, head.height);
        if (header.timestamp < head.timestamp) {
            revert TimestampDecreasing(header.timestamp, head.timestamp);
        }
        if (header.timestamp > block.timestamp + _driftSeconds) {
            revert TimestampInFuture(header.timestamp, block.timestamp + _driftSeconds);
        }
        uint64 number = message.epoch;
        Epoch storage signing = _epochAt(number, head.epoch, _overlapSeconds);
        if (
            header.height < signing.firstHeight
                || (number != head.epoch && header.height > signing.lastHeight)
        ) {
            revert HeightOutsideEpoch(header.height, number);
        }
        _requireEpochSigned(
            signing, headerDigest(number, header.height, header.blockHash), message.signatures
        );
        place.keep(header);
        (_head.height, _head.timestamp) = (header.height, header.timestamp);
        emit HeaderStored(header.height, header.blockHash, header.stateRoot, header.timestamp);
    }

    function _handOver(Handover calldata handover) private {
        uint64 number = handover.epoch;
        (uint64 current, uint64 height) = (_head.epoch, _head.height);
        bytes32 digest = _digestOf(handover);
        if (number != current) {
            if (digest == _epochs[number].handover) return;
            revert EpochNotCurrent(number, current);
        }
        Epoch storage ending = _epochs[number];
        uint64 least = ending.firstHeight - 1;
        if (least < height) least = height;
        if (handover.lastHeight < least || handover.lastHeight == type(uint64).max) {
            revert LastHeightOutOfRange(handover.lastHeight, least);
        }
        _requireEpochSigned(ending, digest, handover.signatures);
        ending.handover = digest;
        _end(ending, handover.lastHeight);
        _begin(number + 1, handover.lastHeight + 1, handover.next);
    }

    /// @inheritdoc ILightClient
    function headerAt(uint64 height) external view returns (bytes32 stateRoot, uint64 timestamp) {
        KeptHeader storage header = _headers.placeOf(_head.ring, height);
        if (height == 0 || header.height != height) revert UnknownHeader(height);
        return (header.stateRoot, header.timestamp);
    }

    /// @inheritdoc ILightClient
    function latestHeight() external view returns (uint64) {
        return _head.height;
    }

    /// @inheritdoc ILightClient
    function status() public view returns (Status) {
        Head memory head = _head;
        if (head.frozen) return Status.FROZEN;
        return _isExpired(head) ? Status.EXPIRED : Status.ACTIVE;
    }

    // ------------------------------------------------------------------------- freeze

    /// @inheritdoc ILightClient
    function freeze(bytes calldata evidence) external {
        Equivocation calldata shown;
        assembly ("memory-safe") {
            shown := evidence.offset
        }
        Head memory head = _head;
        if (head.frozen) revert AlreadyFrozen();
        (uint64 height, bytes32 hashA, bytes32 hashB) = (shown.height, shown.hashA, shown.hashB);
        if (hashA == hashB) revert NotEquivocation(hashA);
        bytes32 digestA = headerDigest(shown.epochA, height, hashA);
        _requireConvicts(head, shown.epochA, digestA, shown.signaturesA);
        bytes32 digestB = headerDigest(shown.epochB, height, hashB);
        _requireConvicts(head, shown.epochB, digestB, shown.signaturesB);
        _head.frozen = true;
        emit ClientFrozen(height, hashA, hashB);
    }

    /// @inheritdoc ICommitteeLightClient
    function freezeByHandovers(Handover calldata a, Handover calldata b) external {
        Head memory head = _head;
        if (head.frozen) revert AlreadyFrozen();
        if (a.epoch != b.epoch) revert EpochNotCurrent(b.epoch, a.epoch);
        (bytes32 digestA, bytes32 digestB) = (_digestOf(a), _digestOf(b));
        if (digestA == digestB) revert NotEquivocation(digestA);
        _requireConvicts(head, a.epoch, digestA, a.signatures);
        _requireConvicts(head, b.epoch, digestB, b.signatures);
        _head.frozen = true;
        emit HandoverConflict(a.epoch, digestA, digestB);
    }

    /// @dev Evidence may be of any height, and of a client that expired: what counts is that these
    /// attesters are still held to their word.
    function _requireConvicts(
        Head memory head,
        uint64 number,
        bytes32 digest,
        bytes[] calldata signatures
    ) private view {
        _requireEpochSigned(_epochAt(number, head.epoch, trustingSeconds), digest, signatures);
    }

    // ----------------------------------------------------------------------- recovery

    /// @inheritdoc ICommitteeLightClient
    function proposeRecovery(AttesterSet calldata set, bytes[] calldata signatures) external {
        if (status() == Status.ACTIVE) revert ClientActive();
        if (_recoveryMembers == address(0)) revert NoRecovery();
        uint64 attempt = _recovery.attempt;
        Quorum.requirePackedQuorum(
            recoveryDigest(attempt, set.threshold, set.members),
            MemberCode.load(_recoveryMembers),
            _recoveryThreshold,
            signatures
        );
        uint64 readyAt = uint64(block.timestamp) + _recoveryDelaySeconds;
        (_recovery.attempt, _recovery.readyAt) = (attempt + 1, readyAt);
        _recovery.setHash = _hashOf(set);
        emit RecoveryProposed(attempt, readyAt, set.threshold, set.members);
    }

    /// @inheritdoc ICommitteeLightClient
    function vetoRecovery(bytes[] calldata signatures) external {
        Head memory head = _head;
        if (_recovery.readyAt == 0) revert NoRecovery();
        if (head.frozen) revert ConvictedCannotVeto();
        uint64 attempt = _recovery.attempt - 1;
        _requireEpochSigned(_epochs[head.epoch], vetoDigest(attempt), signatures);
        _recovery.readyAt = 0;
        emit RecoveryVetoed(attempt);
    }

    /// @inheritdoc ICommitteeLightClient
    function completeRecovery(AttesterSet calldata set) external {
        Recovery memory pending = _recovery;
        if (pending.readyAt == 0) revert NoRecovery();
        if (block.timestamp < pending.readyAt) revert RecoveryTooEarly(pending.readyAt);
        bytes32 setHash = _hashOf(set);
        if (setHash != pending.setHash) revert RecoverySetMismatch(setHash, pending.setHash);
        Head memory head = _head;
        uint64 number = _recoveredEpoch(
            head.epoch, recoveryDigest(pending.attempt - 1, set.threshold, set.members)
        );
        (_recovery.readyAt, _recovery.sinceEpoch) = (0, number);
        _end(_epochs[head.epoch], head.height);
        // What was stored before may be what the recovery is from, and nobody answers for it now.
        _head.ring = head.ring + 1;
        _head.frozen = false;
        _head.trustedSince = uint40(block.timestamp);
        _begin(number, head.height + 1, set);
    }

    /// @dev Attesters sign no client's name, so the epochs of a recovered client must not meet those
    /// of another client of the chain: honest handovers for both would look like a conflict. The
    /// upper half counts recoveries, the lower begins where the recovery's own digest says.
    function _recoveredEpoch(uint64 current, bytes32 digest) private pure returns (uint64) {
        return (((current >> 32) + 1) << 32) | (uint32(uint256(digest)) & 0x7fffffff);
    }

    /// @inheritdoc ICommitteeLightClient
    function recovery() external view returns (Recovery memory) {
        return _recovery;
    }

    // ------------------------------------------------------------------------- epochs

    /// @inheritdoc ICommitteeLightClient
    function epoch() external view returns (uint64) {
        return _head.epoch;
    }

    /// @inheritdoc ICommitteeLightClient
    function epochAt(uint64 number)
        external
        view
        returns (Epoch memory kept, bytes memory members)
    {
        kept = _epochs[number];
        if (kept.members == address(0)) revert UnknownEpoch(number);
        members = MemberCode.load(kept.members);
    }

    /// @dev An epoch whose signatures count: the current one, or one that retired not too long ago
    /// and not before a recovery.
    function _epochAt(uint64 number, uint64 current, uint64 graceSeconds)
        private
        view
        returns (Epoch storage found)
    {
        found = _epochs[number];
        if (number == current) return found;
        if (number > current || number < _recovery.sinceEpoch || found.members == address(0)) {
            revert UnknownEpoch(number);
        }
        uint256 until = uint256(found.retiredAt) + graceSeconds;
        if (block.timestamp > until) revert EpochEnded(number, until);
    }

    function _begin(uint64 number, uint64 firstHeight, AttesterSet memory set) private {
        uint256 count = _requireSet(set.members, _memberBytes(), set.threshold);
        if (2 * uint256(set.threshold) <= count) revert ThresholdNoMajority(set.threshold, count);
        _requireMembers(set);
        Epoch storage begun = _epochs[number];
        begun.members = MemberCode.store(set.members);
        begun.firstHeight = firstHeight;
        begun.threshold = set.threshold;
        _head.epoch = number;
        emit EpochBegan(number, firstHeight, set.threshold, set.members);
    }

    function _end(Epoch storage ending, uint64 lastHeight) private {
        (ending.lastHeight, ending.retiredAt) = (lastHeight, uint64(block.timestamp));
    }

    function _storeRecoverySet(bytes memory members, uint256 threshold) private returns (address) {
        if (members.length == 0 && threshold == 0) return address(0);
        uint256 count = _requireSet(members, Quorum.ADDRESS_BYTES, threshold);
        if (3 * threshold <= 2 * count || threshold < 2) {
            revert ThresholdNoSupermajority(threshold, count);
        }
        Quorum.requireValidPackedSet(members);
        return MemberCode.store(members);
    }

    function _requireSet(bytes memory members, uint256 memberBytes, uint256 threshold)
        private
        pure
        returns (uint256 count)
    {
        count = members.length / memberBytes;
        if (members.length % memberBytes != 0 || count > MAX_MEMBERS) {
            revert InvalidMemberCount(members.length);
        }
        if (threshold == 0 || threshold > count) {
            revert Quorum.ThresholdOutOfRange(threshold, count);
        }
    }

    function _requireActive(Head memory head) private view {
        if (head.frozen) revert AlreadyFrozen();
        if (_isExpired(head)) revert ClientExpired();
    }

    function _isExpired(Head memory head) private view returns (bool) {
        uint256 since = head.timestamp > head.trustedSince ? head.timestamp : head.trustedSince;
        return block.timestamp > since + trustingSeconds;
    }

    function _requireEpochSigned(
        Epoch storage signing,
        bytes32 digest,
        bytes[] calldata signatures
    ) private view {
        (address members, uint256 threshold) = (signing.members, signing.threshold);
        _requireSigned(digest, MemberCode.load(members), threshold, signatures);
    }

    // ------------------------------------------------------------------------ digests

    /// @inheritdoc ICommitteeLightClient
    function headerDigest(uint64 number, uint64 height, bytes32 blockHash)
        public
        view
        returns (bytes32)
    {
        return _typedDigest(CommitteeMessage.header(chainId, number, height, blockHash));
    }

    /// @inheritdoc ICommitteeLightClient
    function handoverDigest(
        uint64 number,
        uint64 lastHeight,
        uint32 threshold,
        bytes calldata members
    ) public view returns (bytes32) {
        return _typedDigest(
            CommitteeMessage.handover(chainId, number, lastHeight, threshold, members)
        );
    }

    /// @inheritdoc ICommitteeLightClient
    function recoveryDigest(uint64 attempt, uint32 threshold, bytes calldata members)
        public
        view
        returns (bytes32)
    {
        return _typedDigest(CommitteeMessage.recovery(chainId, attempt, threshold, members));
    }

    /// @inheritdoc ICommitteeLightClient
    function vetoDigest(uint64 attempt) public view returns (bytes32) {
        return _typedDigest(CommitteeMessage.veto(chainId, attempt));
    }

    function _digestOf(Handover calldata handover) private view returns (bytes32) {
        AttesterSet calldata next = handover.next;
        return handoverDigest(handover.epoch, handover.lastHeight, next.threshold, next.members);
    }

    function _hashOf(AttesterSet calldata set) private pure returns (bytes32) {
        return keccak256(abi.encode(set.threshold, keccak256(set.members)));
    }

    function _typedDigest(bytes32 structHash) private view returns (bytes32) {
        return Commitment.typedDataHash(_domain, structHash);
    }
}
