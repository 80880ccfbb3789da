// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CounterProof, Leg, OperatorSet, Peer, Phase, Settlement, Windows} from "../Types.sol";

/// @title The contract that holds a chain's tokens and the roots of who owns them
/// @notice One anchor stands on every chain of a clearinghouse. A settlement takes effect on all
/// its chains or on none: each anchor prepares its leg; home commits once all others are proven
/// prepared, or aborts; the others follow what home is proven to have decided. Every function is
/// open to anyone: what counts is the signatures and proofs in its arguments.
///
/// Nobody can keep a member in: an exit that the operators leave unanswered stops settling, then
/// freezes the anchor, and a frozen anchor pays every claim of its last final leg on proof. No call
/// of that path is reserved to anyone, and none can be paused.
///
/// Other chains prove these storage slots (see `AnchorState`): 0 phase, 1 deposits, 2 exits,
/// 3 operatorSetHash, 4 frozen.
interface IAnchor {
    /// @notice A deposit as stored. `record` = member (20 bytes) | assetId (4) | quanta (8), most
    /// significant first; `total` is the running total of quanta with this deposit; `hash` =
    /// keccak256(hash before || record), 0 before the first.
    struct Deposit {
        bytes32 record;
        uint64 time;
        uint128 total;
        bytes32 hash;
    }

    /// @notice A request to leave as stored. `record` as a deposit's, with the quanta asked for.
    struct Exit {
        bytes32 record;
        uint64 time;
    }

    /// @notice What an anchor knows of one asset. The vault owes
    /// `tokenUnitsPerQuantum * (claims + unclaimedReleases + unconsumedDeposits)` tokens (P1).
    struct AssetState {
        address token;
        uint128 tokenUnitsPerQuantum;
        uint64 minimumDepositQuanta;
        uint128 claims;
        uint128 unclaimedReleases;
        uint128 unconsumedDeposits;
        uint64 depositCount;
        uint64 depositCursor;
        uint64 exitCount;
        uint64 exitCursor;
    }

    // ------------------------------------------------------------------------------ events

    /// @notice The peers were named; from here on nobody has a privilege.
    event PeersSet(Peer[] peers);
    /// @notice Tokens came in for `member`; credited once a leg's deposit cursor passes `index`.
    event Deposited(
        uint32 indexed assetId,
        uint64 indexed index,
        address indexed member,
        uint64 quanta,
        uint128 total,
        bytes32 hash
    );
    /// @notice This chain's leg of a settlement is prepared.
    event Prepared(bytes32 indexed settlementId, uint64 indexed cycle, bytes32 legHash);
    /// @notice The leg took effect; it is the `sequence`-th on this chain.
    event Committed(bytes32 indexed settlementId, uint64 sequence, bytes32 legHash);
    /// @notice The leg never takes effect.
    event Aborted(bytes32 indexed settlementId);
    /// @notice The settlement, and on a spoke every leg committed before it, is final.
    event Finalized(bytes32 indexed settlementId, uint64 sequence);
    /// @notice A member asked to leave; answered once a leg's exit cursor passes `index`.
    event ExitRequested(
        uint32 indexed assetId, uint64 indexed index, address indexed member, uint64 quanta
    );
    /// @notice The anchor can be frozen after `until`, unless a leg commits before.
    event Warned(uint256 until);
    /// @notice The anchor takes nothing new any more.
    event Frozen();
    /// @notice A member's claim in the last leg was paid.
    event Exited(
        uint32 indexed assetId,
        address indexed member,
        uint256 indexed position,
        uint128 claim,
        address recipient
    );
    /// @notice A deposit was given back.
    event Refunded(
        uint32 indexed assetId,
        uint64 indexed index,
        address indexed member,
        uint64 quanta,
        address recipient
    );
    /// @notice A release was paid.
    event ReleaseClaimed(
        bytes32 indexed settlementId,
        uint32 indexed assetId,
        address indexed member,
        uint64 index,
        uint128 quanta,
        address recipient
    );

    // ------------------------------------------------------------- errors: construction

