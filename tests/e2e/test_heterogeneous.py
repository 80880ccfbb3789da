"""One clearinghouse over a committee's chain, an Ethereum-like L1, an OP and a Nitro chain."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from typer.testing import CliRunner

from adapters.base import ChainAdapter, ClientStatus
from adapters.evm.connection import connect
from clearinghouse.api.client import ClearinghouseClient
from clearinghouse.api.operation_client import OperationClient
from clearinghouse.book.identifiers import ChainId
from clearinghouse.book.settlements import Phase
from clearinghouse.cli.main import app
from clearinghouse.errors import ChainFault
from clearinghouse.intake.ports import BatchReceipt
from clearinghouse.intake.replay import replay
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.settlement.keep_alive import KeepAlive, update_client
from clearinghouse.settlement.solvency import solvency_of
from clearinghouse.store.journal import open_journal
from clearinghouse.tape.market import synthetic_market
from devnets.configuration import HETEROGENEOUS, DevnetConfiguration, load_configuration
from devnets.demo.market import DemoMarket
from devnets.demo.server_process import ServerProcess
from devnets.harness import Devnet
from tests.e2e.clearing import until
from tests.e2e.conftest import FreshDevnet

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("heterogeneous")]

COMMITTEE, L1, OPSTACK, NITRO = (ChainId(31_200 + number) for number in range(1, 5))


@pytest.fixture(scope="module")
def configuration() -> DevnetConfiguration:
    return load_configuration(HETEROGENEOUS)


@pytest.fixture(scope="module")
def devnet(
    configuration: DevnetConfiguration, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devnet]:
    """A devnet with the committee's chain as home; every chain stays as it is."""
    with Devnet.start(configuration, tmp_path_factory.mktemp("heterogeneous")) as running:
        yield running


def test_one_cycle_settles_on_all_four_families_when_proofs_go_both_ways(devnet: Devnet) -> None:
    deployment = devnet.deployment
    tape = synthetic_market(8, 2, 40, 7)
    chains = [chain.chain_id for chain in deployment.chains]
    asset = deployment.assets[0].asset_id
    expiry = int(time.time()) + 86_400
    market = DemoMarket(tape, deployment.clearinghouse_id, chains, asset, expiry)
    funder = devnet.adapters(deployment.open_funder())
    with (
        ServerProcess(devnet.directory) as server,
        ClearinghouseClient(server.target) as client,
        OperationClient(server.operation_target) as operation,
    ):
        operation.register_venue(market.venue, "tape")
        for instrument in market.instruments:
            operation.create_instrument(instrument)
        client.register_placement_limits(market.placement_limits())
        for chain_id in chains:  # every chain takes part, whatever the addresses of the tape say
            for member in list(market.members.values())[:2]:
                funder[chain_id].submit_deposit(asset, member.deposit_quanta, member.member)
        for member in market.members.values():
            funder[member.chain_id].submit_deposit(asset, member.deposit_quanta, member.member)
        expected = len(market.members) + 2 * len(chains)
        until(
            "all deposits are credited",
            lambda: sum(v.deposit_count for v in client.get_solvency().vaults) == expected,
        )
        submissions = ((s.batch, s.orders, s.signature) for s in market.batches(tape.trades))
        assert all(isinstance(r, BatchReceipt) for r in client.stream_batches(submissions))
        cycle = operation.cut_cycle()
        (summary,) = (s for s in client.list_settlements() if s.cycle == cycle)

        def is_final() -> bool:
            phases = client.get_settlement(summary.settlement_id).chain_phases
            return [known.phase for known in phases] == [Phase.FINAL] * len(chains)

        until("the settlement is final on all chains", is_final, seconds=120)
        legs = {leg.chain_id: leg for leg in client.get_cycle(cycle).legs}
        server.stop()
    said = (devnet.directory / "server.log").read_text()
    assert said.count("rollup_audit.standing") >= 2, "both rollups are audited all the while"
    # Home verified a proof of every other chain, each of these two of home: to commit, to finalise.
    assert {chain_id: leg.proofs_verified for chain_id, leg in legs.items()} == {
        COMMITTEE: 3,
        L1: 2,
        OPSTACK: 2,
        NITRO: 2,
    }
    with open_journal(
        f"sqlite:///{devnet.directory / 'journal.sqlite'}", read_only=True
    ) as journal:
        state = replay(journal.read())
    assert all(line.is_whole for line in solvency_of(state, funder))
    assert {c: adapter.hint_last_leg() for c, adapter in funder.items()} == dict(state.leg_hashes)


def test_client_follows_sync_committees_when_they_rotate(devnet: Devnet) -> None:
    relayed = devnet.adapters(devnet.deployment.open_relayer())
    relay(relayed, L1, COMMITTEE)
    configuration = load_configuration(HETEROGENEOUS).chains[1].beacon
    assert configuration is not None
    # Three periods pass at once: a client learns of each committee from the one before it.
    devnet.advance_time(3 * configuration.slots_per_period, *relayed)
    devnet.wait_for_attestation(L1, devnet.height(L1))
    header = relayed[L1].find_finalised_header()
    assert header is not None
    held = relayed[COMMITTEE].hint_client_height(L1)
    assert len(relayed[L1].build_client_updates(header, held)) >= 3
    assert relay(relayed, L1, COMMITTEE).height > held


