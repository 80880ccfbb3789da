// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

/// @title Builds small Merkle-Patricia tries and proofs as a node does (Yellow Paper, appendix D)
/// @notice Shares no code with the reader that it tests: it encodes with OpenZeppelin's RLP, and
/// rebuilds every node from the entries below it.
library TrieBuilder {
    struct Entry {
        bytes32 key;
        bytes value;
    }

    /// @notice Root of the state trie that holds one contract and one other account, and the proof
    /// of the contract.
    function proveAccount(address account, bytes32 storageRoot, bytes32 codeHash)
        internal
        pure
        returns (bytes32 root, bytes[] memory proof)
    {
        Entry[] memory entries = new Entry[](2);
        bytes32 key = keccak256(abi.encodePacked(account));
        entries[0] = Entry(key, accountValue(1, 0, storageRoot, codeHash));
        entries[1] = Entry(~key, accountValue(7, 1 ether, emptyRoot(), keccak256("")));
        return prove(entries, key);
    }

    /// @notice Root of a storage trie and the proof of one slot; words that are zero are left out.
    function proveStorage(bytes32[] memory slots, uint256[] memory words, bytes32 slot)
        internal
        pure
        returns (bytes32 root, bytes[] memory proof)
    {
        uint256 count = 0;
        Entry[] memory entries = new Entry[](slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            if (words[i] == 0) continue;
            entries[count++] = Entry(keccak256(abi.encode(slots[i])), RLP.encode(words[i]));
        }
        assembly ("memory-safe") {
            mstore(entries, count)
        }
        return prove(entries, keccak256(abi.encode(slot)));
    }

    function accountValue(uint256 nonce, uint256 balance, bytes32 storageRoot, bytes32 codeHash)
        internal
        pure
        returns (bytes memory)
    {
        bytes[] memory fields = new bytes[](4);
        fields[0] = RLP.encode(nonce);
        fields[1] = RLP.encode(balance);
        fields[2] = RLP.encode(storageRoot);
        fields[3] = RLP.encode(codeHash);
        return RLP.encode(fields);
    }

    function emptyRoot() internal pure returns (bytes32) {
        return keccak256(hex"80");
    }

    /// @notice Root of a trie with distinct keys, and the nodes that show what a key holds.
    function prove(Entry[] memory entries, bytes32 key)
        internal
        pure
        returns (bytes32 root, bytes[] memory proof)
    {
        if (entries.length == 0) return (emptyRoot(), new bytes[](0));
        root = keccak256(node(entries, 0));
        proof = new bytes[](65);
        uint256 count = 0;
        uint256 depth = 0;
        while (true) {
            bytes memory encoded = node(entries, depth);
            // A node shorter than a hash stands inside its parent, except the root.
            if (depth == 0 || encoded.length >= 32) proof[count++] = encoded;
            if (entries.length == 1) break;
            uint256 shared = _sharedNibbles(entries, depth);
            if (shared != 0) {
                if (_prefix(entries[0].key, depth + shared) != _prefix(key, depth + shared)) {
                    break;
                }
                depth += shared;
                // The branch below an extension is a node of its own.
                encoded = node(entries, depth);
                if (encoded.length >= 32) proof[count++] = encoded;
            }
            entries = _below(entries, depth, _nibble(key, depth));
            if (entries.length == 0) break;
            ++depth;
        }
        assembly ("memory-safe") {
            mstore(proof, count)
        }
    }

    /// @notice The encoding of the node that holds these entries, their first `depth` nibbles gone.
    function node(Entry[] memory entries, uint256 depth) internal pure returns (bytes memory) {
        bytes[] memory items;
        uint256 shared = _sharedNibbles(entries, depth);
        if (entries.length == 1) {
            items = new bytes[](2);
            items[0] = RLP.encode(_hexPrefix(entries[0].key, depth, 64, true));
            items[1] = RLP.encode(entries[0].value);
        } else if (shared != 0) {
            items = new bytes[](2);
            items[0] = RLP.encode(_hexPrefix(entries[0].key, depth, depth + shared, false));
            items[1] = link(node(entries, depth + shared));
        } else {
            items = new bytes[](17);
            for (uint256 nibble = 0; nibble < 16; ++nibble) {
                Entry[] memory below = _below(entries, depth, nibble);
                items[nibble] = below.length == 0 ? bytes(hex"80") : link(node(below, depth + 1));
            }
            items[16] = hex"80";
        }
        return RLP.encode(items);
    }

    /// @notice How a parent refers to a node.
    function link(bytes memory encoded) internal pure returns (bytes memory) {
        return encoded.length < 32 ? encoded : RLP.encode(keccak256(encoded));
    }

    function _nibble(bytes32 key, uint256 depth) private pure returns (uint256) {
        return (uint256(key) >> (252 - 4 * depth)) & 0xf;
    }

    function _prefix(bytes32 key, uint256 nibbles) private pure returns (uint256) {
        return uint256(key) >> (256 - 4 * nibbles);
    }

    function _sharedNibbles(Entry[] memory entries, uint256 depth)
        private
        pure
        returns (uint256 shared)
    {
        for (; depth + shared < 64; ++shared) {
            for (uint256 i = 1; i < entries.length; ++i) {
                if (
                    _nibble(entries[i].key, depth + shared)
                        != _nibble(entries[0].key, depth + shared)
                ) {
                    return shared;
                }
            }
        }
    }

    function _below(Entry[] memory entries, uint256 depth, uint256 nibble)
        private
        pure
        returns (Entry[] memory below)
    {
        below = new Entry[](entries.length);
        uint256 count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (_nibble(entries[i].key, depth) == nibble) below[count++] = entries[i];
        }
        assembly ("memory-safe") {
            mstore(below, count)
        }
    }

    function _hexPrefix(bytes32 key, uint256 from, uint256 to, bool isLeaf)
        private
        pure
        returns (bytes memory path)
    {
        uint256 flag = isLeaf ? 2 : 0;
        uint256 position = from;
        if ((to - from) % 2 == 1) {
            path = abi.encodePacked(uint8(((flag + 1) << 4) | _nibble(key, position++)));
        } else {
            path = abi.encodePacked(uint8(flag << 4));
        }
        for (; position < to; position += 2) {
            uint256 pair = (_nibble(key, position) << 4) | _nibble(key, position + 1);
            path = abi.encodePacked(path, uint8(pair));
        }
    }
}