    /// @notice Thrown when chain ids are not strictly increasing or lack this chain or home.
    error ChainIdsInvalid(uint256 homeChainId, uint256 chainId);
    /// @notice Thrown when a window is not longer than maxDecide plus the client latency.
    error WindowTooShort(uint64 windowSeconds, uint64 minimumSeconds);
    /// @notice Thrown when assets are not strictly increasing by id, share a token, have a zero
    /// token, unit or minimum, or a unit of 2^96 or more.
    error AssetConfigurationInvalid(uint256 index);
    /// @notice Thrown when someone else than the deployer names the peers.
    error NotDeployer(address caller);
    /// @notice Thrown when the peers are named twice.
    error AlreadyInitialized();
    /// @notice Thrown when the peers are not named yet.
    error NotInitialized();
    /// @notice Thrown when the peers are not exactly: on home every other chain in order, elsewhere
    /// home alone.
    error PeersIncomplete(uint256 given, uint256 expected);
    /// @notice Thrown when a peer is out of place, has a zero field or a client of another chain.
    error PeerInvalid(uint256 index, uint256 chainId);

    // ----------------------------------------------------------------- errors: deposits

    /// @notice Thrown when an asset is not held by this anchor.
    error UnknownAsset(uint32 assetId);
    /// @notice Thrown when a deposit or a payment names nobody.
    error ZeroMember();
    /// @notice Thrown when an amount of tokens is not a whole number of quanta.
    error NotWholeQuanta(uint256 amount, uint256 tokenUnitsPerQuantum);
    /// @notice Thrown when a deposit is below the asset's minimum or above 2^64 - 1 quanta.
    error DepositOutOfRange(uint256 quanta, uint256 minimumQuanta);
    /// @notice Thrown when an asset's deposits would add up to more than the ledger counts to.
    error DepositTotalTooLarge(uint32 assetId, uint256 total);
    /// @notice Thrown when the token delivered less than asked for, for example after a fee.
    error ReceivedLessThanAmount(uint256 received, uint256 amount);
    /// @notice Thrown when the anchor is frozen and takes nothing new.
    error AnchorFrozen();

    // -------------------------------------------------------------- errors: settlements

    /// @notice Thrown when a settlement belongs to another clearinghouse.
    error WrongClearinghouse(bytes32 given, bytes32 expected);
    /// @notice Thrown when a settlement is not in the phase that a step starts from.
    error WrongPhase(bytes32 settlementId, Phase actual, Phase expected);
    /// @notice Thrown when the operator set given is not the current one.
    error WrongOperatorSet(bytes32 given, bytes32 current);
    /// @notice Thrown when a settlement names another operator epoch than its signers'.
    error WrongOperatorEpoch(uint64 given, uint64 current);
    /// @notice Thrown when a leg or an entry names another chain.
    error WrongChain(uint256 given, uint256 expected);
    /// @notice Thrown when a settlement lists a chain that is no peer.
    error UnknownPeer(uint256 chainId);
    /// @notice Thrown when a leg or an entry names another anchor.
    error WrongAnchor(uint256 chainId, address given, address expected);
    /// @notice Thrown when a leg and its settlement name different cycles.
    error WrongLegCycle(uint64 leg, uint64 settlement);
    /// @notice Thrown when a chain is not in the settlement.
    error ChainNotListed(uint256 chainId);
    /// @notice Thrown when a chain that must take part is listed as inactive.
    error ChainNotActive(uint256 chainId);
    /// @notice Thrown when the chains of a settlement are not strictly increasing.
    error ChainsNotIncreasing(uint256 chainId);
    /// @notice Thrown when a leg is not the one that the settlement lists.
    error WrongLegHash(bytes32 given, bytes32 listed);
    /// @notice Thrown when a leg does not continue the last committed one.
    error WrongParentLeg(bytes32 given, bytes32 lastLeg);
    /// @notice Thrown when another settlement is prepared here and not yet decided.
    error AlreadyInFlight(bytes32 settlementId);
    /// @notice Thrown when now <= prepareDeadline < decideBy <= now + maxDecide does not hold.
    error DeadlinesInvalid(
        uint64 prepareDeadline, uint64 decideBy, uint256 timestamp, uint64 maxDecideSeconds
    );
    /// @notice Thrown when a client that the settlement would depend on is frozen or expired.
    error ClientNotActive(uint256 chainId);
    /// @notice Thrown when a registered chain is left out or an unregistered one is listed.
    error WrongChainCount(uint256 given, uint256 expected);
    /// @notice Thrown when an inactive chain does not repeat its last committed leg.
    error WrongInactiveLeg(uint256 chainId, bytes32 given, bytes32 lastLeg);
    /// @notice Thrown when a settlement does not continue the last committed one.
    error WrongParent(bytes32 given, bytes32 lastCommitted);
    /// @notice Thrown when the cycle is not greater than the parent's.
    error CycleNotIncreasing(uint64 cycle, uint64 parentCycle);
    /// @notice Thrown when parent.cutTime < cutTime <= now does not hold.
    error WrongCutTime(uint64 cutTime, uint64 parentCutTime, uint256 timestamp);
    /// @notice Thrown when the journal would get shorter.
    error JournalShrinks(uint64 journalCount, uint64 parentJournalCount);
    /// @notice Thrown when a leg does not list exactly this chain's assets in order.
    error WrongAssets();
    /// @notice Thrown when claims + released != claims before + deposits consumed (P2).
    error NotConserved(uint32 assetId, uint256 after_, uint256 before);
    /// @notice Thrown when a deposit cursor goes back or past the last deposit.
    error DepositCursorOutOfRange(uint32 assetId, uint64 cursor, uint64 before, uint64 count);
    /// @notice Thrown when a leg leaves out a deposit that waited longer than the grace.
    error DepositOverdue(uint32 assetId, uint64 index, uint64 time);
    /// @notice Thrown when the hash of the deposits consumed is not the stored one.
    error WrongDepositHash(uint32 assetId, bytes32 given, bytes32 stored);
    /// @notice Thrown when a leg leaves out an exit that waited longer than the grace.
    error ExitOverdue(uint32 assetId, uint64 index, uint64 time);
    /// @notice Thrown when an exit cursor goes back or past the last exit.
    error ExitCursorOutOfRange(uint32 assetId, uint64 cursor, uint64 before, uint64 count);

