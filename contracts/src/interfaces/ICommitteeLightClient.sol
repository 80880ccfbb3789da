// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "./ILightClient.sol";

/// @notice Those who attest in one epoch.
/// @param threshold How many must sign; a majority, so that two quorums share a member.
/// @param members Strictly increasing, side by side: addresses of 20 bytes (ECDSA), or keys in G1
/// of 128 bytes in the form of EIP-2537 (BLS).
/// @param possessions For each BLS key the signature, in G2, by which its owner shows to hold the
/// secret; none for addresses. No part of what is signed.
struct AttesterSet {
    uint32 threshold;
    bytes members;
    bytes[] possessions;
}

/// @notice An epoch's last word: who attests after it.
/// @param epoch That signs this and ends with it; the next number follows.
/// @param lastHeight The greatest height that it attests. All above belong to the next.
/// @param next The attesters of the next epoch.
/// @param signatures Of a quorum of the epoch that ends.
struct Handover {
    uint64 epoch;
    uint64 lastHeight;
    AttesterSet next;
    bytes[] signatures;
}

/// @notice What `update` takes, as the encoding of the four fields (not of the struct).
/// @param headerRlp A final header; empty to hand over only.
/// @param signatures Of the header. ECDSA: 65 bytes each, ordered by signer. BLS: one item, a word
/// whose bit i says that member i signed, then the sum of the signatures, in G2.
/// @param epoch That signed the header.
/// @param handovers In their order, before the header. Those that the client took are passed over.
struct CommitteeUpdate {
    bytes headerRlp;
    bytes[] signatures;
    uint64 epoch;
    Handover[] handovers;
}

/// @notice What `freeze` takes, as the encoding of the fields: two final hashes of one height. The
/// epochs may differ.
struct Equivocation {
    uint64 height;
    bytes32 hashA;
    bytes[] signaturesA;
    bytes32 hashB;
    bytes[] signaturesB;
    uint64 epochA;
    uint64 epochB;
}

/// @notice What a client is made of. All but the attesters stays for ever.
/// @param clearinghouseId The clearinghouse whose attesters these are.
/// @param chainId The chain that is followed.
/// @param epoch Number of the first epoch.
/// @param attesters Of the first epoch.
/// @param trustingSeconds After so long without a newer header the client expires. So long, too, a
/// retired epoch can be convicted.
/// @param overlapSeconds For so long after a handover the headers of the epoch before, up to its
/// last height, are taken. At most the trusting period.
/// @param driftSeconds How far a header's clock may be ahead of that of this client's chain.
/// @param recoveryDelaySeconds From the proposal of a recovery to when it can be completed.
/// @param recoveryThreshold More than two thirds of the recovery set, and at least two.
/// @param recoveryMembers Addresses of 20 bytes, strictly increasing. None: no recovery.
struct CommitteeConfiguration {
    bytes32 clearinghouseId;
    uint256 chainId;
    uint64 epoch;
    AttesterSet attesters;
    uint64 trustingSeconds;
    uint64 overlapSeconds;
    uint64 driftSeconds;
    uint64 recoveryDelaySeconds;
    uint32 recoveryThreshold;
    bytes recoveryMembers;
}

/// @notice An epoch as a client keeps it.
/// @param members Where their bytes are kept as code; zero of an epoch that never was.
/// @param firstHeight The smallest height that it may attest.
/// @param threshold How many must sign.
/// @param lastHeight The greatest height that it may attest; known once it has ended.
/// @param retiredAt Unix seconds when this client took its handover; 0 of the current epoch.
/// @param handover The digest by which it ended; 0 of the current and of a recovered-from epoch.
struct Epoch {
    address members;
    uint64 firstHeight;
    uint32 threshold;
    uint64 lastHeight;
    uint64 retiredAt;
    bytes32 handover;
}

/// @notice A recovery under way.
/// @param attempt Counts the proposals; the next one signs this number, and so does the veto
/// against a pending one, whose number is one less.
/// @param readyAt Unix seconds from which the pending one can be completed; 0 if none is.
/// @param sinceEpoch The first epoch since the last recovery; earlier ones count no more.
/// @param setHash Of the attesters that are proposed.
struct Recovery {
    uint64 attempt;
    uint64 readyAt;
    uint64 sinceEpoch;
    bytes32 setHash;
}

/// @title A light client that trusts the signatures of a committee
/// @notice Trust: fewer than a threshold of an epoch's attesters sign a header that is not final on
/// their chain, until the trusting period after they retired. What they sign names the
/// clearinghouse, the chain and their epoch but no client, so handovers, and evidence gathered on
/// any chain, serve on every chain.
///
/// Every height belongs to one epoch: an epoch begins above the last height of the one before.
///
/// A client that expired or was frozen takes nothing. It can be given new attesters by a
/// supermajority of the recovery set after a public delay, which the current attesters, unless they
/// were convicted, can use to veto it. A recovery begins above every height that was stored, with
/// an epoch number that no other client of the chain reaches, and nothing that was stored or signed
/// before counts again.
interface ICommitteeLightClient is ILightClient {
    /// @notice Attesters took over.
    event EpochBegan(uint64 indexed epoch, uint64 firstHeight, uint32 threshold, bytes members);
    /// @notice An epoch signed two handovers; the client stops.
    event HandoverConflict(uint64 indexed epoch, bytes32 digestA, bytes32 digestB);
    /// @notice New attesters are proposed for a stopped client.
    event RecoveryProposed(
        uint64 indexed attempt, uint64 readyAt, uint32 threshold, bytes members
    );
    /// @notice The current attesters refused a recovery.
    event RecoveryVetoed(uint64 indexed attempt);

