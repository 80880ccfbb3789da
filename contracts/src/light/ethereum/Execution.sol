// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "../../proof/Rlp.sol";
import {Ssz} from "./Ssz.sol";

/// @notice What a client keeps of a finalised execution block.
struct ExecutionHeader {
    bytes32 blockHash;
    bytes32 stateRoot;
    uint64 height;
    uint64 timestamp;
}

/// @notice Four fields of an execution payload header and the eight nodes that tie them to the root
/// of its first 16 leaves.
/// @dev From left to right: siblings[0] covers leaves 0 and 1, [1] is leaf 3, [2] covers 4 and 5,
/// [3] is leaf 7, [4] leaf 8, [5] covers 10 and 11, [6] is leaf 13, [7] covers 14 and 15.
struct PayloadFields {
    bytes32 stateRoot;
    uint64 height;
    uint64 timestamp;
    bytes32 blockHash;
    bytes32[8] siblings;
}

/// @title From a beacon block to the execution block within
/// @notice A beacon block's body commits to the execution block's hash, and the fields come out of
/// the RLP header with that hash. Up to Fulu it also holds the payload itself, whose fields can be
/// proven by SSZ; Gloas (EIP-7732) leaves only the hash.
library Execution {
    /// @notice Thrown when a header is longer than any header is.
    error HeaderTooLarge(uint256 length);
    /// @notice Thrown when a header has too few or too many fields.
    error HeaderFieldCount(uint256 fields);
    /// @notice Thrown when a block's height, hash or state root is zero.
    error ZeroHeader();

    /// @notice Bytes of `PayloadFields`. No header is that short: its bloom filter and its hashes
    /// alone take more.
    uint256 internal constant PAYLOAD_BYTES = 12 * 32;

    /// @dev See the committee client, which reads the same headers under the same bounds.
    uint256 private constant MAX_HEADER_BYTES = 2048;
    uint256 private constant MIN_HEADER_FIELDS = 15;
    uint256 private constant MAX_HEADER_FIELDS = 32;
    uint256 private constant STATE_ROOT_FIELD = 3;
    uint256 private constant NUMBER_FIELD = 8;
    uint256 private constant TIMESTAMP_FIELD = 11;

    /// @notice Read a payload's fields.
    /// @param data abi.encode of `PayloadFields`; the caller has seen to its length.
    /// @return header The fields.
    /// @return node Root of the payload header's first 16 leaves: the root itself before Deneb, its
    /// left child since, when a 17th field doubled the tree.
    function fromPayload(bytes calldata data)
        internal
        view
        returns (ExecutionHeader memory header, bytes32 node)
    {
        PayloadFields calldata fields;
        assembly ("memory-safe") {
            fields := data.offset
        }
        header =
            ExecutionHeader(fields.blockHash, fields.stateRoot, fields.height, fields.timestamp);
        _requireNotZero(header);
        bytes32[8] calldata siblings = fields.siblings;
        node = Ssz.pair(
            Ssz.pair(
                Ssz.pair(siblings[0], Ssz.pair(fields.stateRoot, siblings[1])),
                Ssz.pair(siblings[2], Ssz.pair(Ssz.leaf(fields.height), siblings[3]))
            ),
            Ssz.pair(
                Ssz.pair(Ssz.pair(siblings[4], Ssz.leaf(fields.timestamp)), siblings[5]),
                Ssz.pair(Ssz.pair(fields.blockHash, siblings[6]), siblings[7])
            )
        );
    }

    /// @notice Read the fields out of the very bytes that are hashed.
    /// @param rlp The header as the chain hashes it.
    function fromRlp(bytes calldata rlp) internal pure returns (ExecutionHeader memory header) {
        if (rlp.length > MAX_HEADER_BYTES) revert HeaderTooLarge(rlp.length);
        header.blockHash = keccak256(rlp);
        uint256 position;
        assembly ("memory-safe") {
            position := rlp.offset
        }
        uint256 end = position + rlp.length;
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
        _requireNotZero(header);
    }

    function _requireNotZero(ExecutionHeader memory header) private pure {
        if (header.height == 0 || header.stateRoot == 0 || header.blockHash == 0) {
            revert ZeroHeader();
        }
    }
}
