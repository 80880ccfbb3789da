"""Incidents of proof verifiers, each as a test of both our readers.

What is at stake here: a proof decides that money moves ("prepared") or goes back ("absent").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import rlp

from clearinghouse.book.identifiers import Address, ChainId, Hash32
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader, decode_header, encode_header
from clearinghouse.proofs.state import StateProof, verify_slot, verify_storage
from clearinghouse.proofs.trie import EMPTY_NODE, EMPTY_ROOT
from tests.unit.contracts.client import reverts
from tests.unit.contracts.evm import Contract, Reverted
from tests.unit.contracts.proofs.readers import Reader, assert_refused
from tests.unit.proofs.recordings import RECORDED_PROOFS
from tests.unit.proofs.test_header import block_of
from tests.unit.proofs.test_trie import (
    ABSENT_BY_INNER_BRANCH,
    EXTENSION,
    KEY_1,
    KEY_25,
    LEAF_1,
    LEAF_25,
    PROOFS,
    ROOT,
    ROOT_NODE,
    branch,
)
from tests.unit.proofs.tries import (
    account_leaf,
    build_secure_trie,
    build_trie,
    honest_nodes,
    storage_leaf,
)

pytestmark = pytest.mark.e2e

ZERO = bytes(32)


# -- Nomad, August 2022: the zero root was a confirmed one --------------------------------------


def test_nomad_zero_root_proves_nothing(read: Reader) -> None:
    """An unset root is zero, and everything was proven under it."""
    assert_refused(read(ZERO, KEY_1, []), "proof_truncated")
    assert_refused(read(ZERO, ZERO, []), "proof_truncated")
    for key, nodes in PROOFS.items():
        assert_refused(read(ZERO, key, nodes), "node_hash_mismatch")
    assert_refused(read(ZERO, KEY_1, [EMPTY_NODE]), "node_hash_mismatch")
    assert_refused(read(ZERO, KEY_1, [b""]), "node_hash_mismatch")


def test_nomad_header_of_zeros_is_none_on_chain(harness: Contract) -> None:
    """The default of a mapping must never be a header."""
    for index, zero in ((3, ZERO), (8, b"")):
        fields = rlp.decode(encode_header(block_of(20)))
        fields[index] = zero
        with reverts("ZeroHeader"):
            harness.call("readHeader", rlp.encode(fields))


@pytest.mark.parametrize(
    "leaf", [b"\x80", b"\x00", b"\x81\x00", b"\x82\x00\x01", b"\xc0"], ids=bytes.hex
)
def test_nomad_word_of_zero_is_only_proven_by_absence(leaf: bytes, harness: Contract) -> None:
    """A trie holds no zero, so one that is present was put there to be read as "nothing"."""
    storage = build_trie({keccak256(SLOT): leaf})
    nodes = honest_nodes(storage, keccak256(SLOT))
    with pytest.raises(Reverted) as reverted:
        harness.call("verifyStorage", storage.root_hash, SLOT, list(nodes))
    assert reverted.value.error.name in ("NodeMalformed", "InvalidRlp")
    with pytest.raises(ProofInvalid):
        verify_storage(Hash32(storage.root_hash), SLOT, nodes)


# -- BSC Token Hub, October 2022, and Dragonberry: nodes that could be read two ways ------------


@pytest.mark.parametrize(
    "node",
    [
        rlp.encode([b"\x20" + KEY_1, b"v", b""]),
        rlp.encode([b"\x20" + KEY_1, b"v", *[b""] * 14]),
        rlp.encode([b"\x20" + KEY_1, b"v", *[b""] * 15]),
        rlp.encode([b"\x20" + KEY_1, b"v", *[b""] * 16]),
        rlp.encode([*[b""] * 16]),
        rlp.encode([*[b""] * 18]),
        rlp.encode([b"\x20" + KEY_1]),
        rlp.encode([]),
        rlp.encode([[b"\x20" + KEY_1, b"v"]]),
    ],
    ids=["3 items", "16", "17", "18", "branch of 16", "of 18", "path alone", "none", "wrapped"],
)
def test_bsc_token_hub_node_with_more_or_fewer_parts_is_refused(node: bytes, read: Reader) -> None:
    """An inner node of two children at once hid a forged path; a node has one meaning here."""
    assert_refused(read(keccak256(node), KEY_1, [node]), "node_malformed")


def test_dragonberry_leaf_is_never_an_inner_node(read: Reader) -> None:
    """A leaf whose value is a hash must not lead on to a node that somebody else chose."""
    forged = rlp.encode([b"\x20", b"forged"])
    for value in (keccak256(forged), forged, rlp.encode(keccak256(forged))):
        leaf = rlp.encode([b"\x20" + KEY_1, value])
        root = keccak256(leaf)
        assert read(root, KEY_1, [leaf]) == value
        assert_refused(read(root, KEY_1, [leaf, forged]), "proof_extended")
        assert_refused(read(root, KEY_1, [forged]), "node_hash_mismatch")
        short = rlp.encode([b"\x20" + KEY_1[:4], value])
        assert_refused(read(keccak256(short), KEY_1, [short, forged]), "node_malformed")


def test_dragonberry_hash_of_two_words_is_no_node(read: Reader) -> None:
    """Sixty-four bytes that hash to a root, as binary trees have them, are no node here."""
    pair = keccak256(b"left") + keccak256(b"right")
    assert_refused(read(keccak256(pair), KEY_1, [pair]), "rlp_not_a_list")
    listed = rlp.encode([keccak256(b"left"), keccak256(b"right")])
    assert_refused(read(keccak256(listed), KEY_1, [listed]), "node_malformed")


# -- ChainSecurity, "When empty means valid": exclusion forged by stopping early ----------------


@pytest.mark.parametrize("key", PROOFS, ids=bytes.hex)
def test_forged_exclusion_by_a_prefix_is_an_error(key: bytes, read: Reader) -> None:
    """Curve's oracle of Lido's price, and others, fell out of their loop and answered "empty"."""
    for cut in range(len(PROOFS[key])):
        assert_refused(read(ROOT, key, PROOFS[key][:cut]), "proof_truncated")


def test_forged_exclusion_by_a_prefix_of_mainnets_proof_is_an_error(read: Reader) -> None:
    (weth,) = RECORDED_PROOFS["mainnet-prague-weth"]()
    key = keccak256(weth.address)
    assert isinstance(read(weth.state_root, key, weth.account_nodes), bytes)
    for cut in range(len(weth.account_nodes)):
        assert_refused(read(weth.state_root, key, weth.account_nodes[:cut]), "proof_truncated")


def test_forged_exclusion_by_no_node_holds_for_the_empty_root_only(read: Reader) -> None:
    assert read(EMPTY_ROOT, KEY_1, []) is None
    assert_refused(read(EMPTY_ROOT, KEY_1, [EMPTY_NODE]), "proof_extended")
    assert_refused(read(ROOT, KEY_1, []), "proof_truncated")
    assert_refused(read(ROOT, KEY_1, [EMPTY_NODE]), "node_hash_mismatch")
    assert_refused(read(keccak256(b""), KEY_1, []), "proof_truncated")
    assert_refused(read(keccak256(b""), KEY_1, [b""]), "rlp_truncated")
    assert_refused(read(keccak256(b"\xc0"), KEY_1, [b"\xc0"]), "node_malformed")


# -- opbnb #114: nodes of fewer than 32 bytes stand in their parent -----------------------------


def test_opbnb_embedded_nodes_are_followed_without_an_element_of_their_own(read: Reader) -> None:
    keys = [bytes(31) + bytes((last,)) for last in (0x00, 0x01, 0x10, 0xFF)]
    items = {key: b"v%d" % index for index, key in enumerate(keys)}
    trie = build_trie(items)
    for key in [*keys, bytes(31) + b"\x02", bytes(31) + b"\x20", bytes(30) + b"\x01\x00"]:
        nodes = honest_nodes(trie, key)
        assert read(trie.root_hash, key, nodes) == items.get(key)
        for cut in range(len(nodes)):
            assert_refused(read(trie.root_hash, key, nodes[:cut]), "proof_truncated")
        embedded = [rlp.encode(node) for node in trie.get_proof(key)][len(nodes) :]
        for node in embedded:
            assert_refused(read(trie.root_hash, key, [*nodes, node]), "proof_extended")


# -- Optimism's strictness, rule by rule --------------------------------------------------------


def leaf_root(path: bytes, value: object) -> tuple[bytes, list[bytes]]:
    node = rlp.encode([path, value])
    return keccak256(node), [node]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (b"\x20" + KEY_1, b"", "node_malformed"),
        (b"\x20" + KEY_1, [b"v"], "node_malformed"),
        (b"\x21" + KEY_1, b"v", "node_malformed"),
        (b"\x40" + KEY_1, b"v", "node_malformed"),
        (b"\x60" + KEY_1, b"v", "node_malformed"),
        (b"\xf0" + KEY_1, b"v", "node_malformed"),
        (b"\x20" + KEY_1 + b"\x00", b"v", "node_malformed"),
        (b"\x20" + KEY_1[:-1], b"v", "node_malformed"),
        (b"\x3a" + KEY_1, b"v", "node_malformed"),
        (b"", b"v", "node_malformed"),
        (b"\x00", keccak256(LEAF_1), "node_malformed"),
        (b"\x00" + KEY_1, keccak256(LEAF_1), "node_malformed"),
        (b"\x00" + KEY_1 + b"\x00", keccak256(LEAF_1), "node_malformed"),
        (b"\x01" + KEY_1[:2], keccak256(LEAF_1), "node_malformed"),
        (b"\x00" + KEY_1[:2], b"", "node_malformed"),
        (b"\x00" + KEY_1[:2], bytes(31), "node_malformed"),
    ],
    ids=lambda part: part.hex()[:12] if isinstance(part, bytes) else None,
)
def test_optimism_rule_refuses_leaf_or_extension(
    path: bytes, value: object, reason: str, read: Reader
) -> None:
    """Empty values, wrong padding, unknown flags, paths that do not fit keys of 32 bytes."""
    root, nodes = leaf_root(path, value)
    assert_refused(read(root, KEY_1, nodes), reason)


def test_optimism_rule_refuses_trailing_elements(read: Reader) -> None:
    for key, nodes in PROOFS.items():
        for extra in (ROOT_NODE, LEAF_1, nodes[-1], EMPTY_NODE, b""):
            assert_refused(read(ROOT, key, [*nodes, extra]), "proof_extended")


def test_optimism_rule_refuses_a_value_in_a_branch(read: Reader) -> None:
    for value in (b"\x05", b"value", keccak256(b"value")):
        node = branch({1: keccak256(LEAF_1)}, value)
        assert_refused(read(keccak256(node), KEY_1, [node, LEAF_1]), "node_malformed")


CHANGED_ENCODINGS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte follows": (lambda leaf: leaf + b"\x00", "rlp_trailing_bytes"),
    "a byte is missing": (lambda leaf: leaf[:-1], "rlp_truncated"),
    "a length in long form": (
        lambda leaf: bytes((0xF8, leaf[0] - 0xC0)) + leaf[1:],
        "rlp_not_canonical",
    ),
    "a length with leading zeros": (
        lambda leaf: bytes((0xF9, 0, leaf[0] - 0xC0)) + leaf[1:],
        "rlp_not_canonical",
    ),
    "a byte with a prefix": (lambda leaf: b"\xc3\x81\x20\x05", "rlp_not_canonical"),
    "a string": (lambda leaf: b"\x83dog", "rlp_not_a_list"),
}


@pytest.mark.parametrize("name", CHANGED_ENCODINGS)
def test_optimism_rule_refuses_an_encoding_that_is_not_canonical(name: str, read: Reader) -> None:
    change, reason = CHANGED_ENCODINGS[name]
    node = change(rlp.encode([b"\x20" + KEY_1, b"v"]))
    assert_refused(read(keccak256(node), KEY_1, [node]), reason)


# -- replay: a proof of another contract, slot, chain or time ------------------------------------

ANCHOR, OTHER = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
SLOT, OTHER_SLOT = Hash32((3).to_bytes(32)), Hash32((4).to_bytes(32))
CODE, OTHER_CODE = keccak256(b"the anchor's code"), keccak256(b"another code")


def state_of(phase: int, code_hash: bytes = CODE) -> tuple[Hash32, StateProof]:
    """Return the root of a chain whose anchor holds ``phase`` at ``SLOT``, and the proof of it."""
    storage = build_secure_trie({SLOT: storage_leaf(phase), OTHER_SLOT: storage_leaf(9)})
    accounts = build_secure_trie(
        {
            ANCHOR: account_leaf(1, 0, storage.root_hash, code_hash),
            OTHER: account_leaf(1, 0, EMPTY_ROOT, CODE),
        }
    )
    return Hash32(accounts.root_hash), StateProof(
        honest_nodes(accounts, keccak256(ANCHOR)), honest_nodes(storage, keccak256(SLOT))
    )


Ask = Callable[[Hash32, Address, Hash32, StateProof], int]


@pytest.fixture(params=["python", "solidity"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Read a slot of the contract that has the registered code."""
    if request.param == "python":
        return lambda root, address, slot, proof: verify_slot(
            VerifiedHeader(ChainId(1), 9, keccak256(b"block"), root, 1), address, CODE, slot, proof
        )
    harness: Contract = request.getfixturevalue("harness")

    def ask_on_chain(root: Hash32, address: Address, slot: Hash32, proof: StateProof) -> int:
        account, storage = list(proof.account_nodes), list(proof.storage_nodes)
        _, code_hash = harness.call("verifyAccount", root, address, account)
        if code_hash != CODE:  # as every contract that uses the library compares
            raise ProofInvalid("code_hash_mismatch", "another contract")
        return int(harness.call("verifySlot", root, address, slot, account, storage))

    return ask_on_chain


