// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ILightClient} from "../../interfaces/ILightClient.sol";
import {IRollupRoot} from "./IRollupRoot.sol";

/// @notice What a client is made of; nothing of it ever changes.
/// @param clearinghouseId The clearinghouse whose attesters these are.
/// @param chainId The rollup.
/// @param epoch Counts the sets of attesters of a chain; part of what is signed.
/// @param threshold How many must sign; a majority.
/// @param members The attesters, strictly increasing.
/// @param l1 Light client, on the chain of this contract, of the L1 that the rollup posts to.
/// @param root Proves the rollup's headers under that L1's state.
/// @param historyWindow How many block hashes the rollup's own state holds; see `BlockHistory`.
/// @param bondToken What attesters are bonded in.
/// @param bondUnits The bond of each, in units of the token.
/// @param unbondingSeconds How long a bond stays at stake after its owner resigned. Must be longer
/// than the rollup takes to become final on L1, a week for most, and an auditor to prove it.
/// @param challengerBasisPoints Part of a slashed bond that the challenger gets, of 10,000.
/// @param insurance Where the rest goes; no attester may own it.
struct RollupClientConfiguration {
    bytes32 clearinghouseId;
    uint256 chainId;
    uint64 epoch;
    uint32 threshold;
    address[] members;
    ILightClient l1;
    IRollupRoot root;
    uint64 historyWindow;
    IERC20 bondToken;
    uint128 bondUnits;
    uint64 unbondingSeconds;
    uint16 challengerBasisPoints;
    address insurance;
}

/// @notice What an attester has at stake.
/// @param units Units of the bond token; 0 for who never bonded, took its bond back or lost it.
/// @param withdrawableAt Unix seconds from which the owner may take it back; 0 until it resigns,
/// the greatest number for who lost it.
struct Bond {
    uint128 units;
    uint64 withdrawableAt;
}

/// @notice What L1 says about a rollup's height.
/// @param l1Height A header that the L1 client holds.
/// @param rootProof For the root contract: proves the rollup's header at or above the height, or of
/// one that the rollup has not reached, a lower and younger header.
/// @param historyAccountNodes Prove the history contract in that header's state; none where the
/// header is the one of the height itself.
/// @param historyStorageNodes Prove the hash that it keeps of the height.
struct L1Evidence {
    uint64 l1Height;
    bytes rootProof;
    bytes[] historyAccountNodes;
    bytes[] historyStorageNodes;
}

/// @title A light client of a rollup: bonded attesters now, L1 as their judge later
/// @notice A rollup's own proofs through L1 take days, so settlement goes by what attesters sign,
/// and L1 audits them: whoever shows that L1 made another header of a height final than an attester
/// signed takes that attester's bond, and ends the client if a quorum signed it. So a forged header
/// costs its signers their bonds, if one honest auditor proves it before they are out of reach.
///
/// Attesters sign what the committee client's do, and `update` and `freeze` take the same bytes:
/// abi.encode(bytes headerRlp, bytes[] signatures) and abi.encode(uint64 height, bytes32 hashA,
/// bytes[] signaturesA, bytes32 hashB, bytes[] signaturesB), signatures ordered by signer. Only
/// attesters with a bond count: for `update` those that have not resigned, for `freeze` all whose
/// bond is still here. Equivocation takes no bonds by itself: one of the two headers is false, and
/// the audit of that one does.
interface IAttestedRollupClient is ILightClient {
    /// @notice An attester's bond is in place.
    event BondPosted(address indexed member, uint256 units);
    /// @notice An attester resigned; its signatures no longer count for updates.
    event Resigned(address indexed member, uint64 withdrawableAt);
    /// @notice An attester that resigned has its bond back.
    event BondWithdrawn(address indexed member, address recipient, uint256 units);
    /// @notice A header was taken on these signatures. They stand in the log so that whoever audits
    /// the attesters days later needs nothing but the chain, whatever carried the update here.
    event HeaderAttested(uint64 indexed height, bytes32 blockHash, bytes[] signatures);
    /// @notice An attester signed `attested` where L1 proves `proven`, and lost its bond.
    event Slashed(
        address indexed member,
        address indexed challenger,
        uint64 height,
        bytes32 attested,
        bytes32 proven
    );

