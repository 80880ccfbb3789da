// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "../Commitment.sol";
import {ICommitteeLightClient} from "../interfaces/ICommitteeLightClient.sol";
import {ILightClient} from "../interfaces/ILightClient.sol";
import {Quorum} from "../proof/Quorum.sol";
import {Rlp} from "../proof/Rlp.sol";

/// @title Follows a chain by the signatures of a committee
contract CommitteeLightClient is ICommitteeLightClient {
    struct Header {
        bytes32 blockHash;
        bytes32 stateRoot;
        uint64 height;
        uint64 timestamp;
    }

    bytes32 private constant HEADER_TYPEHASH =
        keccak256("CommitteeHeader(uint256 chainId,uint64 epoch,uint64 height,bytes32 blockHash)");

    /// @dev Headers are kept by height modulo this, so after a while an update rewrites words
    /// instead of filling new ones (three times cheaper). Prime, because relayers often submit at a
    /// regular stride: any stride but a multiple of it still keeps this many headers.
    uint64 private constant KEPT_HEADERS = 251;

    /// @dev A mainnet header has about 650 bytes, of which the bloom filter is 256; proof-of-
    /// authority chains put their signers into extraData. Bounds what one update can cost.
    uint256 private constant MAX_HEADER_BYTES = 2048;
    /// @dev Fields grow with forks; the first 15 keep their places. Later ones are authenticated by
    /// the hash and not read.
    uint256 private constant MIN_HEADER_FIELDS = 15;
    uint256 private constant MAX_HEADER_FIELDS = 32;
    uint256 private constant STATE_ROOT_FIELD = 3;
    uint256 private constant NUMBER_FIELD = 8;
    uint256 private constant TIMESTAMP_FIELD = 11;

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
    mapping(uint256 => Header) private _headers;
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
        Header memory header = _decode(headerRlp);
        Header storage kept = _headers[header.height % KEPT_HEADERS];
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
        Header storage header = _headers[height % KEPT_HEADERS];
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

    /// @dev Read the fields that proofs need out of the very bytes that are hashed.
    function _decode(bytes calldata headerRlp) private pure returns (Header memory header) {
        if (headerRlp.length > MAX_HEADER_BYTES) revert HeaderTooLarge(headerRlp.length);
        header.blockHash = keccak256(headerRlp);
        uint256 position;
        assembly ("memory-safe") {
            position := headerRlp.offset
        }
        uint256 end = position + headerRlp.length;
        position = Rlp.openList(position, end);
        uint256 fields = 0;
        for (; position < end; ++fields) {
            if (fields == STATE_ROOT_FIELD) {
                (header.stateRoot, position) = Rlp.word(position, end);
            } else if (fields == NUMBER_FIELD) {
                uint256 number;
                (number, position) = Rlp.integer(position, end, 8);
                header.height = uint64(number);
            } else if (fields == TIMESTAMP_FIELD) {
                uint256 timestamp;
                (timestamp, position) = Rlp.integer(position, end, 8);
                header.timestamp = uint64(timestamp);
            } else {
                (,, position) = Rlp.text(position, end);
            }
        }
        if (fields < MIN_HEADER_FIELDS || fields > MAX_HEADER_FIELDS) {
            revert HeaderFieldCount(fields);
        }
        if (header.height == 0 || header.stateRoot == 0) revert ZeroHeader();
    }
}