    // ----------------------------------------------------------------- errors: decisions

    /// @notice Thrown when a step is for home alone, or for the other chains alone.
    error WrongRole(bool isHome);
    /// @notice Thrown when home would commit after decideBy.
    error DecisionTooLate(uint64 decideBy, uint256 timestamp);
    /// @notice Thrown when home would abort without proof before decideBy has passed.
    error DecisionTooEarly(uint64 decideBy, uint256 timestamp);
    /// @notice Thrown when there is not one proof for every chain to be proven.
    error WrongProofCount(uint256 given, uint256 expected);
    /// @notice Thrown when a proof shows a phase that does not justify the step.
    error ProvenPhaseInsufficient(uint256 chainId, Phase proven);
    /// @notice Thrown when a proof of absence is older than the end of preparation.
    error AbsenceTooEarly(uint256 chainId, uint64 timestamp, uint64 prepareDeadline);
    /// @notice Thrown when the client that a proof rests on is frozen.
    error ClientFrozen(uint256 chainId);
    /// @notice Thrown when the proven account does not carry the anchor's code.
    error WrongCodeHash(uint256 chainId, bytes32 proven, bytes32 expected);
    /// @notice Thrown when a proven word is no phase.
    error WordIsNoPhase(uint256 chainId, uint256 word);
    /// @notice Thrown when a settlement would be final before its parent.
    error ParentNotFinal(uint64 sequence, uint64 finalSequence);
    /// @notice Thrown when a settlement can still be challenged.
    error ChallengeOpen(uint256 until, uint256 timestamp);

    // --------------------------------------------------------------------- errors: exits

    /// @notice Thrown when an exit asks for nothing or for more than the ledger counts to.
    error ExitOutOfRange(uint64 quanta);
    /// @notice Thrown when the member's exit before this one is not answered yet.
    error ExitPending(uint32 assetId, uint64 index);
    /// @notice Thrown when no deposit and no exit waited longer than the grace and the last leg
    /// is younger than the stall time.
    error NothingOverdue();
    /// @notice Thrown when a warning is in force already.
    error AlreadyWarned(uint64 warnedAt);
    /// @notice Thrown when there was no warning, or a leg committed since the last one.
    error NotWarned();
    /// @notice Thrown when the freeze delay has not passed since the warning.
    error FreezeTooEarly(uint256 until, uint256 timestamp);
    /// @notice Thrown when a step is for a frozen anchor alone.
    error NotFrozen();
    /// @notice Thrown when a leg is prepared and undecided, or committed and not final.
    error LegUnresolved(bytes32 settlementId);
    /// @notice Thrown when a frozen spoke may still learn what home decided.
    error ResolutionTooEarly(uint256 until, uint256 timestamp);
    /// @notice Thrown when a claim is not in the last leg.
    error ClaimNotProven(uint32 assetId, uint256 position);
    /// @notice Thrown when a claim was paid out before.
    error AlreadyExited(uint32 assetId, uint256 position);
    /// @notice Thrown when a deposit is consumed by a leg or was never made.
    error NotRefundable(uint32 assetId, uint64 index);
    /// @notice Thrown when a deposit was given back before.
    error AlreadyRefunded(uint32 assetId, uint64 index);

