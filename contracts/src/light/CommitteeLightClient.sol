// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "../Commitment.sol";
import {ICommitteeLightClient} from "../interfaces/ICommitteeLightClient.sol";
import {ILightClient} from "../interfaces/ILightClient.sol";
import {Quorum} from "../proof/Quorum.sol";
import {Execution, ExecutionHeader} from "./ethereum/Execution.sol";

/// @title Follows a chain by the signatures of a committee
contract CommitteeLightClient is ICommitteeLightClient {
    bytes32 private constant HEADER_TYPEHASH =
        keccak256("CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash)");

    /// @dev Headers are kept by height modulo this, so after a while an update rewrites words
    /// instead of filling new ones (three times cheaper). Prime, because relayers often submit at a
    /// regular stride: any stride but a multiple of it still keeps this many headers.
    uint64 private constant KEPT_HEADERS = 251;

    /// @inheritdoc ILightClient
    uint256 public immutable chainId;
    /// @inheritdoc ICommitteeLightClient
    bytes32 public immutable clearinghouseId;
    /// @inheritdoc ICommitteeLightClient
    uint64 public immutable epoch;
    /// @inheritdoc ICommitteeLightClient
    uint32 public immutable threshold;
    bytes32 private immutable _domain;

    address[] private _members;
    mapping(uint256 => ExecutionHeader) private _headers;
    /// @inheritdoc ILightClient
    uint64 public latestHeight;
    uint64 private _latestTimestamp;
    bool private _frozen;

    constructor(
        bytes32 clearinghouseId_,
        uint256 chainId_,
        uint64 epoch_,
        uint32 threshold_,
        address[] memory members_
    ) {
        if (clearinghouseId_ == 0 || chainId_ == 0) {
            revert ZeroClearinghouseOrChain();
        }
        Quorum.requireValidSet(members_, threshold_);
        if (2 * uint256(threshold_) <= members_.length) {
            revert ThresholdNoMajority(threshold_, members_.length);
        }
        clearinghouseId = clearinghouseId_;
        chainId = chainId_;
        epoch = epoch_;
        threshold = threshold_;
        _members = members_;
        _domain = Commitment.domainSeparator(clearinghouseId_);
    }

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
        _requireQuorum(header.height, header.blockHash, signatures);
        _headers[header.height % KEPT_HEADERS] = header;
        (latestHeight, _latestTimestamp) = (header.height, header.timestamp);
        emit HeaderStored(header.height, header.blockHash, header.stateRoot, header.timestamp);
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
        _requireQuorum(height, hashA, signaturesA);
        _requireQuorum(height, hashB, signaturesB);
        _frozen = true;
        emit ClientFrozen(height, hashA, hashB);
    }

    /// @inheritdoc ILightClient
    function headerAt(uint64 height)
        external
        view
        returns (bytes32 blockHash, bytes32 stateRoot, uint64 timestamp)
    {
        ExecutionHeader storage header = _headers[height % KEPT_HEADERS];
        if (height == 0 || header.height != height) revert UnknownHeader(height);
        return (header.blockHash, header.stateRoot, header.timestamp);
    }

    /// @inheritdoc ILightClient
    function status() external view returns (Status) {
        return _frozen ? Status.FROZEN : Status.ACTIVE;
    }

    /// @inheritdoc ICommitteeLightClient
    function members() external view returns (address[] memory) {
        return _members;
    }

    /// @inheritdoc ICommitteeLightClient
    function headerDigest(uint64 height, bytes32 blockHash) public view returns (bytes32) {
        return Commitment.typedDataHash(
            _domain, keccak256(abi.encode(HEADER_TYPEHASH, chainId, epoch, height, blockHash))
        );
    }

    function _requireQuorum(uint64 height, bytes32 blockHash, bytes[] memory signatures)
        private
        view
    {
        Quorum.requireQuorum(headerDigest(height, blockHash), _members, threshold, signatures);
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
