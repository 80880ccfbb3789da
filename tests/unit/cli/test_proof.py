"""``proof verify`` and ``proof light-client``: what they print, and with which code they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from clearinghouse.book.identifiers import to_hex
from clearinghouse.cli.proof import app
from clearinghouse.commitment.keccak import keccak256
from clearinghouse.proofs.ethereum.beacon_json import (
    encode_header,
    encode_store,
    encode_sync_committee,
    encode_update,
)
from clearinghouse.proofs.ethereum.containers import LightClientBootstrap, LightClientUpdate
from clearinghouse.proofs.ethereum.forks import Fork
from clearinghouse.proofs.header import encode_header as encode_block
from clearinghouse.proofs.trie import EMPTY_ROOT
from tests.recorded import recorded_path
from tests.unit.proofs.ethereum.chain import (
    FIRST_SLOT,
    NETWORK,
    bootstrap_at,
    header_at,
    sign_header,
    state_at,
    store_at,
    update_at,
)
from tests.unit.proofs.ethereum.test_account_proof import ABSENT
from tests.unit.proofs.ethereum.test_network_json import document_of
from tests.unit.proofs.test_header import block_of

WETH = "vectors/eth-getproof/mainnet-prague-weth"
BEACON = "vectors/beacon-light-client"
SLOT = FIRST_SLOT[Fork.FULU] + 2


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def printed(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def bootstrap_json(bootstrap: LightClientBootstrap) -> dict[str, Any]:
    return {
        "header": encode_header(bootstrap.header),
        "current_sync_committee": encode_sync_committee(bootstrap.current_sync_committee),
        "current_sync_committee_branch": list(map(to_hex, bootstrap.current_sync_committee_branch)),
    }


@pytest.fixture
def devnet(tmp_path: Path) -> list[object]:
    """The options that name a network and a start of the tests' own chain."""
    network = write(tmp_path / "network.json", document_of(NETWORK))
    start = write(tmp_path / "bootstrap.json", bootstrap_json(bootstrap_at(SLOT)))
    return ["light-client", "--network", network, "--bootstrap", start, "--slot", 10_000]


def update_file(tmp_path: Path, update: LightClientUpdate, name: str = "update.json") -> Path:
    return write(tmp_path / name, {"version": "fulu", "data": encode_update(update)})


# -- verify -------------------------------------------------------------------------------------


def test_proof_verify_prints_what_a_mainnet_contract_holds() -> None:
    header, proof = (
        recorded_path(f"{WETH}/{name}.json") for name in ("block_header", "eth_getProof")
    )
    shown = printed("verify", "--header", header, "--proof", proof)
    assert shown["valid"] is True
    assert shown["height"] == 23_223_655
    assert shown["account"]["nonce"] == 1
    ((key, word),) = shown["storage"].items()
    claimed = json.loads(proof.read_text())["storageProof"][0]
    assert (int(key, 16), int(word, 16)) == (int(claimed["key"], 16), int(claimed["value"], 16))
    text = run("verify", "--header", header, "--proof", proof)
    assert text.exit_code == 0
    assert f"storage {key} {word}" in text.stdout
    assert shown["block_hash"] in text.stdout


def test_proof_verify_prints_absence_and_reads_json_rpc_responses(tmp_path: Path) -> None:
    block = block_of(21)
    block["stateRoot"] = to_hex(EMPTY_ROOT)
    block["hash"] = to_hex(keccak256(encode_block(block)))
    wrap = {"jsonrpc": "2.0", "id": 1}
    header = write(tmp_path / "header.json", {**wrap, "result": block})
    proof = write(tmp_path / "proof.json", {**wrap, "result": ABSENT})
    shown = printed("verify", "--header", header, "--proof", proof)
    assert shown["account"] is None
    assert list(shown["storage"].values()) == [None]
    text = run("verify", "--header", header, "--proof", proof).stdout
    assert text.count("absent") == 2


