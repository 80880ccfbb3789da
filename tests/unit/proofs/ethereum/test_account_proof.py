"""``eth_getProof`` answers: what they prove, and answers that say other than they prove."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from clearinghouse.book.identifiers import ZERO_HASH
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.ethereum.account_proof import verify_account_proof
from clearinghouse.proofs.header import verify_block
from clearinghouse.proofs.trie import EMPTY_ROOT
from tests.unit.proofs.recordings import io_results, load_json

WETH = "eth-getproof/mainnet-prague-weth"
ABSENT = {
    "address": "0x" + "11" * 20,
    "accountProof": ["0x80"],
    "balance": "0x0",
    "nonce": "0x0",
    "codeHash": "0x" + keccak256(b"").hex(),
    "storageHash": "0x" + EMPTY_ROOT.hex(),
    "storageProof": [{"key": "0x0", "value": "0x0", "proof": []}],
}


def weth() -> tuple[bytes, dict[str, Any]]:
    header, _ = verify_block(load_json(f"{WETH}/block_header.json"))
    found: dict[str, Any] = load_json(f"{WETH}/eth_getProof.json")
    return header.state_root, copy.deepcopy(found)


def reason_of(state_root: bytes, result: object) -> str:
    with pytest.raises(ProofInvalid) as refusal:
        verify_account_proof(state_root, result)  # type: ignore[arg-type]
    return refusal.value.reason


def test_verify_account_proof_reads_what_a_mainnet_contract_holds() -> None:
    state_root, result = weth()
    proven = verify_account_proof(state_root, result)  # type: ignore[arg-type]
    assert proven.account is not None
    assert proven.account.balance == int(result["balance"], 16)
    assert [slot.word for slot in proven.slots] == [
        int(entry["value"], 16) for entry in result["storageProof"]
    ]


def test_verify_account_proof_reads_recorded_results_of_clients() -> None:
    folder = "eth-getproof/execution-apis-devnet"
    header, _ = verify_block(io_results(f"{folder}/get-latest-block.io")[0])
    results = [
        (header.state_root, result)
        for name in ("default-block", "latest", "with-storage")
        for result in io_results(f"{folder}/get-account-proof-{name}.io")
    ]
    for name in ("lodestar-mainnet/eth_call", "lodestar-sepolia/eth_getCode"):
        recording = load_json(f"eth-getproof/{name}.json")
        block, _ = verify_block(recording["block"])
        results += [(block.state_root, entry["result"]) for entry in recording["proofs"]]
    for state_root, result in results:
        proven = verify_account_proof(state_root, result)
        assert len(proven.slots) == len(result["storageProof"])
    assert len(results) == 6


def test_verify_account_proof_proves_absence_when_the_state_is_empty() -> None:
    proven = verify_account_proof(EMPTY_ROOT, ABSENT)
    assert proven.account is None
    assert [slot.word for slot in proven.slots] == [0]
    # Clients disagree about the hashes of what does not exist.
    zeros = {"codeHash": "0x" + "00" * 32, "storageHash": "0x" + ZERO_HASH.hex()}
    assert verify_account_proof(EMPTY_ROOT, {**ABSENT, **zeros}) == proven


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"balance": "0x1"}, "claim_mismatch"),
        ({"nonce": "0x1"}, "claim_mismatch"),
        ({"storageProof": [{"key": "0x0", "value": "0x1", "proof": []}]}, "claim_mismatch"),
        ({"storageProof": [{"key": "0x0", "value": "0x0", "proof": ["0xc0"]}]}, "proof_extended"),
        ({"accountProof": ["0x80", "0x80"]}, "proof_extended"),
        ({"address": "0x11"}, "json_malformed"),
        ({"accountProof": "0x80"}, "json_malformed"),
        ({"accountProof": [5]}, "json_malformed"),
        ({"accountProof": ["80"]}, "json_malformed"),
        ({"balance": 0}, "json_malformed"),
        ({"balance": "0x"}, "json_malformed"),
        ({"balance": "0x" + "0" * 65}, "json_malformed"),
        ({"storageProof": None}, "json_malformed"),
        ({"storageProof": [None]}, "json_malformed"),
        ({"storageProof": [{"key": "0x0", "value": "0x0"}]}, "json_malformed"),
    ],
)
def test_verify_account_proof_refuses_when_a_part_is_changed(
    changes: dict[str, Any], reason: str
) -> None:
    assert reason_of(EMPTY_ROOT, {**ABSENT, **changes}) == reason


@pytest.mark.parametrize("name", sorted(ABSENT.keys() - {"storageProof"}))
def test_verify_account_proof_refuses_when_a_field_is_missing(name: str) -> None:
    state_root, result = weth()
    del result[name]
    assert reason_of(state_root, result) == "json_malformed"


@pytest.mark.parametrize("name", ["balance", "nonce", "codeHash", "storageHash"])
def test_verify_account_proof_refuses_when_a_claim_is_not_what_is_proven(name: str) -> None:
    state_root, result = weth()
    result[name] = hex(int(result[name], 16) + 1)
    assert reason_of(state_root, result) == "claim_mismatch"


def test_verify_account_proof_refuses_when_a_claimed_word_is_not_what_is_proven() -> None:
    state_root, result = weth()
    result["storageProof"][0]["value"] = "0x0"
    assert reason_of(state_root, result) == "claim_mismatch"


def test_verify_account_proof_refuses_when_the_proof_is_of_another_account_or_state() -> None:
    state_root, result = weth()
    assert reason_of(EMPTY_ROOT, result) == "proof_extended"
    assert reason_of(keccak256(b"another state"), result) == "node_hash_mismatch"
    other = {**result, "address": "0x" + "22" * 20}
    assert reason_of(state_root, other) in ("proof_extended", "node_hash_mismatch")
    slot = copy.deepcopy(result)
    slot["storageProof"][0]["key"] = "0x1"
    assert reason_of(state_root, slot) in ("proof_extended", "node_hash_mismatch")


def test_verify_account_proof_never_calls_a_prefix_absence() -> None:
    state_root, result = weth()
    nodes = result["accountProof"]
    for count in range(len(nodes)):
        assert reason_of(state_root, {**result, "accountProof": nodes[:count]}) == "proof_truncated"
