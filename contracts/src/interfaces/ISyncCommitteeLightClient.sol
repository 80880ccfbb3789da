// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BeaconHeader} from "../light/ethereum/Ssz.sol";
import {CommitteeSignature} from "../light/ethereum/SyncCommittee.sol";
import {ILightClient} from "./ILightClient.sol";

/// @notice A fork of the beacon chain: what signatures are bound to, and where things lie in its
/// trees. The indices are generalised indices (ssz/merkle-proofs.md of the consensus specs).
struct Fork {
    /// @dev First epoch.
    uint64 epoch;
    bytes4 version;
    /// @dev finalized_checkpoint.root in the beacon state: 105, since Electra 169, Gloas 735.
    uint32 finalizedIndex;
    /// @dev next_sync_committee in the beacon state: 55, since Electra 87, Gloas 2946.
    uint32 nextCommitteeIndex;
    /// @dev In the block body: the first 16 leaves of the execution payload: 25, since Deneb 50; 0
    /// where there is no payload (before Bellatrix, since Gloas).
    uint32 payloadIndex;
    /// @dev In the block body: the execution block's hash: 412, since Deneb 812, Gloas 2856; 0
    /// before Bellatrix.
    uint32 blockHashIndex;
}

/// @notice A beacon chain's constants.
struct Network {
    /// @dev Of the execution chain (EIP-155).
    uint256 chainId;
    bytes32 genesisValidatorsRoot;
    uint64 genesisTime;
    uint64 secondsPerSlot;
    uint64 slotsPerEpoch;
    uint64 epochsPerPeriod;
    uint64 committeeSize;
    /// @dev How long a committee is believed: below the time after which its members may have
    /// withdrawn their stake (weak subjectivity period).
    uint64 trustingSeconds;
    /// @dev By epoch; of several at one epoch the last counts, as on devnets.
    Fork[] forks;
}

/// @notice One message that proves a finalised header, and optionally the next sync committee.
struct Update {
    /// @dev The header that the committee signed.
    BeaconHeader attested;
    /// @dev The header that is final in the attested header's state.
    BeaconHeader finalized;
    bytes32[] finalityBranch;
    /// @dev abi.encode(PayloadFields), or the RLP of the execution header.
    bytes execution;
    /// @dev From the payload's first leaves, or from the block hash, to the finalised body's root.
    bytes32[] executionBranch;
    /// @dev Root of the next sync committee in the attested header's state; zero to leave it out.
    bytes32 nextCommittee;
    bytes32[] nextCommitteeBranch;
    /// @dev The slot whose block included the signature. Its period says which committee signed.
    uint64 signatureSlot;
    CommitteeSignature signed;
}

/// @title A light client that verifies Ethereum's own sync committee
/// @notice Trust: fewer than two thirds of a sync committee sign a header that is not on the chain,
/// within the trusting period. They cannot be slashed for it; what they would lose is that `freeze`
/// shows it. Only finalised headers are ever stored: there is no update on a timeout.
///
/// `update` takes abi.encode(Update). `freeze` takes abi.encode(Update, Update): two that finalise
/// different headers of one slot, or have different signed headers of one slot, or different next
/// committees of one period. `ClientFrozen` then names a slot and what differed at it.
///
/// The schedule of forks is fixed: after a fork that it does not know, signatures no longer verify,
/// the client expires and a new one must be deployed.
interface ISyncCommitteeLightClient is ILightClient {
    /// @notice The committee of a period became known.
    event CommitteeStored(uint64 indexed period, bytes32 committee);

    /// @notice Thrown when a constant is zero, a committee's size is not a power of two of at least
    /// 8, or a fork lacks an index.
    error InvalidNetwork();
    /// @notice Thrown when forks are not ordered by their epochs.
    error ForksNotIncreasing(uint256 index);
    /// @notice Thrown when no fork of the schedule has begun at an epoch.
    error UnknownFork(uint64 epoch);
    /// @notice Thrown when a fork's blocks hold no execution block in the form that is given.
    error NoExecution(uint64 epoch);
    /// @notice Thrown when the newest finalised header is older than the trusting period.
    error ClientExpired();
    /// @notice Thrown unless now >= signature > attested >= finalised.
    error SlotsNotOrdered(uint64 signatureSlot, uint64 attestedSlot, uint64 finalizedSlot);
    /// @notice Thrown when the slot of a signature has not begun.
    error SlotInFuture(uint64 slot);
    /// @notice Thrown when a header is not newer than the newest one and brings no committee.
    error SlotNotIncreasing(uint64 slot, uint64 latest);
    /// @notice Thrown when an execution block is not above the newest one.
    error HeightNotIncreasing(uint64 height, uint64 latest);
    /// @notice Thrown when the committee that would have signed is not known.
    error UnknownCommittee(uint64 period);
    /// @notice Thrown when a next committee comes with a finalised header of an earlier period, so
    /// that it is not final itself.
    error CommitteeNotFinal(uint64 finalizedPeriod, uint64 attestedPeriod);
    /// @notice Thrown when a period's committee is known and another is proven: see `freeze`.
    error CommitteeConflict(uint64 period, bytes32 known, bytes32 proven);
    /// @notice Thrown when two updates do not contradict each other.
    error NotMisbehaviour();
    /// @notice Thrown when evidence is older than the trusting period: its signers may have nothing
    /// to lose any more.
    error EvidenceTooOld(uint64 signatureSlot);

    /// @notice Slot of the newest finalised beacon header.
    function finalizedSlot() external view returns (uint64);

    /// @notice Root of the sync committee of a period, zero if unknown.
    function committeeAt(uint64 period) external view returns (bytes32);

    /// @notice The beacon chain's constants and its forks.
    function network() external view returns (Network memory);
}
