// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Where a settlement stands on one chain. The numbers are part of the protocol: other
/// chains prove the raw storage word. The only steps are NONE -> PREPARED -> COMMITTED | ABORTED |
/// INVALID and COMMITTED -> FINAL | INVALID (invariant P5).
enum Phase {
    NONE,
    PREPARED,
    COMMITTED,
    ABORTED,
    INVALID,
    FINAL
}

/// @notice One chain's line in a settlement. An inactive chain repeats the leg hash it last
/// committed (0 before its first leg) and changes nothing.
struct ChainEntry {
    uint256 chainId;
    address anchor;
    bytes32 legHash;
    bool active;
}

/// @notice What one cycle changes on all chains; hashed as EIP-712 typed data into the settlement
/// id that the operator quorum signs. Times are unix seconds.
struct Settlement {
    bytes32 clearinghouseId;
    uint64 cycle;
    bytes32 parent;
    uint64 operatorEpoch;
    uint64 cutTime;
    uint64 journalCount;
    bytes32 journalHead;
    bytes32 statementsRoot;
    bytes32 flowsRoot;
    bytes32 fillsRoot;
    bytes32 pricesRoot;
    uint64 prepareDeadline;
    uint64 decideBy;
    ChainEntry[] chains;
}

/// @notice One asset's new state on one chain. (claimsTree, claims) and (releasesTree, released)
/// are the hash and the sum of a sum tree's root; both sums are in quanta of the asset.
struct LegAsset {
    uint32 assetId;
    bytes32 claimsTree;
    uint128 claims;
    bytes32 releasesTree;
    uint128 released;
    uint64 depositCursor;
    bytes32 depositHash;
    uint64 exitCursor;
}

/// @notice A settlement's part on one chain: every asset of that chain, sorted by id.
struct Leg {
    uint256 chainId;
    address anchor;
    uint64 cycle;
    bytes32 parentLeg;
    LegAsset[] assets;
    bytes32 dataHash;
}

/// @notice The keys that sign settlements: `threshold` of `signers`, which increase strictly.
struct OperatorSet {
    uint64 epoch;
    uint32 threshold;
    address[] signers;
    bytes32 parametersHash;
}

/// @notice Evidence of one storage word of another chain's anchor: the height of a header that the
/// chain's light client holds, and the trie nodes from its state root down to the word, root first.
struct CounterProof {
    uint64 height;
    bytes[] accountProof;
    bytes[] storageProof;
}

/// @notice The constants of a clearinghouse, in seconds; part of its id and never changed.
struct Windows {
    /// How long after its commit a settlement can be challenged on home before it may be final.
    uint64 challengeSeconds;
    /// How long a deposit or an exit may wait before every leg must cover it.
    uint64 graceSeconds;
    /// How long a chain may go without a committed leg before anyone may warn.
    uint64 stallSeconds;
    /// How long after a warning the anchor can be frozen.
    uint64 freezeDelaySeconds;
    /// The furthest that a settlement's decision may lie ahead of its preparation.
    uint64 maxDecideSeconds;
    /// How far the slowest light client may lag behind its chain.
    uint64 clientLatencySeconds;
}

/// @notice An ERC-20 token that an anchor holds. One quantum of the ledger is worth the same on
/// every chain, so the token's own decimals enter through `tokenUnitsPerQuantum`.
struct AssetConfiguration {
    uint32 assetId;
    address token;
    uint128 tokenUnitsPerQuantum;
    uint64 minimumDepositQuanta;
}

/// @notice Another chain's anchor and the local light client that follows that chain. `codeHash` is
/// what the anchor's account must carry in every proof, so a replaced contract proves nothing.
struct Peer {
    uint256 chainId;
    address anchor;
    bytes32 codeHash;
    address client;
}