def assert_not_proven(
    ask: Ask, root: Hash32, address: Address, slot: Hash32, proof: StateProof
) -> None:
    with pytest.raises((ProofInvalid, Reverted)):
        ask(root, address, slot, proof)


def test_replay_for_another_contract_or_slot_is_refused(ask: Ask) -> None:
    root, proof = state_of(phase=2)
    assert ask(root, ANCHOR, SLOT, proof) == 2
    assert_not_proven(ask, root, OTHER, SLOT, proof)
    assert_not_proven(ask, root, ANCHOR, OTHER_SLOT, proof)
    assert_not_proven(ask, root, Address(b"\x0c" * 20), SLOT, proof)


def test_replay_of_an_older_state_or_of_another_chain_is_refused(ask: Ask) -> None:
    """The same anchor at the same address: only the root tells the chains and the times apart."""
    before, proof_before = state_of(phase=1)
    after, proof_after = state_of(phase=2)
    assert ask(before, ANCHOR, SLOT, proof_before) == 1
    assert ask(after, ANCHOR, SLOT, proof_after) == 2
    assert_not_proven(ask, after, ANCHOR, SLOT, proof_before)
    assert_not_proven(
        ask, after, ANCHOR, SLOT, StateProof(proof_after.account_nodes, proof_before.storage_nodes)
    )