    /// @notice Thrown when a client would follow nothing, or could punish nobody.
    error InvalidConfiguration();
    /// @notice Thrown when a header is not above the newest one.
    error HeightNotIncreasing(uint64 height, uint64 latest);
    /// @notice Thrown when a header is older than the one before it.
    error TimestampDecreasing(uint64 timestamp, uint64 latest);
    /// @notice Thrown when a header is of a time that has not come.
    error TimestampInFuture(uint64 timestamp, uint256 latest);
    /// @notice Thrown when evidence shows the same header twice.
    error NotEquivocation(bytes32 blockHash);
    /// @notice Thrown when somebody is bonded who is no attester.
    error NotAMember(address account);
    /// @notice Thrown when an attester is bonded twice, or again after it lost a bond: what it
    /// signed would cost it the new one too.
    error CannotBondAgain(address member);
    /// @notice Thrown when the bond token moved another amount than was asked of it.
    error BondUnitsMismatch(uint256 expected, uint256 received);
    /// @notice Thrown when somebody has no bond here: never, no more, or lost.
    error NothingAtStake(address account);
    /// @notice Thrown when an attester resigns twice.
    error AlreadyResigned(address member);
    /// @notice Thrown when a bond is withdrawn too early; 0: its owner has not resigned.
    error BondLocked(uint64 withdrawableAt);
    /// @notice Thrown when an audit brings no signatures.
    error NoSignatures();
    /// @notice Thrown when the L1 client itself was frozen.
    error L1ClientFrozen();
    /// @notice Thrown when L1 proves a header below the attested height, and the client does not
    /// hold the attested one or holds it as younger.
    error ProvenBelowAttested(uint64 proven, uint64 attested);
    /// @notice Thrown when history is proven although the proven header is the attested height's.
    error HistoryUnused();
    /// @notice Thrown when L1 proves the very header that was attested.
    error AttestationTrue(uint64 height, bytes32 blockHash);
    /// @notice Thrown when somebody collects who is owed nothing.
    error NothingOwed(address account);

    /// @notice Post an attester's bond; anyone may pay it.
    function postBond(address member) external;

    /// @notice Stop attesting: at once for updates; the bond stays at stake for the unbonding time.
    function resign() external;

    /// @notice Take the bond back, the unbonding time after resigning.
    function withdrawBond(address recipient) external;

    /// @notice Prove that L1 made another header of `height` final than `blockHash`, or, of a header
    /// that the client holds, that L1 has a lower and younger one. Everyone in
    /// `signatures` loses its bond, once; if they are a quorum, the client is frozen, once. Works
    /// on a frozen client too, so that nobody escapes by freezing it another way first, and counts
    /// who lost its bond before, so that nobody saves the client by slashing signers one by one.
    /// @param signatures Of what `headerDigest` gives, ordered by signer, each by an attester whose
    /// bond is here or was lost here.
    function audit(
        uint64 height,
        bytes32 blockHash,
        bytes[] calldata signatures,
        L1Evidence calldata evidence
    ) external;

    /// @notice Pay out what slashing left for somebody; anyone may call it.
    function collect(address account) external;

    /// @notice What an attester has at stake.
    function bondOf(address member) external view returns (Bond memory);

    /// @notice What slashing left for somebody to collect, in units of the bond token.
    function owed(address account) external view returns (uint256 units);

    /// @notice What the client is made of.
    function configuration() external view returns (RollupClientConfiguration memory);

    /// @notice What an attester signs for a final header, the same as a committee's member: the
    /// EIP-712 digest of
    /// CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash).
    function headerDigest(uint64 height, bytes32 blockHash) external view returns (bytes32);
}