    /// @notice Thrown when a client would follow nothing, or a period is zero or out of proportion.
    error InvalidConfiguration();
    /// @notice Thrown when members are too many, or their bytes are not a whole number of them.
    error InvalidMemberCount(uint256 length);
    /// @notice Thrown when two quorums could share no member: equivocation would convict nobody.
    error ThresholdNoMajority(uint256 threshold, uint256 members);
    /// @notice Thrown when a recovery set could be outvoted, or one key be enough.
    error ThresholdNoSupermajority(uint256 threshold, uint256 members);
    /// @notice Thrown when proofs of possession are not as many as the scheme needs.
    error WrongPossessionCount(uint256 possessions, uint256 needed);

    /// @notice Thrown when the newest header is older than the trusting period.
    error ClientExpired();
    /// @notice Thrown when a header is not above the newest one.
    error HeightNotIncreasing(uint64 height, uint64 latest);
    /// @notice Thrown when a header is older than the one before it.
    error TimestampDecreasing(uint64 timestamp, uint64 latest);
    /// @notice Thrown when a header is of a time that has not come.
    error TimestampInFuture(uint64 timestamp, uint256 latest);
    /// @notice Thrown when an epoch never was, is yet to come, or lies before a recovery.
    error UnknownEpoch(uint64 epoch);
    /// @notice Thrown when an epoch ended too long ago for what it signed.
    error EpochEnded(uint64 epoch, uint256 until);
    /// @notice Thrown when a height is not the epoch's to attest.
    error HeightOutsideEpoch(uint64 height, uint64 epoch);
    /// @notice Thrown when a handover is neither the current epoch's nor one that was taken.
    error EpochNotCurrent(uint64 epoch, uint64 current);
    /// @notice Thrown when an epoch would end below what it attested, or never.
    error LastHeightOutOfRange(uint64 lastHeight, uint64 least);
    /// @notice Thrown when evidence shows the same header, or the same handover, twice.
    error NotEquivocation(bytes32 shown);

    /// @notice Thrown when a client that works is to be recovered.
    error ClientActive();
    /// @notice Thrown when a client has no recovery set, or no recovery is pending.
    error NoRecovery();
    /// @notice Thrown when a recovery is completed before its delay has passed.
    error RecoveryTooEarly(uint64 readyAt);
    /// @notice Thrown when other attesters are given than were proposed.
    error RecoverySetMismatch(bytes32 given, bytes32 proposed);
    /// @notice Thrown when attesters who were convicted refuse to be replaced.
    error ConvictedCannotVeto();

    /// @notice Stop the client because an epoch signed two handovers.
    function freezeByHandovers(Handover calldata a, Handover calldata b) external;

    /// @notice Propose new attesters for a stopped client; replaces a pending proposal and begins
    /// the delay anew.
    /// @param signatures Of a quorum of the recovery set over `recoveryDigest`.
    function proposeRecovery(AttesterSet calldata set, bytes[] calldata signatures) external;

    /// @notice Refuse the pending recovery.
    /// @param signatures Of a quorum of the current epoch over `vetoDigest`.
    function vetoRecovery(bytes[] calldata signatures) external;

    /// @notice After the delay, begin a new epoch with the proposed attesters.
    function completeRecovery(AttesterSet calldata set) external;

    /// @notice The clearinghouse whose committee this is.
    function clearinghouseId() external view returns (bytes32);

    /// @notice The number of the current epoch.
    function epoch() external view returns (uint64);

    /// @notice An epoch and its members' bytes.
    function epochAt(uint64 number) external view returns (Epoch memory, bytes memory members);

    /// @notice Seconds without a newer header after which the client expires.
    function trustingSeconds() external view returns (uint64);

    /// @notice Where a recovery stands.
    function recovery() external view returns (Recovery memory);

    /// @notice What an attester signs for a final header: the EIP-712 digest of
    /// CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash).
    function headerDigest(uint64 number, uint64 height, bytes32 blockHash)
        external
        view
        returns (bytes32);

    /// @notice What an attester signs to hand over: the EIP-712 digest of
    /// CommitteeHandover(uint256 chainId,uint64 epoch,uint64 lastHeight,uint32 threshold,
    /// bytes members).
    function handoverDigest(
        uint64 number,
        uint64 lastHeight,
        uint32 threshold,
        bytes calldata members
    ) external view returns (bytes32);

    /// @notice What the recovery set signs, for this one client: the EIP-712 digest of
    /// CommitteeRecovery(uint256 chainId,uint256 hostChainId,address client,uint64 attempt,
    /// uint32 threshold,bytes members).
    function recoveryDigest(uint64 attempt, uint32 threshold, bytes calldata members)
        external
        view
        returns (bytes32);

    /// @notice What the current attesters sign to refuse the recovery of this number: the EIP-712
    /// digest of RecoveryVeto(uint256 chainId,uint256 hostChainId,address client,uint64 attempt).
    function vetoDigest(uint64 attempt) external view returns (bytes32);
}