    // ------------------------------------------------------------------ errors: releases

    /// @notice Thrown when a release does not verify against what the leg committed to.
    error ReleaseNotProven(bytes32 settlementId, uint32 assetId, uint64 index);
    /// @notice Thrown when a release was paid before.
    error AlreadyClaimed(bytes32 settlementId, uint32 assetId, uint64 index);
    /// @notice Thrown when someone else than the member chooses the recipient.
    error NotMember(address caller, address member);

    // --------------------------------------------------------------------------- set up

    /// @notice Name the other anchors, once, by the deployer: anchors name each other, so none can
    /// be given at construction. On home every other chain, in order; elsewhere home alone.
    function initialize(Peer[] calldata peers) external;

    // ------------------------------------------------------------------------- deposits

    /// @notice Move `amount` token units from the caller into the vault, for `member`.
    /// @dev A whole number of quanta, at least the asset's minimum, and all of it must arrive.
    /// @return index Number of the deposit within its asset, from 0.
    function deposit(uint32 assetId, uint256 amount, address member)
        external
        returns (uint64 index);

    // ---------------------------------------------------------------------- settlements

    /// @notice Promise to follow home's decision on a signed settlement: check the leg and keep it.
    /// A settlement whose only active chain is home commits at once.
    /// @param signatures By the operator quorum over the settlement id, ordered by signer.
    function prepare(
        Settlement calldata settlement,
        Leg calldata leg,
        OperatorSet calldata operators,
        bytes[] calldata signatures
    ) external;

    /// @notice Let a prepared leg take effect. On home: one proof that each other active chain is
    /// PREPARED, in the settlement's order, until decideBy. Elsewhere: one proof that home is
    /// COMMITTED or FINAL, at any time.
    function commit(
        Settlement calldata settlement,
        Leg calldata leg,
        CounterProof[] calldata proofs
    ) external;

    /// @notice On home, after decideBy: give up a settlement that did not commit.
    function abort(Settlement calldata settlement) external;

    /// @notice On home: give up a settlement as soon as an active chain is proven to hold NONE in
    /// a header younger than prepareDeadline, since it can never prepare any more.
    function abortByAbsence(
        Settlement calldata settlement,
        uint256 chainId,
        CounterProof calldata proof
    ) external;

    /// @notice Elsewhere: follow home, proven ABORTED, or NONE in a header younger than
    /// prepareDeadline.
    function abortByProof(Settlement calldata settlement, CounterProof calldata proof) external;

    /// @notice On home: make a settlement final after its challenge window, its parent being final.
    function finalize(bytes32 settlementId) external;

    /// @notice Elsewhere: follow home, proven FINAL; all legs committed here before are final too.
    function finalizeByProof(bytes32 settlementId, CounterProof calldata proof) external;

    // ------------------------------------------------------------------------- releases

    /// @notice Pay a release of a final leg. Anyone may call for the member, who alone may name
    /// another recipient.
    /// @param siblings Hashes beside the path from the leaf to the root, leaf first, 32 of them.
    /// @param siblingSums Their sums, in quanta.
    function claimRelease(
        bytes32 settlementId,
        uint32 assetId,
        uint64 index,
        address member,
        uint128 quanta,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums,
        address recipient
    ) external;

    // ---------------------------------------------------------------------------- exits

    /// @notice Ask for up to `quanta` of what the caller owns here. The legs to come must answer it,
    /// in the order of requests, before it is older than the grace; each answers it once, with a
    /// release. One request per member and asset is open at a time.
    /// @return index Number of the exit within its asset, from 0.
    function requestExit(uint32 assetId, uint64 quanta) external returns (uint64 index);