def test_replay_after_the_code_was_replaced_is_refused(ask: Ask) -> None:
    root, proof = state_of(phase=2, code_hash=OTHER_CODE)
    assert_not_proven(ask, root, ANCHOR, SLOT, proof)


def test_proof_of_parts_of_two_keys_is_refused(read: Reader) -> None:
    """Nodes that are all of the trie, put together to lead elsewhere."""
    mixes: Sequence[tuple[bytes, Sequence[bytes]]] = [
        (KEY_25, [ROOT_NODE, LEAF_1]),
        (KEY_25, [EXTENSION, *PROOFS[KEY_25][2:]]),
        (KEY_1, [ROOT_NODE, LEAF_25]),
        (ABSENT_BY_INNER_BRANCH, [ROOT_NODE, EXTENSION, LEAF_25]),
    ]
    for key, nodes in mixes:
        assert_refused(read(ROOT, key, nodes), "node_hash_mismatch")


def test_header_hash_is_that_of_the_bytes_that_were_read(harness: Contract) -> None:
    """Fields beside the hash are never taken on trust: another encoding is another block."""
    encoded = encode_header(block_of(20))
    found = harness.call("readHeader", encoded)
    assert found[0] == keccak256(encoded) == decode_header(encoded).block_hash
    fields = rlp.decode(encoded)
    fields[3] = keccak256(b"another state")
    altered = harness.call("readHeader", rlp.encode(fields))
    assert altered[0] != found[0]
