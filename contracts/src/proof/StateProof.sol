// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "./Rlp.sol";

/// @title Proofs of accounts and storage words (EIP-1186) that know inclusion from absence
/// @notice Settlement moves money on "this word is 2" and gives it back on "this word is 0", so a
/// proof that merely stops early must never read as zero. Absence is concluded in three cases only,
/// each from an authenticated node: an empty branch slot, a leaf or extension that diverges from
/// the key, or the empty root with no node at all. Everything else reverts, in particular every
/// proper prefix of a valid proof, unused nodes at its end and encodings no client produces.
/// @dev Nodes are read in place in calldata; memory is only scratch for hashing. The key has 64
/// nibbles and every node but the last consumes one, which bounds the walk.
library StateProof {
    /// @notice Root of a trie with nothing in it: keccak256(0x80).
    bytes32 internal constant EMPTY_ROOT =
        0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    /// @dev A full branch: 16 children of 33 bytes, an empty value and a header of 3. Leaves are
    /// shorter (an account's value has at most 110 bytes), so no node of a state or storage trie is
    /// larger.
    uint256 private constant MAX_NODE_BYTES = 532;
    uint256 private constant KEY_NIBBLES = 64;

    /// @notice Thrown when the nodes end before they decide what the key holds.
    error ProofTruncated(uint256 nodes);
    /// @notice Thrown when nodes follow the one that decides.
    error ProofHasUnusedNodes(uint256 used, uint256 nodes);
    /// @notice Thrown when a node is not the one that its parent, or the root, refers to.
    error NodeHashMismatch(uint256 index, bytes32 expected, bytes32 actual);
    /// @notice Thrown when a node is larger, or smaller, than a node at its place can be.
    error NodeSizeInvalid(uint256 index, uint256 length);
    /// @notice Thrown when a node is not a branch, extension or leaf of a trie with 32-byte keys.
    error NodeMalformed(uint256 position);
    /// @notice Thrown when an account is proven not to exist.
    error AccountAbsent(address account);

    enum Step {
        HASH,
        EMBEDDED,
        VALUE,
        ABSENT
    }

    /// @notice Prove an account under a state root.
    /// @return storageRoot Root of the account's storage trie.
    /// @return codeHash Hash of the account's code.
    function verifyAccount(bytes32 stateRoot, address account, bytes[] calldata proof)
        internal
        pure
        returns (bytes32 storageRoot, bytes32 codeHash)
    {
        (uint256 position, uint256 length) =
            find(stateRoot, keccak256(abi.encodePacked(account)), proof);
        if (length == 0) revert AccountAbsent(account);
        uint256 end = position + length;
        uint256 next = Rlp.openList(position, end);
        (, next) = Rlp.integer(next, end, 8); // nonce
        (, next) = Rlp.integer(next, end, 32); // balance
        (storageRoot, next) = Rlp.word(next, end);
        (codeHash, next) = Rlp.word(next, end);
        if (next != end) revert NodeMalformed(next);
    }

    /// @notice Prove a storage word under an account's storage root.
    /// @return value The word; 0 only if its absence is proven, as a trie never holds a zero.
    function verifyStorage(bytes32 storageRoot, bytes32 slot, bytes[] calldata proof)
        internal
        pure
        returns (uint256 value)
    {
        (uint256 position, uint256 length) = find(storageRoot, keccak256(abi.encode(slot)), proof);
        if (length == 0) return 0;
        uint256 next;
        (value, next) = Rlp.integer(position, position + length, 32);
        if (value == 0 || next != position + length) revert NodeMalformed(position);
    }

    /// @notice Walk from a root to the value of a key that is already hashed.
    /// @return position Where the value lies in calldata.
    /// @return length Its length; 0 if the key is proven absent.
    function find(bytes32 root, bytes32 key, bytes[] calldata proof)
        internal
        pure
        returns (uint256 position, uint256 length)
    {
        if (root == EMPTY_ROOT) {
            if (proof.length != 0) revert ProofHasUnusedNodes(0, proof.length);
            return (0, 0);
        }
        bytes32 expected = root;
        uint256 depth = 0;
        for (uint256 i = 0; i < proof.length; ++i) {
            (uint256 start, uint256 end) = _openNode(proof[i], i, expected);
            while (true) {
                Step step;
                (step, start, end, depth) = _descend(start, end, key, depth);
                if (step == Step.HASH) {
                    expected = Rlp.wordAt(start);
                    break;
                }
                if (step == Step.EMBEDDED) continue;
                if (i + 1 != proof.length) revert ProofHasUnusedNodes(i + 1, proof.length);
                return step == Step.VALUE ? (start, end - start) : (0, 0);
            }
        }
        revert ProofTruncated(proof.length);
    }

    /// @dev Check a node's hash and size and return the bounds of its items.
    function _openNode(bytes calldata encoded, uint256 index, bytes32 expected)
        private
        pure
        returns (uint256 start, uint256 end)
    {
        // Only the root may be hashed although it is shorter than its own hash.
        if (encoded.length > MAX_NODE_BYTES || (index != 0 && encoded.length < 32)) {
            revert NodeSizeInvalid(index, encoded.length);
        }
        bytes32 actual;
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            calldatacopy(pointer, encoded.offset, encoded.length)
            actual := keccak256(pointer, encoded.length)
            start := encoded.offset
        }
        if (actual != expected) revert NodeHashMismatch(index, expected, actual);
        end = start + encoded.length;
        start = Rlp.openList(start, end);
    }

    /// @dev Take one step from the node whose items are [start, end). HASH returns where the 32
    /// bytes of the child's hash are, EMBEDDED the bounds of the child's items, VALUE the bounds of
    /// the leaf's value.
    function _descend(uint256 start, uint256 end, bytes32 key, uint256 depth)
        private
        pure
        returns (Step step, uint256 first, uint256 last, uint256 nextDepth)
    {
        (uint256 payload, uint256 length, bool isList) = Rlp.item(start, end);
        (uint256 secondPayload, uint256 secondLength,) = Rlp.item(payload + length, end);
        if (secondPayload + secondLength != end) return _branch(start, end, key, depth);
        if (isList || length == 0 || length > 33) revert NodeMalformed(start);

        (bool isLeaf, bool matches, uint256 nibbles) = _path(payload, length, key, depth);
        nextDepth = depth + nibbles;
        if (isLeaf) {
            if (nextDepth != KEY_NIBBLES) revert NodeMalformed(start);
            (first, length, last) = Rlp.text(payload + length, end);
            if (length == 0) revert NodeMalformed(start);
            return (matches ? Step.VALUE : Step.ABSENT, first, last, nextDepth);
        }
        // A branch must follow, and a branch consumes a nibble.
        if (nibbles == 0 || nextDepth >= KEY_NIBBLES) revert NodeMalformed(start);
        (step, first, last) = _child(payload + length);
        if (step == Step.ABSENT || last != end) revert NodeMalformed(start);
        if (!matches) step = Step.ABSENT;
    }

    /// @dev Read all 17 items, so that a node has one meaning only, and step into the key's child.
    function _branch(uint256 start, uint256 end, bytes32 key, uint256 depth)
        private
        pure
        returns (Step step, uint256 first, uint256 last, uint256 nextDepth)
    {
        if (depth >= KEY_NIBBLES) revert NodeMalformed(start);
        unchecked {
            uint256 nibble = (uint256(key) >> (252 - 4 * depth)) & 0xf;
            uint256 position = start;
            uint256 child = start;
            for (uint256 i = 0; i < 16; ++i) {
                if (i == nibble) child = position;
                uint256 prefix = Rlp.byteAt(position);
                if (prefix == 0xa0) position += 33;
                else if (prefix == 0x80) position += 1;
                else (,, position) = _child(position);
            }
            // All keys have 64 nibbles, so none ends at a branch: its value is empty.
            if (position + 1 != end || Rlp.byteAt(position) != 0x80) revert NodeMalformed(start);
            (step, first, last) = _child(child);
            nextDepth = depth + 1;
        }
    }

    /// @dev Classify a child reference: 32 bytes of hash, nothing, or a node shorter than 32 bytes.
    /// It may reach past its parent's end; the caller compares where the last one stops.
    function _child(uint256 position)
        private
        pure
        returns (Step step, uint256 first, uint256 last)
    {
        unchecked {
            uint256 prefix = Rlp.byteAt(position);
            first = position + 1;
            if (prefix == 0xa0) return (Step.HASH, first, first + 32);
            if (prefix == 0x80) return (Step.ABSENT, first, first);
            if (prefix < 0xc0 || prefix > 0xde) revert NodeMalformed(position);
            return (Step.EMBEDDED, first, first + prefix - 0xc0);
        }
    }

    /// @dev Decode a hex-prefix path (Yellow Paper, appendix C) and compare it with the key.
    function _path(uint256 payload, uint256 length, bytes32 key, uint256 depth)
        private
        pure
        returns (bool isLeaf, bool matches, uint256 nibbles)
    {
        unchecked {
            uint256 head = Rlp.byteAt(payload);
            uint256 path = uint256(Rlp.wordAt(payload + 1));
            nibbles = 2 * (length - 1);
            if (head & 0x10 != 0) {
                path = ((head & 0xf) << 252) | (path >> 4);
                nibbles += 1;
            } else if (head & 0xf != 0) {
                revert NodeMalformed(payload);
            }
            if (head > 0x3f || depth + nibbles > KEY_NIBBLES) revert NodeMalformed(payload);
            isLeaf = head & 0x20 != 0;
            // Shifting a word by 256 bits gives 0, so an empty path matches.
            matches = ((uint256(key) << (4 * depth)) ^ path) >> (256 - 4 * nibbles) == 0;
        }
    }
}