def test_proof_verify_ends_with_1_and_the_reason_when_it_is_not_proven(tmp_path: Path) -> None:
    header = recorded_path(f"{WETH}/block_header.json")
    proof = json.loads(recorded_path(f"{WETH}/eth_getProof.json").read_text())
    cut = write(tmp_path / "cut.json", {**proof, "accountProof": proof["accountProof"][:-1]})
    refused = printed("verify", "--header", header, "--proof", cut, code=1)
    assert refused["valid"] is False
    assert refused["reason"] == "proof_truncated"
    claim = write(tmp_path / "claim.json", {**proof, "balance": "0x1"})
    assert printed("verify", "--header", header, "--proof", claim, code=1)["reason"] == (
        "claim_mismatch"
    )
    block = {**json.loads(header.read_text()), "stateRoot": "0x" + "00" * 32}
    forged = write(tmp_path / "forged.json", block)
    text = run("verify", "--header", forged, "--proof", cut)
    assert text.exit_code == 1
    assert "invalid: header_hash_mismatch" in text.stderr
    assert text.stdout == ""


def first_slot(result: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {**result, "storageProof": [{**result["storageProof"][0], **changes}]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda proof: {**proof, "accountProof": []}, "proof_truncated"),
        (lambda proof: {**proof, "accountProof": ["0x80"]}, "proof_truncated"),
        (
            lambda proof: {**proof, "accountProof": proof["accountProof"][::-1]},
            "node_hash_mismatch",
        ),
        (
            lambda proof: {**proof, "accountProof": [*proof["accountProof"], "0x80"]},
            "proof_extended",
        ),
        (lambda proof: {**proof, "address": "0x" + "11" * 20}, "node_hash_mismatch"),
        (lambda proof: {**proof, "accountProof": ["0x" + "00" * 1_000_000]}, "proof_too_large"),
        (lambda proof: {**proof, "accountProof": ["0xc0"] * 100_000}, "proof_too_large"),
        (lambda proof: {**proof, "codeHash": "0x" + "11" * 32}, "claim_mismatch"),
        (lambda proof: first_slot(proof, key="0x5"), "node_hash_mismatch"),
        (lambda proof: first_slot(proof, value="0x5"), "claim_mismatch"),
        (lambda proof: first_slot(proof, value="0x0", proof=[]), "proof_truncated"),
        (lambda proof: {**proof, "accountProof": ["0xzz"]}, "json_malformed"),
        (lambda proof: [proof], "json_malformed"),
        (lambda proof: {"jsonrpc": "2.0", "id": 1, "result": None}, "answer_without_result"),
        (
            lambda proof: {"jsonrpc": "2.0", "id": 1, "error": {"message": "missing trie node"}},
            "answer_without_result",
        ),
    ],
)
def test_proof_verify_names_the_file_and_the_reason_when_the_proof_is_refused(
    change: Any, reason: str, tmp_path: Path
) -> None:
    header = recorded_path(f"{WETH}/block_header.json")
    proof = json.loads(recorded_path(f"{WETH}/eth_getProof.json").read_text())
    refused = printed(
        *("verify", "--header", header),
        *("--proof", write(tmp_path / "altered.json", change(proof))),
        code=1,
    )
    assert refused["reason"] == reason
    assert "altered.json" in refused["message"]


@pytest.mark.parametrize(
    ("document", "reason", "said"),
    [
        ({"jsonrpc": "2.0", "id": 1, "result": None}, "answer_without_result", "no such block"),
        (
            {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "header not found"}},
            "answer_without_result",
            "header not found",
        ),
        ([], "json_malformed", "an object"),
        ({}, "header_field_missing", "parentHash"),
        ({**block_of(21), "hash": None}, "header_field_missing", "pending"),
        ({**block_of(21), "number": "0x1_0"}, "header_field_malformed", "number"),
        ({**block_of(21), "number": "0x9"}, "header_hash_mismatch", "block 9"),
        ({**block_of(21), "requestsHash": None, "slotNumber": "0x1"}, "header_gap", "requestsHash"),
    ],
)
def test_proof_verify_names_the_file_and_the_reason_when_the_header_is_refused(
    document: object, reason: str, said: str, tmp_path: Path
) -> None:
    header = write(tmp_path / "altered.json", document)
    proof = write(tmp_path / "proof.json", ABSENT)
    refused = printed("verify", "--header", header, "--proof", proof, code=1)
    assert refused["reason"] == reason
    assert said in refused["message"]
    assert "altered.json" in refused["message"]


def test_proof_verify_ends_with_2_when_a_file_is_unreadable(tmp_path: Path) -> None:
    good = write(tmp_path / "good.json", block_of(21))
    absent = tmp_path / "absent.json"
    no_json = tmp_path / "no.json"
    no_json.write_bytes(b"\xff{")
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000)
    for bad in (absent, tmp_path, no_json, deep):
        for files in ((bad, good), (good, bad)):
            result = run("verify", "--header", files[0], "--proof", files[1])
            assert result.exit_code == 2, result.output
            assert "file_unreadable" in result.stderr
    assert run("verify", "--header", good).exit_code == 2


