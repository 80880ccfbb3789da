"""A devnet that runs: finality, halts, kills, reorganisations, clocks."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from adapters.committee.source import DirectoryAttestations
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from clearinghouse.book.identifiers import ZERO_HASH, Address, AssetId, ChainId
from clearinghouse.errors import ChainFault, Unavailable
from devnets.anvil import Anvil
from devnets.attesters import Witness
from devnets.configuration import FAST, load_configuration
from devnets.harness import Devnet
from devnets.keystores import KeystoreSigner
from tests.e2e.conftest import FreshDevnet

pytestmark = pytest.mark.e2e

HOME, SPOKE, OTHER = ChainId(31_101), ChainId(31_102), ChainId(31_103)
USDC = AssetId(1)
MEMBER = Address(b"\x77" * 20)


@pytest.fixture
def halted(devnet: Devnet) -> Iterator[Devnet]:
    """The shared devnet with one spoke halted and its last finalised block attested."""
    devnet.halt(SPOKE)
    devnet.wait_for_attestation(SPOKE, devnet.height(SPOKE) - 2)
    yield devnet
    devnet.resume(SPOKE)


def test_deposit_is_proven_at_finality_when_every_chain_is_up(devnet: Devnet) -> None:
    member = Address(b"\x66" * 20)
    funded = devnet.adapters(devnet.deployment.open_funder())
    for number, (chain_id, adapter) in enumerate(funded.items(), start=1):
        included = adapter.submit_deposit(USDC, 1_000 * number, member)
        devnet.wait_for_attestation(chain_id, included.height)
        header = adapter.find_finalised_header()
        assert header is not None
        proven = adapter.prove_deposits(header, USDC, 0, ZERO_HASH)
        assert [d.quanta for d in proven if d.member == member] == [1_000 * number]
        assert adapter.solvency(USDC).difference == 0


def test_light_clients_follow_when_they_are_given_attested_headers(devnet: Devnet) -> None:
    relayed = devnet.adapters(devnet.deployment.open_relayer())
    for followed, by in ((SPOKE, HOME), (OTHER, HOME), (HOME, SPOKE), (HOME, OTHER)):
        header = relayed[followed].find_finalised_header()
        assert header is not None
        (update,) = relayed[followed].build_client_updates(header, 0)
        relayed[by].submit_client_update(followed, update)
        assert relayed[by].hint_client_height(followed) == header.height


def test_halt_stops_blocks_of_one_chain_when_the_others_go_on(halted: Devnet) -> None:
    height = halted.height(SPOKE)
    halted.wait_for_attestation(OTHER, halted.height(OTHER) + 4)
    assert halted.height(SPOKE) == height


def test_submit_is_not_included_when_the_chain_is_halted(halted: Devnet) -> None:
    funder = halted.adapters(halted.deployment.open_funder())[SPOKE]
    with pytest.raises(Unavailable) as raised:
        funder.submit_deposit(USDC, 1_000, MEMBER)
    assert raised.value.reason == "transaction_not_included"


def test_resume_produces_blocks_when_the_chain_was_halted(devnet: Devnet) -> None:
    devnet.halt(SPOKE)
    height = devnet.height(SPOKE)
    devnet.resume(SPOKE)
    devnet.wait_for_attestation(SPOKE, height + 1)


def test_attestation_appears_when_its_block_becomes_final_and_not_before(halted: Devnet) -> None:
    published = DirectoryAttestations(halted.deployment.attestations_path)
    height = halted.height(SPOKE)
    newest = published.find_newest(SPOKE)
    assert newest is not None
    assert newest.height == height - 2
    halted.mine(SPOKE)
    halted.wait_for_attestation(SPOKE, height - 1)
    newest = published.find_newest(SPOKE)
    assert newest is not None
    assert newest.height == height - 1
    assert published.find_at(SPOKE, height) is None


def test_attestations_are_of_the_chains_blocks_when_it_runs(devnet: Devnet) -> None:
    published = DirectoryAttestations(devnet.deployment.attestations_path)
    for chain in devnet.deployment.chains:
        reader = Reader(connect(chain.configuration.url))
        newest = published.find_newest(chain.chain_id)
        assert newest is not None
        assert reader.get_header_at(newest.height)[0].block_hash == newest.block_hash
        assert len(newest.signatures) == 4
        assert newest.height <= reader.get_finalised_header()[0].height


def test_restart_keeps_what_was_final_when_a_node_was_killed(fresh_devnet: FreshDevnet) -> None:
    devnet = fresh_devnet()
    funder = devnet.adapters(devnet.deployment.open_funder())[SPOKE]
    included = funder.submit_deposit(USDC, 5_000, MEMBER)
    devnet.wait_for_attestation(SPOKE, included.height)
    before = funder.find_finalised_header()
    assert before is not None

    devnet.kill(SPOKE)
    assert devnet.process_id(SPOKE) is None
    with pytest.raises(Unavailable) as raised:
        funder.hint_time()
    assert raised.value.reason == "chain_unreachable"

    devnet.restart(SPOKE)
    after = funder.find_finalised_header()  # raises finality_violated on another history
    assert after is not None
    assert after.height > before.height
    (deposit,) = funder.prove_deposits(after, USDC, 0, ZERO_HASH)
    assert (deposit.member, deposit.quanta) == (MEMBER, 5_000)
    assert funder.submit_deposit(USDC, 6_000, MEMBER).height > after.height


def test_restart_loses_only_unfinal_blocks_when_killed_at_any_moment(
    fresh_devnet: FreshDevnet,
) -> None:
    devnet = fresh_devnet()
    adapter = devnet.adapters(devnet.deployment.open_relayer())[HOME]
    for _ in range(4):
        header = adapter.find_finalised_header()
        assert header is not None
        devnet.wait_for_attestation(HOME, header.height + 1)
        devnet.kill(HOME)
        devnet.restart(HOME)
        adapter.find_finalised_header()


def test_restart_says_why_when_the_port_was_taken(fresh_devnet: FreshDevnet) -> None:
    devnet = fresh_devnet()
    devnet.kill(OTHER)
    port = int(devnet.deployment.get_chain(OTHER).configuration.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(Unavailable) as raised:
            devnet.restart(OTHER)
    assert raised.value.reason == "anvil_not_started"
    assert raised.value.attributes["port"] == port
    assert "in use" in raised.value.message
    devnet.restart(OTHER)


def test_adapters_go_on_when_a_reorganisation_is_shallower_than_finality(
    fresh_devnet: FreshDevnet,
) -> None:
    devnet = fresh_devnet()
    funder = devnet.adapters(devnet.deployment.open_funder())[SPOKE]
    devnet.halt(SPOKE)
    height = devnet.height(SPOKE)
    devnet.wait_for_attestation(SPOKE, height - 2)
    reader = Reader(connect(devnet.deployment.get_chain(SPOKE).configuration.url))
    replaced, _ = reader.get_header_at(height)
    devnet.reorganise(SPOKE, 1)
    devnet.resume(SPOKE)
    devnet.wait_for_attestation(SPOKE, height)
    assert reader.get_header_at(height)[0].block_hash != replaced.block_hash
    assert funder.find_finalised_header() is not None


def test_attesters_stop_when_a_finalised_block_is_replaced(
    fresh_devnet: FreshDevnet, caplog: pytest.LogCaptureFixture
) -> None:
    devnet = fresh_devnet()
    devnet.halt(SPOKE)
    height = devnet.height(SPOKE)
    devnet.wait_for_attestation(SPOKE, height - 2)
    devnet.reorganise(SPOKE, 4)
    devnet.mine(SPOKE, 4)
    with pytest.raises(ChainFault) as raised:
        devnet.wait_for_attestation(SPOKE, height)
    assert raised.value.reason == "finality_violated"
    published = DirectoryAttestations(devnet.deployment.attestations_path)
    newest = published.find_newest(SPOKE)
    assert newest is not None
    assert newest.height == height - 2
    assert "finality_violated" in caplog.text


def test_witness_refuses_when_the_block_it_signed_is_replaced(fresh_devnet: FreshDevnet) -> None:
    devnet = fresh_devnet()
    devnet.halt(SPOKE)
    witness = Witness(
        KeystoreSigner(b"\x01" * 32), devnet.deployment.get_chain(SPOKE).configuration.url
    )
    height = devnet.height(SPOKE) - 2
    witness.verify_final(height)
    with pytest.raises(Unavailable, match="block_not_final"):
        witness.verify_final(height + 1)
    devnet.reorganise(SPOKE, 3)
    devnet.mine(SPOKE)
    with pytest.raises(ChainFault, match="finality_violated"):
        witness.verify_final(height + 1)


def test_clock_stays_ahead_when_an_advanced_chain_restarts(fresh_devnet: FreshDevnet) -> None:
    devnet = fresh_devnet()
    adapter = devnet.adapters(devnet.deployment.open_relayer())[HOME]
    before = adapter.hint_time()
    devnet.advance_time(1_000, HOME)
    advanced = adapter.hint_time()
    assert advanced >= before + 1_000
    devnet.wait_for_attestation(HOME, devnet.height(HOME))
    devnet.kill(HOME)
    devnet.restart(HOME)
    assert adapter.hint_time() >= advanced
    assert devnet.adapters(devnet.deployment.open_relayer())[SPOKE].hint_time() < advanced


def test_anvil_finalises_and_proves_as_assumed_when_blocks_are_mined(
    fresh_devnet: FreshDevnet,
) -> None:
    """Goal: notice a new anvil whose finality depth or provable history differs."""
    devnet = fresh_devnet()
    devnet.halt(HOME)
    chain = devnet.deployment.get_chain(HOME).configuration
    reader = Reader(connect(chain.url))
    devnet.mine(HOME, 20)
    height = devnet.height(HOME)
    assert reader.get_finalised_header()[0].height == height - 2
    for past in (height - 20, height):
        assert reader.get_proof(chain.anchor, (), past).account_nodes


def test_start_stops_everything_when_a_chain_does_not_come_up(
    monkeypatch: pytest.MonkeyPatch, fresh_devnet: FreshDevnet
) -> None:
    started: list[Anvil] = []
    start = Anvil.start

    def fail_third(anvil: Anvil) -> None:
        start(anvil)
        started.append(anvil)
        if len(started) == len(load_configuration(FAST).chains):
            raise Unavailable("anvil_not_started", "the third does not")

    monkeypatch.setattr(Anvil, "start", fail_third)
    with pytest.raises(Unavailable, match="the third does not"):
        fresh_devnet()
    assert [anvil.process_id for anvil in started] == [None] * 3
