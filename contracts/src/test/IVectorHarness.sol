// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Leg, OperatorSet, Settlement, Windows} from "../Types.sol";

/// @notice A member's order. Side 0 buys, 1 sells; quantity in lots, price in quanta per lot.
struct Order {
    address member;
    uint32 instrument;
    uint8 side;
    uint64 quantity;
    uint64 limitPrice;
    uint32 maxFeeRate;
    uint64 expiry;
    uint64 nonce;
    address venue;
}

/// @notice How much a member lets the netting place for it on one chain, per asset.
struct PlacementLimit {
    address member;
    uint256 chainId;
    uint32 assetId;
    uint128 maximumQuanta;
    uint64 nonce;
}

/// @notice A member's request to be paid out on one chain.
struct Release {
    address member;
    uint256 chainId;
    uint32 assetId;
    uint64 quanta;
    uint64 nonce;
    uint64 expiry;
}

/// @notice A trade between two orders, by their digests. Quantity in lots, cash in quanta.
struct Fill {
    bytes32 buyOrder;
    bytes32 sellOrder;
    uint64 quantity;
    uint64 cash;
}

/// @notice What a venue signs.
struct FillBatch {
    address venue;
    bytes32 batchId;
    Fill[] fills;
}

/// @title Every hash of the protocol as a call
/// @notice For the tests that compare Python with Solidity; `IProofHarness` has the state proofs.
interface IVectorHarness {
    /// @notice See `Commitment.clearinghouseId`.
    function clearinghouseId(
        bytes32 salt,
        uint256 homeChainId,
        uint256[] calldata chainIds,
        Windows calldata windows
    ) external pure returns (bytes32);

    /// @notice The settlement's id under its own clearinghouse's domain.
    function settlementId(Settlement calldata settlement) external pure returns (bytes32);

    /// @notice See `Commitment.legHash`.
    function legHash(Leg calldata leg) external pure returns (bytes32);

    /// @notice See `Commitment.operatorSetHash`.
    function operatorSetHash(OperatorSet calldata operators) external pure returns (bytes32);

    /// @notice The digest that a member signs for an order.
    function orderDigest(bytes32 clearinghouse, Order calldata order)
        external
        pure
        returns (bytes32);

    /// @notice The digest that a member signs for a placement limit.
    function placementLimitDigest(bytes32 clearinghouse, PlacementLimit calldata limit)
        external
        pure
        returns (bytes32);

    /// @notice The digest that a member signs for a release.
    function releaseDigest(bytes32 clearinghouse, Release calldata release)
        external
        pure
        returns (bytes32);

    /// @notice The digest that a venue signs for a batch of fills.
    function fillBatchDigest(bytes32 clearinghouse, FillBatch calldata batch)
        external
        pure
        returns (bytes32);

    /// @notice The digest that a committee member signs for a header.
    function committeeDigest(
        bytes32 clearinghouse,
        uint256 chainId,
        uint64 epoch,
        uint64 height,
        bytes32 blockHash
    ) external pure returns (bytes32);

    /// @notice See `SumTree.claimLeaf`.
    function claimLeaf(address member, uint128 claim) external pure returns (bytes32);

    /// @notice See `SumTree.releaseLeaf`.
    function releaseLeaf(uint64 index, address member, uint128 quanta)
        external
        pure
        returns (bytes32);

    /// @notice See `SumTree.node`.
    function node(bytes32 left, uint128 leftSum, bytes32 right, uint128 rightSum)
        external
        pure
        returns (bytes32);

    /// @notice See `SumTree.root`.
    function treeRoot(
        bytes32 leaf,
        uint128 leafSum,
        uint256 position,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums
    ) external pure returns (bytes32 hash, uint128 sum);

    /// @notice See `Quorum.requireQuorum`.
    function requireQuorum(
        bytes32 digest,
        address[] calldata members,
        uint256 threshold,
        bytes[] calldata signatures
    ) external pure;
}