# -- light-client -------------------------------------------------------------------------------


def test_proof_light_client_prints_where_six_mainnet_periods_end() -> None:
    folder = recorded_path(f"{BEACON}/mainnet-capella-helios")
    arguments = ["--bootstrap", folder / "bootstrap.json", "--updates", folder / "updates.json"]
    result = run("light-client", *arguments, "--updates", folder / "finality.json", "--json")
    assert result.exit_code == 0, result.output
    assert "days old" in result.stderr
    shown = json.loads(result.stdout)
    assert (shown["network"], shown["chain_id"], shown["updates"]) == ("mainnet", 1, 7)
    assert (shown["slot"], shown["height"]) == (7_109_344, 17_923_026)
    assert shown["timestamp"] == 1_606_824_023 + 12 * 7_109_344
    assert shown["knows_next_committee"] is True


@pytest.mark.parametrize(
    ("network", "start", "updates", "slot"),
    [
        (
            "mainnet",
            ("--store", "mainnet-fulu-sp1helios/store.json"),
            ["mainnet-fulu-sp1helios/update.json"],
            14_561_440,
        ),
        (
            "sepolia",
            ("--bootstrap", "sepolia-deneb-gear/sepolia-bootstrap-640.json"),
            ["sepolia-deneb-gear/sepolia-update-640.json"],
            5_242_880,
        ),
        (
            "holesky",
            ("--bootstrap", "holesky-deneb-gear/holesky-bootstrap-368.json"),
            [
                "holesky-deneb-gear/holesky-update-368.json",
                "holesky-deneb-gear/holesky-finality-update-3_016_736.json",
                "holesky-deneb-gear/holesky-finality-update-3_016_768.json",
            ],
            3_016_768,
        ),
    ],
    ids=["mainnet-fulu", "sepolia", "holesky"],
)
def test_proof_light_client_reads_the_recorded_shapes(
    network: str, start: tuple[str, str], updates: list[str], slot: int
) -> None:
    option, file = start
    arguments: list[object] = ["--network", network, option, recorded_path(f"{BEACON}/{file}")]
    for name in updates:
        arguments += ["--updates", recorded_path(f"{BEACON}/{name}")]
    assert printed("light-client", *arguments)["slot"] == slot


def test_proof_light_client_ends_with_1_when_the_recording_is_doctored() -> None:
    folder = recorded_path(f"{BEACON}/mainnet-capella-trin-DOCTORED")
    refused = printed(
        *("light-client", "--bootstrap", folder / "bootstrap.json"),
        *("--updates", folder / "finality.json"),
        code=1,
    )
    assert refused["reason"] == "execution_fields_unexpected"


def test_proof_light_client_reads_the_binary_form() -> None:
    """The recordings are of distant periods, so the committee between is missing."""
    folder = recorded_path(f"{BEACON}/nimbus-ssz")
    result = run(
        *("light-client", "--bootstrap", folder / "bootstrap.ssz"),
        *("--updates", folder / "finUpdate.ssz"),
    )
    assert result.exit_code == 1
    assert "committee_unknown" in result.stderr
    assert "finUpdate.ssz" in result.stderr


def test_proof_light_client_follows_a_network_of_its_own(
    devnet: list[object], tmp_path: Path
) -> None:
    first = update_file(tmp_path, update_at(SLOT + 20))
    second = update_file(tmp_path, update_at(SLOT + 24, with_committee=False), "second.json")
    shown = printed(*devnet, "--updates", first, "--updates", second)
    assert (shown["network"], shown["slot"]) == ("tests", SLOT + 8)
    assert shown["trusted_root"] == to_hex(bootstrap_at(SLOT).header.beacon.root())


def test_proof_light_client_continues_from_what_it_saved(
    devnet: list[object], tmp_path: Path
) -> None:
    saved = tmp_path / "store.json"
    first = update_file(tmp_path, update_at(SLOT + 20))
    shown = printed(*devnet, "--updates", first, "--save", saved)
    second = update_file(tmp_path, update_at(SLOT + 24), "second.json")
    onwards = [*devnet[:3], "--store", saved, "--slot", 10_000, "--updates", second]
    continued = printed(*onwards)
    assert continued["trusted_root"] == shown["beacon_root"]
    assert continued["slot"] == SLOT + 8
    again = run(*onwards, "--save", saved)
    assert again.exit_code == 2
    assert "file_unwritable" in again.stderr


