// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Strict RLP reading, in place, in calldata
/// @notice OpenZeppelin's reader accepts some encodings that no Ethereum client produces. Here one
/// value has one encoding, so two parties cannot read two things in the same authenticated bytes.
/// Positions are absolute offsets in calldata; `end` bounds every read.
library Rlp {
    /// @notice Thrown when bytes are not canonical RLP or leave their bounds.
    error InvalidRlp(uint256 position);

    /// @notice Read the item that begins at `position`.
    /// @return payload Where its payload begins.
    /// @return length Length of the payload in bytes; `payload + length <= end`.
    /// @return isList Whether it is a list.
    function item(uint256 position, uint256 end)
        internal
        pure
        returns (uint256 payload, uint256 length, bool isList)
    {
        if (position >= end) revert InvalidRlp(position);
        unchecked {
            uint256 prefix = byteAt(position);
            if (prefix < 0x80) return (position, 1, false);
            isList = prefix >= 0xc0;
            length = prefix - (isList ? 0xc0 : 0x80);
            payload = position + 1;
            if (length > 55) {
                // Two length bytes reach 65,535: more than any header or trie node has.
                uint256 lengthBytes = length - 55;
                if (lengthBytes > 2 || byteAt(payload) == 0) revert InvalidRlp(position);
                length = lengthBytes == 1
                    ? byteAt(payload)
                    : (byteAt(payload) << 8) | byteAt(payload + 1);
                if (length <= 55) revert InvalidRlp(position);
                payload += lengthBytes;
            } else if (length == 1 && !isList && byteAt(payload) < 0x80) {
                revert InvalidRlp(position);
            }
            if (payload + length > end) revert InvalidRlp(position);
        }
    }

    /// @notice Open a list that fills [position, end) exactly and return where its items begin.
    function openList(uint256 position, uint256 end) internal pure returns (uint256 payload) {
        uint256 length;
        bool isList;
        (payload, length, isList) = item(position, end);
        if (!isList || payload + length != end) revert InvalidRlp(position);
    }

    /// @notice Read a string and return where the next item begins.
    function text(uint256 position, uint256 end)
        internal
        pure
        returns (uint256 payload, uint256 length, uint256 next)
    {
        bool isList;
        (payload, length, isList) = item(position, end);
        if (isList) revert InvalidRlp(position);
        next = payload + length;
    }

    /// @notice Read a string of exactly 32 bytes.
    function word(uint256 position, uint256 end)
        internal
        pure
        returns (bytes32 value, uint256 next)
    {
        uint256 payload;
        uint256 length;
        (payload, length, next) = text(position, end);
        if (length != 32) revert InvalidRlp(position);
        value = wordAt(payload);
    }

    /// @notice Read an unsigned integer of at most `maximumBytes`, without leading zeros.
    function integer(uint256 position, uint256 end, uint256 maximumBytes)
        internal
        pure
        returns (uint256 value, uint256 next)
    {
        uint256 payload;
        uint256 length;
        (payload, length, next) = text(position, end);
        if (length > maximumBytes || (length != 0 && byteAt(payload) == 0)) {
            revert InvalidRlp(position);
        }
        if (length != 0) value = uint256(wordAt(payload)) >> (256 - 8 * length);
    }

    /// @notice The 32 bytes at a position; the caller masks what lies past its bounds.
    function wordAt(uint256 position) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(position)
        }
    }

    /// @notice The byte at a position.
    function byteAt(uint256 position) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(position))
        }
    }
}
