"""Answers that are not what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.evm.connection import Connection
from adapters.evm.events import read_anchor_events
from adapters.evm.reader import Reader
from adapters.simulated.network import HOME, SimulatedNetwork
from clearinghouse.book.identifiers import ZERO_HASH, Address, Hash32, to_hex
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ClearingError, ProofInvalid, Unavailable
from clearinghouse.proofs.rlp import decode_list

HEADER_FIELDS = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
    *("logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"),
    *("mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"),
    *("parentBeaconBlockRoot", "requestsHash"),
)
ANCHOR, STRANGER = Address(b"\x01" * 20), Address(b"\x02" * 20)


class _Canned:
    """Gives one answer to everything."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def make_request(self, method: str, params: Any) -> dict[str, Any]:
        return {"result": self._result}


def reader(result: Any) -> Reader:
    return Reader(Connection(_Canned(result), "canned"))


def block() -> dict[str, str]:
    """Return a simulated chain's genesis as a node would."""
    header = SimulatedNetwork(1).chains[HOME].newest
    _, encoded = SimulatedNetwork(1).chains[HOME].get_header_by_hash(header.block_hash)
    numbers = {
        *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"),
        *("blobGasUsed", "excessBlobGas"),
    }
    items = decode_list(encoded)
    fields = {
        name: hex(int.from_bytes(item)) if name in numbers else to_hex(item)
        for name, item in zip(HEADER_FIELDS, items, strict=True)
        if isinstance(item, bytes)
    }
    return {**fields, "hash": to_hex(header.block_hash)}


def reason_of(error: type[ClearingError], attempt: Any) -> str:
    with pytest.raises(error) as raised:
        attempt()
    return raised.value.reason


def test_header_is_read_when_it_hashes_to_its_name() -> None:
    answer = block()
    wanted = Hash32(bytes.fromhex(answer["hash"][2:]))
    header, encoded = reader(answer).get_header_by_hash(wanted)
    assert header.block_hash == wanted == keccak256(encoded)
    assert reader(answer).get_header_at(0) == (header, encoded)
    assert reader(answer).get_finalised_header() == (header, encoded)


def test_header_is_refused_when_it_is_another_or_altered() -> None:
    other = Hash32(b"\x09" * 32)
    assert (
        reason_of(ProofInvalid, lambda: reader(block()).get_header_by_hash(other))
        == "header_hash_mismatch"
    )
    altered = {**block(), "timestamp": "0x1"}
    assert reason_of(ProofInvalid, lambda: reader(altered).get_header_at(0)) == (
        "header_hash_mismatch"
    )


def test_proof_of_an_empty_trie_has_no_node_when_the_client_gives_its_empty_one() -> None:
    """The contracts take the one form only, so a relayer must not pass the other on."""
    answer = {"accountProof": ["0x80"], "storageProof": [{"proof": ["0x80"]}, {"proof": []}]}
    found = reader(answer).get_proof(ANCHOR, [ZERO_HASH, ZERO_HASH], 1)
    assert found.account_nodes == ()
    assert found.storage_nodes == ((), ())


def test_block_is_unknown_when_the_node_returns_null() -> None:
    assert reason_of(Unavailable, lambda: reader(None).get_header_at(9)) == "block_unknown"
    assert reason_of(Unavailable, reader(None).newest_timestamp) == "block_unknown"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "0x",
        {},
        {"accountProof": [], "storageProof": [{}]},
        {"accountProof": ["0xzz"], "storageProof": [{"proof": []}]},
        {"accountProof": ["0x00"], "storageProof": []},
        {"accountProof": ["0x00"], "storageProof": [{"proof": []}, {"proof": []}]},
        {"accountProof": [7], "storageProof": [{"proof": []}]},
    ],
)
def test_proof_is_refused_when_its_shape_is_wrong(answer: Any) -> None:
    attempt = lambda: reader(answer).get_proof(ANCHOR, [Hash32(bytes(32))], 5)  # noqa: E731
    assert reason_of(ProofInvalid, attempt) == "answer_malformed"


@pytest.mark.parametrize("answer", [None, "five", {}, "0x"])
def test_number_is_refused_when_it_is_none(answer: Any) -> None:
    assert reason_of(ProofInvalid, reader(answer).height) == "answer_malformed"


def test_events_are_left_out_when_another_contract_emitted_them_or_nobody_declares_them() -> None:
    def log(emitter: Address, signature: bytes) -> dict[str, Any]:
        return {
            "address": to_hex(emitter),
            "topics": [to_hex(keccak256(signature)), "0x" + "05" * 32],
            "data": "0x",
            "blockNumber": "0x3",
            "transactionHash": "0x" + "06" * 32,
        }

    aborted = b"Aborted(bytes32)"
    answer = [log(ANCHOR, aborted), log(STRANGER, aborted), log(ANCHOR, b"Unknown(bytes32)")]
    (event,) = read_anchor_events(reader(answer), ANCHOR, 0, 9)
    assert (event.name, event.height) == ("Aborted", 3)
    assert event.arguments == {"settlementId": b"\x05" * 32}
