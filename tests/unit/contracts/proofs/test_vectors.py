"""Every recorded encoding, trie, proof and header, read inside the EVM.

The same recordings are read in Python by ``tests/unit/proofs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import rlp

from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import decode_header, encode_header
from clearinghouse.proofs.rlp import decode_item
from clearinghouse.proofs.state import verify_account
from tests.unit.contracts.client import reverts
from tests.unit.contracts.evm import Contract, Reverted
from tests.unit.contracts.proofs.readers import Reader, Refused, flatten
from tests.unit.proofs.recordings import (
    RECORDED_PROOFS,
    RecordedProof,
    load_json,
    portal_offers,
    unhex,
)
from tests.unit.proofs.test_header import block_of, recorded_blocks
from tests.unit.proofs.test_rlp import item_of
from tests.unit.proofs.test_state import account_of, union_proof
from tests.unit.proofs.test_trie import final_items, raw
from tests.unit.proofs.tries import build_trie, honest_nodes

pytestmark = pytest.mark.e2e


# -- RLP ----------------------------------------------------------------------------------------


def test_rlp_reads_what_was_encoded_when_vector_is_valid(harness: Contract) -> None:
    vectors = load_json("rlp/rlptest.json")
    assert len(vectors) == 19
    for name, vector in vectors.items():
        payloads, is_list = harness.call("readRlp", unhex(vector["out"]))
        found = list(zip(payloads, is_list, strict=True))
        assert found == flatten(item_of(vector["in"])), name


def test_rlp_reverts_when_vector_is_invalid(harness: Contract) -> None:
    vectors = load_json("rlp/invalidRLPTest.json")
    assert len(vectors) == 17
    for name, vector in vectors.items():
        with pytest.raises(Reverted) as reverted:
            pytest.fail(f"{name} read as {harness.call('readRlp', unhex(vector['out']))}")
        assert reverted.value.error.name in ("InvalidRlp", "TrailingBytes"), name


# -- tries --------------------------------------------------------------------------------------


def read_all(
    read: Reader, items: Mapping[bytes, bytes], keys: Sequence[bytes], root: bytes | None
) -> None:
    """Read every key's proof, and every prefix of it, under the root that was published."""
    trie = build_trie(items)
    assert root in (None, trie.root_hash)
    for key in keys:
        nodes = honest_nodes(trie, key)
        assert read(trie.root_hash, key, nodes) == items.get(key)
        for cut in range(len(nodes)):
            assert read(trie.root_hash, key, nodes[:cut]) == Refused("ProofTruncated")


def test_trie_gives_every_value_when_vector_is_a_secure_trie(read_in_solidity: Reader) -> None:
    vectors = load_json("trie/hex_encoded_securetrie_test.json")
    assert len(vectors) == 3
    for vector in vectors.values():
        items = {keccak256(key): value for key, value in final_items(vector["in"]).items()}
        keys = [*items, *map(keccak256, items)]
        read_all(read_in_solidity, items, keys, unhex(vector["root"]))


@pytest.mark.parametrize("file", ["trietest.json", "trieanyorder.json"])
def test_trie_gives_every_value_when_vector_is_made_secure(
    file: str, read_in_solidity: Reader
) -> None:
    """The contract reads keys of 32 bytes only, so these contents stand under their keys' hashes.

    Their published roots are of tries with shorter keys, which Python reads.
    """
    vectors = load_json(f"trie/{file}")
    for vector in vectors.values():
        items = {keccak256(key): value for key, value in final_items(vector["in"]).items()}
        read_all(read_in_solidity, items, [*items, *map(keccak256, items)], root=None)


def test_trie_shows_absence_when_key_lies_between_published_neighbours(
    read_in_solidity: Reader,
) -> None:
    vector = load_json("trie/trietestnextprev.json")["basic"]
    items = {keccak256(raw(key)): raw(key) for key in vector["in"]}
    read_all(read_in_solidity, items, [keccak256(raw(key)) for key, _, _ in vector["tests"]], None)


# -- accounts and storage -----------------------------------------------------------------------


def is_absent(proof: RecordedProof) -> bool:
    return verify_account(proof.state_root, proof.address, proof.account_nodes) is None