    /// @notice State that the operators do not do their work: a deposit or an exit waited longer
    /// than the grace, or the last leg is older than the stall time.
    function warn() external;

    /// @notice Stop for ever, when the freeze delay has passed since a warning and no leg committed
    /// since. No deposit, exit request or leg comes in any more; what is in flight goes on.
    function freeze() external;

    /// @notice On a frozen spoke that has not learnt for 30 days what home decided: give up a
    /// prepared leg and take a committed one as final, on this chain alone.
    function resolve() external;

    /// @notice On a frozen anchor with nothing in flight: pay what a member owns in the last leg,
    /// which is final. Anyone may call for the member, who alone may name another recipient.
    /// @param leg The last leg, as `prepare` was given it.
    /// @param position The member's place in the claims tree.
    /// @param siblings Hashes beside the path from the leaf to the root, leaf first, 32 of them.
    /// @param siblingSums Their sums, in quanta.
    function exitFrozen(
        Leg calldata leg,
        uint32 assetId,
        uint256 position,
        address member,
        uint128 claim,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums,
        address recipient
    ) external;

    /// @notice On a frozen anchor with nothing in flight: give back a deposit that no leg consumed.
    /// Anyone may call for the member, who alone may name another recipient.
    function refund(uint32 assetId, uint64 index, address recipient) external;

    // ---------------------------------------------------------------------------- views

    /// @notice Where a settlement stands here. On a spoke a leg is final as soon as a later one is,
    /// although its own storage word then still reads COMMITTED.
    function phase(bytes32 settlementId) external view returns (Phase);

    /// @notice The last settlement that committed here; 0 before the first.
    function lastCommitted() external view returns (bytes32);

    /// @notice Hash of the last leg that committed here; 0 before the first.
    function lastLeg() external view returns (bytes32);

    /// @notice The settlement that is prepared and undecided here, or 0.
    function inFlight() external view returns (bytes32);

    /// @notice When a settlement committed here (unix seconds), and as which of this chain's legs
    /// (from 1); zeros if it did not.
    function commitOf(bytes32 settlementId)
        external
        view
        returns (uint64 sequence, uint64 committedAt);

    /// @notice Sequence of the last final leg here; 0 before the first.
    function finalSequence() external view returns (uint64);

    /// @notice On home: hash of the leg that another chain last committed; 0 before its first.
    function lastLegOf(uint256 chainId) external view returns (bytes32);

    /// @notice Everything known of an asset.
    function assetState(uint32 assetId) external view returns (AssetState memory);

    /// @notice Ids of the assets held here, increasing.
    function assetIds() external view returns (uint32[] memory);

    /// @notice A deposit by its number within its asset.
    function deposits(uint32 assetId, uint256 index) external view returns (Deposit memory);

    /// @notice How many deposits an asset has had.
    function depositCount(uint32 assetId) external view returns (uint64);

    /// @notice Whether a release was paid.
    function isClaimed(bytes32 settlementId, uint32 assetId, uint64 index)
        external
        view
        returns (bool);

    /// @notice The other anchors that this one believes proofs of.
    function peers() external view returns (Peer[] memory);

    /// @notice Hash of the operator set that may sign settlements.
    function operatorSetHash() external view returns (bytes32);

    /// @notice Whether the anchor takes nothing new.
    function frozen() external view returns (bool);

    /// @notice When the last warning was given and when the anchor froze, in unix seconds, 0 if
    /// never. A warning is in force while no leg committed at or after it.
    function freezeTimes() external view returns (uint64 warnedAt, uint64 frozenAt);

    /// @notice An exit by its number within its asset.
    function exits(uint32 assetId, uint256 index) external view returns (Exit memory);

    /// @notice How many exits of an asset were requested.
    function exitCount(uint32 assetId) external view returns (uint64);

    /// @notice Whether a claim was paid out after a freeze.
    function isExited(uint32 assetId, uint256 position) external view returns (bool);

    /// @notice Whether a deposit was given back after a freeze.
    function isRefunded(uint32 assetId, uint64 index) external view returns (bool);

    /// @notice Name of the deployment, on all chains.
    function clearinghouseId() external view returns (bytes32);

    /// @notice The chain that decides.
    function homeChainId() external view returns (uint256);

    /// @notice Whether this is home's anchor.
    function isHome() external view returns (bool);

    /// @notice The constants of the deployment.
    function windows() external view returns (Windows memory);
}
