// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "../Commitment.sol";
import {Quorum} from "../proof/Quorum.sol";
import {SumTree} from "../proof/SumTree.sol";
import {Leg, OperatorSet, Settlement, Windows} from "../Types.sol";
import {FillBatch, IVectorHarness, Order, PlacementLimit, Release} from "./IVectorHarness.sol";

/// @title Every hash of the protocol as a call
contract VectorHarness is IVectorHarness {
    bytes32 private constant ORDER_TYPEHASH = keccak256(
        "Order(address member,uint32 instrument,uint8 side,uint64 quantity,uint64 limitPrice,"
        "uint32 maxFeeRate,uint64 expiry,uint64 nonce,address venue)"
    );
    bytes32 private constant PLACEMENT_LIMIT_TYPEHASH = keccak256(
        "PlacementLimit(address member,uint256 chainId,uint32 assetId,uint128 maximumQuanta,"
        "uint64 nonce)"
    );
    bytes32 private constant RELEASE_TYPEHASH = keccak256(
        "Release(address member,uint256 chainId,uint32 assetId,uint64 quanta,uint64 nonce,"
        "uint64 expiry)"
    );
    bytes32 private constant FILL_TYPEHASH =
        keccak256("Fill(bytes32 buyOrder,bytes32 sellOrder,uint64 quantity,uint64 cash)");
    bytes32 private constant FILL_BATCH_TYPEHASH = keccak256(
        "FillBatch(address venue,bytes32 batchId,Fill[] fills)"
        "Fill(bytes32 buyOrder,bytes32 sellOrder,uint64 quantity,uint64 cash)"
    );
    bytes32 private constant COMMITTEE_HEADER_TYPEHASH =
        keccak256("CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash)");

    /// @inheritdoc IVectorHarness
    function clearinghouseId(
        bytes32 salt,
        uint256 homeChainId,
        uint256[] calldata chainIds,
        Windows calldata windows
    ) external pure returns (bytes32) {
        return Commitment.clearinghouseId(salt, homeChainId, chainIds, windows);
    }

    /// @inheritdoc IVectorHarness
    function settlementId(Settlement calldata settlement) external pure returns (bytes32) {
        bytes32 domain = Commitment.domainSeparator(settlement.clearinghouseId);
        return Commitment.settlementId(domain, settlement);
    }

    /// @inheritdoc IVectorHarness
    function legHash(Leg calldata leg) external pure returns (bytes32) {
        return Commitment.legHash(leg);
    }

    /// @inheritdoc IVectorHarness
    function operatorSetHash(OperatorSet calldata operators) external pure returns (bytes32) {
        return Commitment.operatorSetHash(operators);
    }

    /// @inheritdoc IVectorHarness
    function orderDigest(bytes32 clearinghouse, Order calldata order)
        external
        pure
        returns (bytes32)
    {
        return _digest(clearinghouse, keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }

    /// @inheritdoc IVectorHarness
    function placementLimitDigest(bytes32 clearinghouse, PlacementLimit calldata limit)
        external
        pure
        returns (bytes32)
    {
        return _digest(clearinghouse, keccak256(abi.encode(PLACEMENT_LIMIT_TYPEHASH, limit)));
    }

    /// @inheritdoc IVectorHarness
    function releaseDigest(bytes32 clearinghouse, Release calldata release)
        external
        pure
        returns (bytes32)
    {
        return _digest(clearinghouse, keccak256(abi.encode(RELEASE_TYPEHASH, release)));
    }

    /// @inheritdoc IVectorHarness
    function fillBatchDigest(bytes32 clearinghouse, FillBatch calldata batch)
        external
        pure
        returns (bytes32)
    {
        bytes32[] memory fills = new bytes32[](batch.fills.length);
        for (uint256 i = 0; i < fills.length; ++i) {
            fills[i] = keccak256(abi.encode(FILL_TYPEHASH, batch.fills[i]));
        }
        bytes32 structHash = keccak256(
            abi.encode(
                FILL_BATCH_TYPEHASH, batch.venue, batch.batchId, keccak256(abi.encodePacked(fills))
            )
        );
        return _digest(clearinghouse, structHash);
    }

    /// @inheritdoc IVectorHarness
    function committeeDigest(
        bytes32 clearinghouse,
        uint256 chainId,
        uint64 epoch,
        uint64 height,
        bytes32 blockHash
    ) external pure returns (bytes32) {
        return _digest(
            clearinghouse,
            keccak256(abi.encode(COMMITTEE_HEADER_TYPEHASH, chainId, epoch, height, blockHash))
        );
    }

    /// @inheritdoc IVectorHarness
    function claimLeaf(address member, uint128 claim) external pure returns (bytes32) {
        return SumTree.claimLeaf(member, claim);
    }

    /// @inheritdoc IVectorHarness
    function releaseLeaf(uint64 index, address member, uint128 quanta)
        external
        pure
        returns (bytes32)
    {
        return SumTree.releaseLeaf(index, member, quanta);
    }

    /// @inheritdoc IVectorHarness
    function node(bytes32 left, uint128 leftSum, bytes32 right, uint128 rightSum)
        external
        pure
        returns (bytes32)
    {
        return SumTree.node(left, leftSum, right, rightSum);
    }

    /// @inheritdoc IVectorHarness
    function treeRoot(
        bytes32 leaf,
        uint128 leafSum,
        uint256 position,
        bytes32[] calldata siblings,
        uint128[] calldata siblingSums
    ) external pure returns (bytes32 hash, uint128 sum) {
        return SumTree.root(leaf, leafSum, position, siblings, siblingSums);
    }

    /// @inheritdoc IVectorHarness
    function requireQuorum(
        bytes32 digest,
        address[] calldata members,
        uint256 threshold,
        bytes[] calldata signatures
    ) external pure {
        Quorum.requireQuorum(digest, members, threshold, signatures);
    }

    function _digest(bytes32 clearinghouse, bytes32 structHash) private pure returns (bytes32) {
        return Commitment.typedDataHash(Commitment.domainSeparator(clearinghouse), structHash);
    }
}
