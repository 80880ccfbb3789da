// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {Rlp} from "../src/proof/Rlp.sol";
import {StateProof} from "../src/proof/StateProof.sol";
import {IProofHarness} from "../src/test/IProofHarness.sol";
import {Test} from "./Test.sol";
import {TrieBuilder} from "./TrieBuilder.sol";

/// @notice Proofs from tries built by other code, and everything that must not pass for one.
contract StateProofTest is Test {
    IProofHarness private harness;

    function setUp() public {
        harness = IProofHarness(vm.deployCode("ProofHarness.sol:ProofHarness", ""));
    }

    // ------------------------------------------------------------------- random tries

    /// @dev Keys that share `shared` leading nibbles with the first, so that extensions, deep
    /// branches and embedded nodes occur. Values from 1 byte up to a full word.
    function _random(uint256 seed, uint256 count, uint256 shared)
        private
        pure
        returns (TrieBuilder.Entry[] memory entries)
    {
        entries = new TrieBuilder.Entry[](count);
        uint256 mask = shared == 0 ? 0 : type(uint256).max << (256 - 4 * shared);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode(seed, i)));
            if (i != 0) key = (uint256(entries[0].key) & mask) | (key & ~mask);
            uint256 word = uint256(keccak256(abi.encode(seed, "value", i)));
            entries[i] = TrieBuilder.Entry(bytes32(key), RLP.encode((word >> (8 * (i % 32))) | 1));
        }
    }

    function _isDistinct(TrieBuilder.Entry[] memory entries) private pure returns (bool) {
        for (uint256 i = 0; i < entries.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (entries[i].key == entries[j].key) return false;
            }
        }
        return true;
    }

    function testFuzz_find_answersWhatTheTrieHolds(uint256 seed, uint8 count, uint8 shared)
        public
        view
    {
        TrieBuilder.Entry[] memory entries =
            _random(seed, _bound(count, 1, 8), _bound(shared, 0, 63));
        if (!_isDistinct(entries)) return;
        for (uint256 i = 0; i < entries.length; ++i) {
            (bytes32 root, bytes[] memory proof) = TrieBuilder.prove(entries, entries[i].key);
            bytes memory value = harness.findValue(root, entries[i].key, proof);
            vm.assertEq(value, entries[i].value, "value");
        }
    }

    function testFuzz_find_answersNothingForAbsentKeys(
        uint256 seed,
        uint8 count,
        uint8 shared,
        uint8 nibble
    ) public view {
        TrieBuilder.Entry[] memory entries =
            _random(seed, _bound(count, 1, 8), _bound(shared, 0, 63));
        if (!_isDistinct(entries)) return;
        // Next to a present key, so that the walk goes deep before it diverges.
        bytes32 key = entries[seed % entries.length].key ^ bytes32(1 << (4 * (nibble % 64)));
        (bytes32 root, bytes[] memory proof) = TrieBuilder.prove(entries, key);
        bytes memory expected = "";
        for (uint256 i = 0; i < entries.length; ++i) {
            if (entries[i].key == key) expected = entries[i].value;
        }
        vm.assertEq(harness.findValue(root, key, proof), expected, "value");
    }

    function testFuzz_find_refusesEveryPrefixAndExtension(uint256 seed, uint8 count, uint8 shared)
        public
        view
    {
        TrieBuilder.Entry[] memory entries =
            _random(seed, _bound(count, 1, 8), _bound(shared, 0, 63));
        if (!_isDistinct(entries)) return;
        for (uint256 trial = 0; trial < 2; ++trial) {
            bytes32 key = trial == 0 ? entries[0].key : ~entries[0].key;
            (bytes32 root, bytes[] memory proof) = TrieBuilder.prove(entries, key);
            bytes[] memory longer = new bytes[](proof.length + 1);
            for (uint256 i = 0; i < proof.length; ++i) {
                longer[i] = proof[i];
            }
            longer[proof.length] = proof[proof.length - 1];
            _assertRefused(root, key, longer, StateProof.ProofHasUnusedNodes.selector);
            for (uint256 length = 0; length < proof.length; ++length) {
                assembly ("memory-safe") {
                    mstore(longer, length)
                }
                _assertRefused(root, key, longer, StateProof.ProofTruncated.selector);
            }
        }
    }

    function testFuzz_find_refusesEveryChangedByte(uint256 seed, uint8 count, uint256 where)
        public
        view
    {
        TrieBuilder.Entry[] memory entries = _random(seed, _bound(count, 1, 8), 2);
        if (!_isDistinct(entries)) return;
        (bytes32 root, bytes[] memory proof) = TrieBuilder.prove(entries, entries[0].key);
        bytes memory node = proof[where % proof.length];
        node[(where >> 8) % node.length] ^= bytes1(uint8(1 << ((where >> 128) % 8)));
        _assertRefused(root, entries[0].key, proof, StateProof.NodeHashMismatch.selector);
    }

    function _assertRefused(bytes32 root, bytes32 key, bytes[] memory proof, bytes4 expected)
        private
        view
    {
        (bool success, bytes memory answer) = address(harness)
            .staticcall(abi.encodeCall(IProofHarness.findValue, (root, key, proof)));
        vm.assertTrue(!success, "refused");
        vm.assertEq(bytes4(answer), expected, "reason");
    }

    // -------------------------------------------------------------------- empty tries

    function test_find_answersNothingForTheEmptyRootWithoutNodes() public view {
        bytes memory value = harness.findValue(TrieBuilder.emptyRoot(), "key", new bytes[](0));
        vm.assertEq(value, "", "absent");
    }

    function test_find_refusesNodesUnderTheEmptyRoot() public view {
        bytes[] memory proof = new bytes[](1);
        proof[0] = hex"80";
        _assertRefused(
            TrieBuilder.emptyRoot(), "key", proof, StateProof.ProofHasUnusedNodes.selector
        );
    }

    function test_find_refusesNoNodesUnderAnyOtherRoot() public view {
        bytes[] memory none = new bytes[](0);
        _assertRefused(0, "key", none, StateProof.ProofTruncated.selector);
        _assertRefused("root", "key", none, StateProof.ProofTruncated.selector);
    }

    function test_find_followsEmbeddedNodes() public view {
        // Two keys that differ in the last nibble: leaves of 3 bytes inside their branch.
        TrieBuilder.Entry[] memory entries = new TrieBuilder.Entry[](2);
        entries[0] = TrieBuilder.Entry(bytes32(uint256(0x10)), hex"01");
        entries[1] = TrieBuilder.Entry(bytes32(uint256(0x1f)), hex"02");
        (bytes32 root, bytes[] memory proof) = TrieBuilder.prove(entries, entries[1].key);
        vm.assertEq(proof.length, uint256(1), "everything is inside the root");
        vm.assertEq(harness.findValue(root, entries[1].key, proof), hex"02", "value");
        vm.assertEq(harness.findValue(root, bytes32(uint256(0x11)), proof), "", "absent");
        vm.assertEq(harness.findValue(root, bytes32(uint256(0x20)), proof), "", "absent");
    }

    // ------------------------------------------------ nodes that no client would produce

    /// @dev A single node as root, so its hash is right and only its form can be refused.
    function _assertMalformed(bytes memory node, bytes4 expected) private view {
        bytes[] memory proof = new bytes[](1);
        proof[0] = node;
        _assertRefused(keccak256(node), bytes32(0), proof, expected);
    }

    function _pair(bytes memory path, bytes memory second) private pure returns (bytes memory) {
        bytes[] memory items = new bytes[](2);
        items[0] = RLP.encode(path);
        items[1] = second;
        return RLP.encode(items);
    }

    function test_find_refusesMalformedLeavesAndExtensions() public view {
        bytes4 malformed = StateProof.NodeMalformed.selector;
        bytes memory key = new bytes(32);
        bytes memory hash = RLP.encode(keccak256("child"));
        // The well-formed leaf, of which each following case breaks one rule.
        bytes[] memory proof = new bytes[](1);
        proof[0] = _pair(bytes.concat(hex"20", key), hex"05");
        vm.assertEq(harness.findValue(keccak256(proof[0]), 0, proof), hex"05", "well-formed");

        _assertMalformed(_pair(bytes.concat(hex"21", key), hex"05"), malformed); // padding
        _assertMalformed(_pair(bytes.concat(hex"60", key), hex"05"), malformed); // flag
        _assertMalformed(_pair(bytes.concat(hex"30", key), hex"05"), malformed); // 65 nibbles
        _assertMalformed(_pair(bytes.concat(hex"20", key, hex"00"), hex"05"), malformed); // 66
        _assertMalformed(_pair(hex"2000", hex"05"), malformed); // a leaf above the keys' end
        _assertMalformed(_pair(bytes.concat(hex"20", key), hex"80"), malformed); // no value
        _assertMalformed(_pair("", hash), malformed); // no path at all
        _assertMalformed(_pair(hex"00", hash), malformed); // an extension by nothing
        _assertMalformed(_pair(bytes.concat(hex"00", key), hash), malformed); // by the whole key
        _assertMalformed(_pair(hex"0000", hex"80"), malformed); // to no child
        _assertMalformed(_pair(hex"0000", RLP.encode(bytes("short"))), malformed); // to no hash
        bytes memory listForValue = _pair(bytes.concat(hex"20", key), hex"c105");
        _assertMalformed(listForValue, Rlp.InvalidRlp.selector);
    }

    function test_find_refusesMalformedBranches() public view {
        bytes4 malformed = StateProof.NodeMalformed.selector;
        bytes[] memory proof = new bytes[](1);
        proof[0] = RLP.encode(_branch(17));
        vm.assertEq(harness.findValue(keccak256(proof[0]), 0, proof), "", "an empty slot");

        bytes[] memory items = _branch(17);
        items[16] = hex"05"; // a value although no key ends here
        _assertMalformed(RLP.encode(items), malformed);
        items = _branch(17);
        items[9] = RLP.encode(new bytes(31)); // neither a hash nor a node
        _assertMalformed(RLP.encode(items), malformed);
        items = _branch(17);
        items[9] = bytes.concat(hex"df", new bytes(31)); // 32 bytes must be hashed
        _assertMalformed(RLP.encode(items), malformed);
        _assertMalformed(RLP.encode(_branch(16)), malformed);
        _assertMalformed(RLP.encode(_branch(18)), malformed);
        _assertMalformed(RLP.encode(_branch(3)), malformed);
        _assertMalformed(RLP.encode(_branch(1)), Rlp.InvalidRlp.selector);
        _assertMalformed(hex"c0", Rlp.InvalidRlp.selector);
        _assertMalformed(RLP.encode(bytes("no list")), Rlp.InvalidRlp.selector);
    }

    function _branch(uint256 count) private pure returns (bytes[] memory items) {
        items = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            items[i] = i == 3 ? RLP.encode(keccak256("child")) : bytes(hex"80");
        }
    }

    function test_find_refusesNodesOfWrongSize() public view {
        _assertMalformed(new bytes(533), StateProof.NodeSizeInvalid.selector);
        bytes memory child = _pair(bytes.concat(hex"20"), hex"05");
        bytes[] memory items = _branch(17);
        items[0] = RLP.encode(keccak256(child)); // hashed although shorter than its hash
        bytes[] memory proof = new bytes[](2);
        (proof[0], proof[1]) = (RLP.encode(items), child);
        _assertRefused(keccak256(proof[0]), 0, proof, StateProof.NodeSizeInvalid.selector);
    }

    // ------------------------------------------------------------------ words, accounts

    function testFuzz_verifyStorage_answersTheWordOrProvenZero(uint256 first, uint256 second)
        public
        view
    {
        bytes32[] memory slots = new bytes32[](3);
        (slots[0], slots[1], slots[2]) = (bytes32(0), bytes32(uint256(1)), "third");
        uint256[] memory words = new uint256[](3);
        (words[0], words[1], words[2]) = (first, second, 0);
        for (uint256 i = 0; i < 3; ++i) {
            (bytes32 root, bytes[] memory proof) = TrieBuilder.proveStorage(slots, words, slots[i]);
            vm.assertEq(harness.verifyStorage(root, slots[i], proof), words[i], "word");
        }
    }

    function test_verifyStorage_refusesWordsThatNoTrieHolds() public view {
        bytes[6] memory wrong = [
            bytes(hex"00"), // an encoded zero byte: leading zero
            hex"8100", // not canonical
            hex"80", // zero is absent, not stored
            hex"820001", // leading zero
            hex"0102", // more than one item
            hex"c101" // a list
        ];
        bytes32 key = keccak256(abi.encode(bytes32(0)));
        for (uint256 i = 0; i < wrong.length; ++i) {
            bytes[] memory proof = new bytes[](1);
            proof[0] = _pair(bytes.concat(hex"20", key), RLP.encode(wrong[i]));
            (bool success,) = address(harness)
                .staticcall(
                    abi.encodeCall(IProofHarness.verifyStorage, (keccak256(proof[0]), 0, proof))
                );
            vm.assertTrue(!success, "refused");
        }
    }

    function testFuzz_verifyAccount_answersWhatTheAccountHolds(
        address account,
        bytes32 storageRoot,
        bytes32 codeHash
    ) public view {
        (bytes32 root, bytes[] memory proof) =
            TrieBuilder.proveAccount(account, storageRoot, codeHash);
        (bytes32 provenRoot, bytes32 provenHash) = harness.verifyAccount(root, account, proof);
        vm.assertEq(provenRoot, storageRoot, "storage root");
        vm.assertEq(provenHash, codeHash, "code hash");
    }

    function test_verifyAccount_revertsWhenTheAccountIsAbsent() public {
        (bytes32 root, bytes[] memory proof) = TrieBuilder.proveAccount(address(1), "r", "c");
        address absent = address(2); // its hashed key ends in an empty slot of the same root
        assembly ("memory-safe") {
            mstore(proof, 1)
        }
        vm.expectRevert(abi.encodeWithSelector(StateProof.AccountAbsent.selector, absent));
        harness.verifyAccount(root, absent, proof);
    }

    function test_verifyAccount_refusesAccountsOfAnotherForm() public view {
        bytes32 key = keccak256(abi.encodePacked(address(1)));
        bytes memory value = TrieBuilder.accountValue(1, 2, "root", "code");
        bytes[4] memory wrong = [
            bytes.concat(value, hex"05"), // a fifth field outside the list
            _accountOf(5),
            _accountOf(3),
            bytes(hex"05")
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            bytes[] memory proof = new bytes[](1);
            proof[0] = _pair(bytes.concat(hex"20", key), RLP.encode(wrong[i]));
            (bool success,) = address(harness)
                .staticcall(
                    abi.encodeCall(
                        IProofHarness.verifyAccount, (keccak256(proof[0]), address(1), proof)
                    )
                );
            vm.assertTrue(!success, "refused");
        }
    }

    function _accountOf(uint256 count) private pure returns (bytes memory) {
        bytes[] memory fields = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            fields[i] = i < 2 ? RLP.encode(i) : RLP.encode(bytes32("word"));
        }
        return RLP.encode(fields);
    }
}
