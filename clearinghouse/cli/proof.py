"""``clearinghouse proof``: verify what a node or a relayer gave, trusting neither.

Exit codes: 0 it is proven, 1 it is not (the reason is printed), 2 a file or an option is unusable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from clearinghouse.book.identifiers import Hash32, to_hex
from clearinghouse.cli.errors import reported
from clearinghouse.clock import SystemClock
from clearinghouse.errors import ProofInvalid, Rejected
from clearinghouse.proofs.ethereum import beacon_json, beacon_ssz
from clearinghouse.proofs.ethereum.account_proof import ProvenAccount, verify_account_proof
from clearinghouse.proofs.ethereum.containers import LightClientUpdate
from clearinghouse.proofs.ethereum.execution import to_verified_header, verify_execution
from clearinghouse.proofs.ethereum.forks import Network
from clearinghouse.proofs.ethereum.json_values import decode_hash, mapping_of, parse_json
from clearinghouse.proofs.ethereum.network_json import decode_network
from clearinghouse.proofs.ethereum.networks import NETWORKS
from clearinghouse.proofs.ethereum.signing import verify_committee_size
from clearinghouse.proofs.ethereum.store import LightClientStore, verify_bootstrap
from clearinghouse.proofs.ethereum.updates import apply_update, verify_update
from clearinghouse.proofs.header import Header, verify_block
from devnets.demo.light_client_in_evm import verify_in_evm

app = typer.Typer(
    help="Verify proofs that a node or a relayer gave, trusting neither.", no_args_is_help=True
)

WEAK_SUBJECTIVITY_SECONDS = 14 * 86_400
"""A start older than this could be one that validators left long ago made up."""

_SAID_CHARACTERS_MAX = 300
"""Of a node's error, which may hold anything."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def verify(
    header: Annotated[Path, typer.Option(help="An eth_getBlock result.")],
    proof: Annotated[Path, typer.Option(help="An eth_getProof result (EIP-1186).")],
    as_json: AsJson = False,
) -> None:
    """Print what an account and its slots hold, or that they are absent, if it is proven.

    The block's hash is recomputed from its fields. That the block is the chain's is for a light
    client to say: compare the hash.
    """
    with reported(), _judged(as_json):
        block, result = _read_result(header), _read_result(proof)
        with _located(header):
            found, _ = verify_block(mapping_of(block, "header"))
        with _located(proof):
            proven = verify_account_proof(found.state_root, result)
        _print(_shown_account(found, proven), as_json)