def test_history_goes_on_when_the_l1s_node_is_killed(devnet: Devnet) -> None:
    adapter = devnet.adapters(devnet.deployment.open_relayer())[L1]
    before = adapter.find_finalised_header()
    assert before is not None
    devnet.kill(L1)
    devnet.restart(L1)
    after = adapter.find_finalised_header()  # raises finality_violated on another history
    assert after is not None
    assert after.height > before.height


def test_nitro_headers_carry_send_roots_when_they_are_read(devnet: Devnet) -> None:
    chain = devnet.deployment.get_chain(NITRO)
    adapter = devnet.adapters(devnet.deployment.open_relayer())[NITRO]
    header = adapter.find_finalised_header()
    assert header is not None
    block = connect(chain.configuration.url).request(
        "eth_getBlockByNumber", [hex(header.height), False]
    )
    assert bytes.fromhex(block["hash"][2:]) == header.block_hash
    assert len(bytes.fromhex(block["extraData"][2:])) == 32
    assert "requestsHash" not in block


def test_light_client_commands_show_and_update_when_a_devnet_runs(devnet: Devnet) -> None:
    directory, runner = str(devnet.directory), CliRunner()
    keystores = devnet.deployment.keystores
    paying = [
        *("--keystore", str(keystores.path("relayer"))),
        *("--passphrase-file", str(keystores.passphrase_path)),
    ]
    arguments = ["light-client", "update", "--deployment", directory, *paying, "--json"]
    updated = runner.invoke(app, [*arguments, "--on", "harbor"])
    assert updated.exit_code == 0, updated.output
    lines = json.loads(updated.stdout)["clients"]
    assert [line["of"] for line in lines] == ["lantern", "outpost", "meridian"]

    shown = runner.invoke(app, ["light-client", "status", "--deployment", directory, "--json"])
    assert shown.exit_code == 0, shown.output
    clients = json.loads(shown.stdout)["clients"]
    assert len(clients) == 6
    assert {client["status"] for client in clients} == {"ACTIVE"}
    (lantern,) = (c for c in clients if (c["on"], c["of"]) == ("harbor", "lantern"))
    assert lantern["height"] == lines[0]["height"]
    assert (lantern["family"], lantern["trusting_seconds"]) == ("ethereum", 86_400)
    assert 0 <= lantern["age_seconds"] < 86_400
    assert (
        "lantern"
        in runner.invoke(app, ["light-client", "status", "--deployment", directory]).stdout
    )
    wrong = runner.invoke(app, ["light-client", "status", "--deployment", directory, "--of", "sun"])
    assert wrong.exit_code == 2


def test_client_expires_when_it_is_not_updated_and_says_so(
    fresh_devnet: FreshDevnet, configuration: DevnetConfiguration
) -> None:
    lantern = configuration.chains[1]
    assert lantern.beacon is not None
    short = msgspec.structs.replace(lantern.beacon, trusting_seconds=60)
    chains = (configuration.chains[0], msgspec.structs.replace(lantern, beacon=short))
    devnet = fresh_devnet(msgspec.structs.replace(configuration, chains=chains))
    adapters = devnet.adapters(devnet.deployment.open_relayer())
    keep_alive = KeepAlive(adapters, devnet.deployment.followed, devnet.deployment.trusting_seconds)
    keep_alive.look()
    held = adapters[COMMITTEE].hint_client_height(L1)
    assert held > 0
    devnet.advance_time(20)
    devnet.wait_for_attestation(L1, devnet.height(L1))
    keep_alive.look()
    assert adapters[COMMITTEE].hint_client_height(L1) > held

    devnet.advance_time(90, COMMITTEE)
    assert adapters[COMMITTEE].hint_client(L1).status is ClientStatus.EXPIRED
    keep_alive.look()
    (age,) = (age for age in keep_alive.ages if age.followed == L1)
    assert age.state.status is ClientStatus.EXPIRED
    devnet.wait_for_attestation(L1, devnet.height(L1))  # so that there is something to send
    with pytest.raises(ChainFault) as refused:
        update_client(adapters, COMMITTEE, L1)
    assert refused.value.attributes["error"] == "ClientExpired"
    status = ["light-client", "status", "--deployment", str(devnet.directory)]
    assert CliRunner().invoke(app, status).exit_code == 1


def relay(
    adapters: Mapping[ChainId, ChainAdapter], of_chain: ChainId, to_chain: ChainId
) -> VerifiedHeader:
    """Bring a light client to the newest final header."""
    header = adapters[of_chain].find_finalised_header()
    assert header is not None
    held = adapters[to_chain].hint_client_height(of_chain)
    if held < header.height:
        for update in adapters[of_chain].build_client_updates(header, held):
            adapters[to_chain].submit_client_update(of_chain, update)
    assert adapters[to_chain].hint_client_height(of_chain) == header.height
    return header
