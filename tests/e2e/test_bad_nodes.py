"""Nodes that lie and chains that change their minds: nothing is credited that is not proven final.

The clearinghouse under test is whole and runs against real anvils; only what one node answers, or
what its committee signs, is doctored.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.base import TransactionOutcome
from adapters.committee.attester import sign_attestation
from adapters.committee.source import DirectoryAttestations, publish_attestation
from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import NodeRefused, connect
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import ChainId, to_hex
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import Conflict, Unavailable
from clearinghouse.proofs.anchor_layout import deposit_slots
from clearinghouse.proofs.committee import Attestation, Committee
from clearinghouse.store.journal import open_journal
from devnets.deployment import adapters_of
from devnets.harness import Devnet
from tests.builders import ALICE, BOB, CAROL
from tests.e2e.clearing import (
    HOME,
    OTHER,
    SPOKE,
    USDC,
    Desk,
    Trade,
    credited_deposits,
    cut,
    patient_configuration,
    submit,
    until,
    until_phase,
)
from tests.e2e.crashing_server import JOURNAL_NAME
from tests.e2e.servers import LocalServer

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad nodes")]

ENOUGH_LIES = 5
"""Lies that were told, and so heard and refused, before a test believes that none is credited."""
FROZEN = 1


class DoctoredNode:
    """A node of the spoke that tells the truth until ``lying`` is set; a proxy before the real one.

    By itself it invents a deposit: it counts one too many, and proves what lies in storage.
    """

    def __init__(self, url: str) -> None:
        self._honest = connect(url)
        self.lying = False
        self.told = 0
        """Doctored proofs so far."""
        self._count_selector = to_hex(load_artifact("Anchor").encode_call("depositCount", 0)[:4])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Relaying, self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._honest.close()

    def answer(self, method: str, parameters: list[Any]) -> Any:
        """Return the result of a request, doctored or not."""
        if self.lying and method == "eth_getProof":
            self.told += 1
            return self.prove(*parameters)
        if self.lying and method == "eth_call":
            call, height = parameters
            if call["data"].startswith(self._count_selector):
                return self.count(call, height)
        return self.ask(method, *parameters)

    def ask(self, method: str, *parameters: object) -> Any:
        """Return what the real node says."""
        return self._honest.request(method, parameters)

    def count(self, call: dict[str, str], height: str) -> str:
        return to_hex((int(self.ask("eth_call", call, height), 16) + 1).to_bytes(32))

    def prove(self, account: str, slots: list[str], height: str) -> Any:
        return self.ask("eth_getProof", account, slots, height)


class _Relaying(BaseHTTPRequestHandler):
    """Hands JSON-RPC requests to a ``DoctoredNode``."""

    protocol_version = "HTTP/1.1"

    def __init__(self, node: DoctoredNode, *arguments: Any) -> None:
        self._node = node
        super().__init__(*arguments)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer["result"] = self._node.answer(request["method"], request["params"])
        except NodeRefused as refusal:
            answer["error"] = {
                "code": refusal.attributes["code"],
                "message": refusal.said,
                "data": refusal.data,
            }
        body = json.dumps(answer).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class CopyingNode(DoctoredNode):
    """Proves a deposit that does not exist by the slots of one that does."""

    def prove(self, account: str, slots: list[str], height: str) -> Any:
        invented, existing = deposit_slots(USDC, 1), deposit_slots(USDC, 0)
        copies = {to_hex(i): to_hex(e) for i, e in zip(invented, existing, strict=True)}
        served = [copies.get(slot, slot) for slot in slots]
        return self.ask("eth_getProof", account, served, height)


class EnrichingNode(DoctoredNode):
    """Alters the last byte of what lies in storage: a deposit of more than was paid."""

    def prove(self, account: str, slots: list[str], height: str) -> Any:
        answer = self.ask("eth_getProof", account, slots, height)
        for entry in answer["storageProof"]:
            if entry["proof"]:
                leaf = bytes.fromhex(entry["proof"][-1][2:])
                entry["proof"][-1] = to_hex(leaf[:-1] + bytes([leaf[-1] ^ 1]))
        return answer


class HastyNode(DoctoredNode):
    """Serves its newest block where a finalised one was asked for."""

    def count(self, call: dict[str, str], height: str) -> str:
        return str(self.ask("eth_call", call, "latest"))

    def prove(self, account: str, slots: list[str], height: str) -> Any:
        return self.ask("eth_getProof", account, slots, "latest")


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    """A devnet of the test's own: what is done to its chains is not undone."""
    with Devnet.start(patient_configuration(), tmp_path / "devnet") as running:
        yield running