@app.command("light-client")
def light_client(
    updates: Annotated[
        list[Path],
        typer.Option(help="Updates in their order, as Beacon-API JSON or as .ssz; repeatable."),
    ],
    network: Annotated[
        str,
        typer.Option(
            help=f"{', '.join(NETWORKS)}, or a file with the node's config/spec and genesis."
        ),
    ] = "mainnet",
    bootstrap: Annotated[
        Path | None, typer.Option(help="Start at this bootstrap, as Beacon-API JSON or as .ssz.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Start at what --save wrote.")] = None,
    trusted_root: Annotated[
        str | None, typer.Option(help="Block root that the bootstrap must be of; else its own.")
    ] = None,
    slot: Annotated[
        int | None, typer.Option(min=0, help="The current slot; by the clock without it.")
    ] = None,
    header: Annotated[
        Path | None,
        typer.Option(help="eth_getBlock result of the last block; needed from Gloas on."),
    ] = None,
    in_evm: Annotated[
        bool,
        typer.Option("--in-evm", help="Have the contract verify it too, on an anvil of its own."),
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="Write what the client then holds to this new file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow a chain's sync committees and print the finalised header where the updates end.

    The start is trusted: compare the root that is printed with a source of your own.
    """
    if (bootstrap is None) == (store is None):
        raise typer.BadParameter("give --bootstrap or --store, and not both")
    with reported(), _judged(as_json):
        chain = _load_network(network)
        now = slot if slot is not None else chain.slot_at(SystemClock().now_milliseconds() // 1000)
        if bootstrap is not None:
            held = _load_bootstrap(chain, bootstrap, trusted_root)
        else:
            held = _load_store(chain, store)
        begun, start = held, held.finalized_header.beacon
        _warn_if_old(chain, start.slot, now)
        brought = [(path, one) for path in updates for one in _load_updates(chain, path)]
        for path, update in brought:
            with _located(path):
                verify_update(chain, held, update, now)
            held = apply_update(chain, held, update)
        execution_header = None if header is None else _load_header_rlp(header)
        shown = _shown_store(chain, held, execution_header)
        shown = {"network": chain.name, "trusted_root": to_hex(start.root()), **shown}
        shown["updates"] = len(brought)
        if in_evm:
            ordered = [update for _, update in brought]
            shown["evm"] = _shown_in_evm(chain, begun, ordered, now, execution_header or b"")
        if save is not None:
            _write_new(save, json.dumps(beacon_json.encode_store(held)))
        _print(shown, as_json)


@contextmanager
def _judged(as_json: bool) -> Iterator[None]:
    """Turn a refused proof into its reason and exit code 1."""
    try:
        yield
    except ProofInvalid as refusal:
        if as_json:
            shown = {"valid": False, "reason": refusal.reason, "message": refusal.message}
            typer.echo(json.dumps(shown))
        else:
            typer.echo(f"invalid: {refusal}", err=True)
        raise typer.Exit(1) from refusal


@contextmanager
def _located(path: Path) -> Iterator[None]:
    """Say in which file that stands which is refused."""
    try:
        yield
    except ProofInvalid as refusal:
        raise ProofInvalid(
            refusal.reason, f"{path}: {refusal.message}", **refusal.attributes
        ) from refusal


def _load_network(name: str) -> Network:
    if name in NETWORKS:
        return NETWORKS[name]
    document = _read_json(Path(name))
    try:
        return decode_network(document)
    except ProofInvalid as error:
        raise Rejected("network_invalid", f"{name}: {error.message}") from error


def _load_bootstrap(network: Network, path: Path, trusted_root: str | None) -> LightClientStore:
    found = (
        beacon_ssz.decode_bootstrap(network, _read(path))
        if path.suffix == ".ssz"
        else beacon_json.decode_bootstrap(_read_json(path))
    )
    if trusted_root is None:
        return verify_bootstrap(network, found.header.beacon.root(), found)
    try:
        root = decode_hash(trusted_root, "--trusted-root")
    except ProofInvalid as error:
        raise Rejected("root_malformed", error.message) from error
    return verify_bootstrap(network, root, found)


def _load_store(network: Network, path: Path | None) -> LightClientStore:
    """Read a store; it is trusted, yet must at least be consistent."""
    found = beacon_json.decode_store(_read_json(path or Path()))
    verify_execution(network, found.finalized_header)
    for committee in (found.current_sync_committee, found.next_sync_committee):
        if committee is not None:
            verify_committee_size(network, committee)
    return found


def _load_updates(network: Network, path: Path) -> tuple[LightClientUpdate, ...]:
    with _located(path):
        if path.suffix == ".ssz":
            return (beacon_ssz.decode_update(network, _read(path)),)
        return beacon_json.decode_updates(_read_json(path))


def _load_header_rlp(path: Path) -> bytes:
    block = _read_result(path)
    with _located(path):
        return verify_block(mapping_of(block, "header"))[1]


def _warn_if_old(network: Network, start_slot: int, now: int) -> None:
    age_seconds = (now - start_slot) * network.seconds_per_slot
    if age_seconds > WEAK_SUBJECTIVITY_SECONDS:
        typer.echo(
            f"note: the start is {age_seconds // 86_400} days old; make sure of its root, for "
            "validators who have left since risk nothing by signing another history",
            err=True,
        )


def _shown_account(header: Header, proven: ProvenAccount) -> dict[str, Any]:
    account = proven.account
    return {
        "valid": True,
        "height": header.height,
        "block_hash": to_hex(header.block_hash),
        "state_root": to_hex(header.state_root),
        "timestamp": header.timestamp,
        "address": to_hex(proven.address),
        "account": account
        and {
            "nonce": account.nonce,
            "balance": str(account.balance),
            "storage_root": to_hex(account.storage_root),
            "code_hash": to_hex(account.code_hash),
        },
        "storage": {
            to_hex(slot.key): to_hex(slot.word.to_bytes(32)) if slot.word else None
            for slot in proven.slots
        },
    }


def _shown_store(
    network: Network, store: LightClientStore, execution_header_rlp: bytes | None
) -> dict[str, Any]:
    beacon = store.finalized_header.beacon
    shown: dict[str, Any] = {
        "valid": True,
        "slot": beacon.slot,
        "beacon_root": to_hex(beacon.root()),
        "chain_id": network.chain_id,
    }
    execution = store.finalized_header.execution
    if isinstance(execution, bytes) and execution_header_rlp is None:
        shown["block_hash"] = to_hex(Hash32(execution))
    elif execution is not None:
        verified = to_verified_header(network, store.finalized_header, execution_header_rlp)
        shown |= {
            "height": verified.height,
            "block_hash": to_hex(verified.block_hash),
            "state_root": to_hex(verified.state_root),
            "timestamp": verified.timestamp,
        }
    return {**shown, "knows_next_committee": store.next_sync_committee is not None}


def _shown_in_evm(
    network: Network,
    begun: LightClientStore,
    updates: Sequence[LightClientUpdate],
    now: int,
    execution_header: bytes,
) -> dict[str, Any]:
    """Have the contract verify the same updates; return what it holds then and what they cost."""
    with TemporaryDirectory(prefix="clearinghouse-") as directory:
        verdict = verify_in_evm(
            network, begun, updates, now, Path(directory), execution_header=execution_header
        )
    return {
        "finalized_slot": verdict.finalized_slot,
        "height": verdict.height,
        "signers": [update.participants for update in verdict.updates],
        "gas": [update.gas for update in verdict.updates],
    }


def _print(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(shown))
        return
    for name, value in shown.items():
        if isinstance(value, dict):
            for key, inner in value.items():
                label = key if key.startswith("0x") else key.replace("_", " ")
                typer.echo(f"{name} {label} {'absent' if inner is None else inner}")
        else:
            typer.echo(f"{name.replace('_', ' '):20} {'absent' if value is None else value}")


def _read_result(path: Path) -> object:
    """Return the result of a JSON-RPC response, or what stands in the file bare.

    Raises
    ------
    ProofInvalid
        ``answer_without_result`` when the response holds the node's error, or nothing.
    """
    document = _read_json(path)
    if not isinstance(document, dict) or "jsonrpc" not in document:
        return document
    if document.get("result") is None:
        said = json.dumps(document["error"]) if "error" in document else "null: no such block"
        raise ProofInvalid(
            "answer_without_result",
            f"{path}: the node answered {said[:_SAID_CHARACTERS_MAX]}; ask it again, or another",
        )
    return document["result"]


def _read_json(path: Path) -> object:
    try:
        return parse_json(_read(path))
    except ValueError as error:
        raise Rejected("file_unreadable", f"{path} is no JSON: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected("file_unreadable", f"{path}: {error.strerror}") from error


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x") as file:
            file.write(text)
    except OSError as error:
        raise Rejected("file_unwritable", f"{path}: {error.strerror}") from error