@pytest.mark.parametrize("name", RECORDED_PROOFS)
def test_state_proof_gives_the_recorded_values_when_read_on_chain(
    name: str, harness: Contract
) -> None:
    for proof in RECORDED_PROOFS[name]():
        arguments = (proof.state_root, proof.address, list(proof.account_nodes))
        if is_absent(proof):
            with reverts("AccountAbsent", "0x" + proof.address.hex()):
                harness.call("verifyAccount", *arguments)
        else:
            storage_root, code_hash = harness.call("verifyAccount", *arguments)
            assert proof.storage_root in (None, storage_root)
            assert proof.code_hash in (None, code_hash)
        for storage in proof.storage:
            root = account_of(proof).storage_root
            word = harness.call("verifyStorage", root, storage.slot, list(storage.nodes))
            assert word == storage.word


@pytest.mark.parametrize("name", RECORDED_PROOFS)
def test_state_proof_reverts_when_it_is_any_proper_prefix(name: str, harness: Contract) -> None:
    for proof in RECORDED_PROOFS[name]():
        for cut in range(len(proof.account_nodes)):
            with reverts("ProofTruncated", cut):
                prefix = list(proof.account_nodes[:cut])
                harness.call("verifyAccount", proof.state_root, proof.address, prefix)
        root = account_of(proof).storage_root
        for storage in proof.storage:
            for cut in range(len(storage.nodes)):
                with reverts("ProofTruncated", cut):
                    harness.call("verifyStorage", root, storage.slot, list(storage.nodes[:cut]))


def test_state_proof_reverts_when_portal_offered_an_inner_node(harness: Contract) -> None:
    whole, *parts = portal_offers()
    storage_root = account_of(whole).storage_root
    for part in parts:
        (storage,) = part.storage
        found, _ = harness.call(
            "verifyAccount", part.state_root, part.address, list(part.account_nodes)
        )
        assert found == storage_root
        with reverts("ProofTruncated"):
            harness.call("verifyStorage", storage_root, storage.slot, list(storage.nodes))


def test_state_proof_gives_unions_account_when_its_key_is_read_off_the_nodes(
    read_in_solidity: Reader,
) -> None:
    state_root, key, nodes, leaf = union_proof()
    assert read_in_solidity(state_root, key, nodes) == leaf
    for cut in range(len(nodes)):
        assert read_in_solidity(state_root, key, nodes[:cut]) == Refused("ProofTruncated")


# -- headers ------------------------------------------------------------------------------------


def assert_same_header(harness: Contract, encoded: bytes) -> int:
    """Compare what both languages read; return the number of fields."""
    header = decode_header(encoded)
    assert harness.call("readHeader", encoded) == (
        header.block_hash,
        header.state_root,
        header.height,
        header.timestamp,
    )
    item = decode_item(encoded)
    assert isinstance(item, list)
    return len(item)


def test_header_has_its_hash_and_fields_when_recorded(harness: Contract) -> None:
    counts = set()
    for block in recorded_blocks():
        encoded = encode_header(block)
        assert keccak256(encoded) == unhex(block["hash"])
        counts.add(assert_same_header(harness, encoded))
    for entry in load_json("block-headers/mainnet-headers-by-fork.json"):
        encoded = unhex(entry["rlp"])
        assert keccak256(encoded) == unhex(entry["hash"])
        counts.add(assert_same_header(harness, encoded))
    assert counts == {15, 16, 17, 20, 21}


@pytest.mark.parametrize("fields", range(15, 24))
def test_header_is_read_when_it_has_the_fields_of_any_fork(fields: int, harness: Contract) -> None:
    assert assert_same_header(harness, encode_header(block_of(fields))) == fields


@pytest.mark.parametrize(
    ("fields", "error"), [(14, "HeaderFieldCount"), (32, None), (33, "HeaderFieldCount")]
)
def test_header_reverts_when_it_has_too_few_or_too_many_fields(
    fields: int, error: str | None, harness: Contract
) -> None:
    items = rlp.decode(encode_header(block_of(23)))
    encoded = rlp.encode([*items, *[b""] * 9, b""][:fields])
    if error is None:
        assert assert_same_header(harness, encoded) == fields
        return
    with reverts(error, fields):
        harness.call("readHeader", encoded)
    with pytest.raises(ProofInvalid):
        decode_header(encoded)


@pytest.mark.parametrize("index", [3, 8, 11])
def test_header_reverts_when_a_field_that_is_read_has_another_form(
    index: int, harness: Contract
) -> None:
    for wrong in (b"", b"\x00", b"\x00" * 31, b"\x01" * 33, [b"\x01"]):
        if index != 3 and wrong == b"":
            continue  # zero
        items = rlp.decode(encode_header(block_of(20)))
        items[index] = wrong
        encoded = rlp.encode(items)
        with reverts("InvalidRlp"):
            harness.call("readHeader", encoded)
        with pytest.raises(ProofInvalid):
            decode_header(encoded)