@contextmanager
def serving(devnet: Devnet, node: DoctoredNode | None = None) -> Iterator[LocalServer]:
    """Serve, asking ``node`` instead of the spoke's own one."""
    deployment = devnet.deployment
    if node is not None:
        deployment = replace(
            deployment,
            chains=tuple(
                replace(chain, configuration=replace(chain.configuration, url=node.url))
                if chain.chain_id == SPOKE
                else chain
                for chain in deployment.chains
            ),
        )
    adapters = adapters_of(deployment, deployment.open_relayer())
    with (
        open_journal(f"sqlite:///{devnet.directory / JOURNAL_NAME}") as journal,
        LocalServer(devnet, journal, adapters) as server,
    ):
        yield server


def url_of(devnet: Devnet, chain_id: ChainId) -> str:
    return devnet.deployment.get_chain(chain_id).configuration.url


@pytest.mark.parametrize("kind", [DoctoredNode, CopyingNode, EnrichingNode])
def test_deposit_is_not_credited_when_the_node_forges_it(
    devnet: Devnet, kind: type[DoctoredNode]
) -> None:
    funder = devnet.adapters(devnet.deployment.open_funder())
    desk = Desk(devnet.deployment.clearinghouse_id)
    with closing(kind(url_of(devnet, SPOKE))) as node, serving(devnet, node) as server:
        desk.deposit(server, funder, (SPOKE, BOB, 5_000))
        node.lying = True
        until("lies are told", lambda: node.told > ENOUGH_LIES)
        assert credited_deposits(server) == 1
        assert server.operation.get_status().halted == ""  # one bad node is not a broken chain
        funder[HOME].submit_deposit(USDC, 7_000, ALICE.address)
        until("other chains go on", lambda: credited_deposits(server) == 2)
        node.lying = False
        desk.deposit(server, funder, (SPOKE, BOB, 6_000))