def test_proof_light_client_refuses_when_the_trusted_root_is_another(
    devnet: list[object], tmp_path: Path
) -> None:
    updates = ["--updates", update_file(tmp_path, update_at(SLOT + 20))]
    root = to_hex(bootstrap_at(SLOT).header.beacon.root())
    assert printed(*devnet, *updates, "--trusted-root", root)["valid"] is True
    other = "0x" + "11" * 32
    refused = printed(*devnet, *updates, "--trusted-root", other, code=1)
    assert refused["reason"] == "trusted_root_mismatch"
    assert run(*devnet, *updates, "--trusted-root", "0x11").exit_code == 2


def test_proof_light_client_refuses_when_the_update_is_signed_after_the_slot(
    devnet: list[object], tmp_path: Path
) -> None:
    update = update_at(SLOT + 20)
    early = [*devnet[:-1], update.signature_slot - 1]
    refused = printed(*early, "--updates", update_file(tmp_path, update), code=1)
    assert refused["reason"] == "signature_slot_in_future"
    assert "update.json" in refused["message"]


def test_proof_light_client_refuses_when_a_store_is_inconsistent(
    devnet: list[object], tmp_path: Path
) -> None:
    document: Any = json.loads(json.dumps(encode_store(store_at(SLOT))))
    document["trusted_finalized_header"]["execution"]["state_root"] = "0x" + "11" * 32
    store = write(tmp_path / "store.json", document)
    arguments = [*devnet[:3], "--store", store, "--slot", 10_000]
    update = update_file(tmp_path, update_at(SLOT + 20))
    refused = printed(*arguments, "--updates", update, code=1)
    assert refused["reason"] == "execution_branch_invalid"


def test_proof_light_client_opens_a_gloas_block_when_its_header_is_given(tmp_path: Path) -> None:
    """From Gloas on only the execution block's hash is proven; the header is brought beside it."""
    block = {**block_of(21)}
    block["hash"] = to_hex(keccak256(encode_block(block)))
    slot = FIRST_SLOT[Fork.GLOAS] + 2
    finalized = header_at(slot + 4, block_hash=keccak256(encode_block(block)))
    state = state_at(slot + 20, finalized)
    attested = header_at(slot + 20, state)
    update = LightClientUpdate(
        attested_header=attested,
        sync_aggregate=sign_header(NETWORK, attested.beacon, slot + 21),
        signature_slot=slot + 21,
        finalized_header=finalized,
        finality_branch=state.branch(NETWORK.rules_at(slot).finalized_root),
    )
    arguments = [
        *("light-client", "--network", write(tmp_path / "network.json", document_of(NETWORK))),
        *("--store", write(tmp_path / "store.json", encode_store(store_at(slot)))),
        *("--updates", update_file(tmp_path, update), "--slot", 10_000),
    ]
    bare = printed(*arguments)
    assert bare["block_hash"] == block["hash"]
    assert "state_root" not in bare
    opened = printed(*arguments, "--header", write(tmp_path / "block.json", block))
    assert opened["block_hash"] == block["hash"]
    assert opened["state_root"] == block["stateRoot"]
    other = {**block, "number": "0x999"}
    other["hash"] = to_hex(keccak256(encode_block(other)))
    refused = printed(*arguments, "--header", write(tmp_path / "other.json", other), code=1)
    assert refused["reason"] == "header_hash_mismatch"


def test_proof_light_client_ends_with_2_when_options_are_unusable(
    devnet: list[object], tmp_path: Path
) -> None:
    update = update_file(tmp_path, update_at(SLOT + 20))
    assert run(*devnet).exit_code == 2
    assert run("light-client", "--updates", update).exit_code == 2
    assert run(*devnet, "--store", update, "--updates", update).exit_code == 2
    unknown = run("light-client", "--network", "nowhere", "--store", update, "--updates", update)
    assert unknown.exit_code == 2
    assert "file_unreadable" in unknown.stderr
    no_network = run("light-client", "--network", update, "--store", update, "--updates", update)
    assert no_network.exit_code == 2
    assert "network_invalid" in no_network.stderr
    assert run(*devnet, "--updates", tmp_path / "absent.json").exit_code == 2