def test_deposit_is_not_credited_before_it_is_final_when_the_node_is_hasty(
    devnet: Devnet,
) -> None:
    funder = devnet.adapters(devnet.deployment.open_funder())[SPOKE]
    with (
        closing(HastyNode(url_of(devnet, SPOKE))) as node,
        serving(devnet, node) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        funder.submit_deposit(USDC, 5_000, BOB.address)
        until("the first is credited", lambda: credited_deposits(server) == 1)
        devnet.halt(SPOKE)
        devnet.wait_for_attestation(SPOKE, devnet.height(SPOKE) - 2)
        node.lying = True
        deposit = pool.submit(funder.submit_deposit, USDC, 6_000, CAROL.address)
        _mine_until_included(devnet, deposit)
        devnet.mine(SPOKE)  # on top of it, so that it is one block short of final
        until("lies are told", lambda: node.told > ENOUGH_LIES)
        assert credited_deposits(server) == 1
        node.lying = False
        devnet.mine(SPOKE)
        until("the second is final and credited", lambda: credited_deposits(server) == 2)


def test_deposit_is_gone_when_a_reorganisation_shallower_than_finality_drops_it(
    devnet: Devnet,
) -> None:
    funder = devnet.adapters(devnet.deployment.open_funder())
    desk = Desk(devnet.deployment.clearinghouse_id)
    with serving(devnet) as server, ThreadPoolExecutor(1) as pool:
        desk.enlist(server)
        desk.deposit(server, funder, (HOME, ALICE, 50_000_000), (OTHER, CAROL, 50_000_000))
        devnet.halt(SPOKE)
        deposit = pool.submit(funder[SPOKE].submit_deposit, USDC, 9_000, BOB.address)
        height = _mine_until_included(devnet, deposit)
        assert funder[SPOKE].solvency(USDC).unconsumed_deposits == 9_000
        devnet.reorganise(SPOKE, devnet.height(SPOKE) - height + 1)
        assert funder[SPOKE].solvency(USDC).unconsumed_deposits == 0
        devnet.resume(SPOKE)
        devnet.wait_for_attestation(SPOKE, height + 1)
        desk.deposit(server, funder, (SPOKE, BOB, 8_000))  # the only one, and the first
        assert credited_deposits(server) == 3
        assert server.operation.get_status().halted == ""
        record = cut(server)
        until_phase(server, record.settlement_id, Phase.COMMITTED)
        assert server.client.get_claim_branch(BOB.address, SPOKE, USDC).quanta == 8_000


def test_clearing_halts_and_clients_freeze_when_a_committee_signs_two_histories(
    devnet: Devnet,
) -> None:
    funder = devnet.adapters(devnet.deployment.open_funder())
    desk = Desk(devnet.deployment.clearinghouse_id)
    with serving(devnet) as server, ThreadPoolExecutor(1) as pool:
        desk.enlist(server)
        desk.deposit(server, funder, (HOME, ALICE, 50_000_000), (SPOKE, BOB, 50_000_000))
        desk.trade(server, Trade(ALICE, BOB, 5, 5_000))
        devnet.halt(SPOKE)
        _mine_until_included(
            devnet, pool.submit(funder[SPOKE].submit_deposit, USDC, 5_000, BOB.address)
        )
        devnet.mine(SPOKE, 2)
        until("the last final header was seen", lambda: credited_deposits(server) == 3)
        _sign_another_history(devnet)
        until("the clearinghouse halts", lambda: server.operation.get_status().halted)
        assert "finality_violated" in server.operation.get_status().halted
        with pytest.raises(Unavailable) as refused:
            submit(server, desk.sign([Trade(ALICE, BOB, 1, 5_000)]))
        assert refused.value.reason == "finality_violated"
        with pytest.raises(Conflict) as uncut:
            server.operation.cut_cycle()
        assert uncut.value.reason == "finality_violated"
        until("home's client is frozen", lambda: _client_status(devnet, HOME, SPOKE) == FROZEN)
        assert _client_status(devnet, HOME, OTHER) != FROZEN
    with serving(devnet) as server:  # and it stays halted
        assert "finality_violated" in server.operation.get_status().halted
        assert server.operation.get_status().fills == 1


def _mine_until_included(devnet: Devnet, sending: Future[TransactionOutcome]) -> int:
    """Give the halted spoke a block whenever a transaction waits; return the last one's height."""

    def included() -> bool:
        if devnet.pending_transactions(SPOKE):
            devnet.mine(SPOKE)
        return sending.done()

    until("the deposit is included", included)
    return sending.result().height


def _sign_another_history(devnet: Devnet) -> None:
    """Replace final blocks of the halted spoke and have its committee attest the new ones too."""
    deployment = devnet.deployment
    published = DirectoryAttestations(deployment.attestations_path)
    final = devnet.height(SPOKE) - 2
    devnet.wait_for_attestation(SPOKE, final)
    devnet.reorganise(SPOKE, 4)
    devnet.mine(SPOKE, 4)
    header, _ = Reader(connect(url_of(devnet, SPOKE))).get_header_at(final)
    chain = deployment.get_chain(SPOKE)
    committee = chain.trust
    assert isinstance(committee, Committee)
    signers = [
        deployment.keystores.open(f"attester-{chain.name}-{number}")
        for number in range(1, committee.threshold + 1)
    ]
    other = sign_attestation(committee, signers, final, header.block_hash)
    first = published.find_at(SPOKE, final)
    assert first is not None
    assert first.block_hash != other.block_hash
    _republish(deployment.attestations_path, other)


def _republish(directory: Path, attestation: Attestation) -> None:
    """Put an attestation in the place of another, as a dishonest publisher would."""
    (directory / str(SPOKE) / f"{attestation.height:012d}.json").unlink()
    publish_attestation(directory, SPOKE, attestation)


def _client_status(devnet: Devnet, chain_id: ChainId, of_chain: ChainId) -> int:
    chain = devnet.deployment.get_chain(chain_id).configuration
    (status,) = Reader(connect(chain.url)).call(
        load_artifact("CommitteeLightClient"), chain.client_of[of_chain], "status"
    )
    return int(status)
