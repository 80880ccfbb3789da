"""One settlement on three chains takes effect everywhere or nowhere.

The tests share a devnet and a journal and run in any order: each leaves every chain running and
every settlement ended. Deadlines pass by moving the clocks of chains, not by waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.base import ChainAdapter
from adapters.evm.artifacts import load_artifact
from adapters.evm.connection import connect
from adapters.evm.reader import Reader
from clearinghouse.api.views import SettlementRecord
from clearinghouse.book.identifiers import Address, ChainId
from clearinghouse.book.settlements import Phase
from clearinghouse.errors import ChainFault, Conflict
from devnets.harness import Devnet
from tests.builders import ALICE, BOB, CAROL
from tests.e2e.clearing import (
    BTC,
    CHAINS,
    DEPOSIT_QUANTA,
    HOME,
    MEMBERS,
    OTHER,
    SPOKE,
    USDC,
    Desk,
    Trade,
    check_settled,
    cut,
    pass_time,
    patient_configuration,
    proven_phases,
    settle,
    until,
    until_phase,
)
from tests.e2e.crashing_server import ForkedServer

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("settlement")]

BEYOND_DECISION_SECONDS = 60
"""More than from a cut to ``decide_by``."""


@dataclass
class House:
    """A clearinghouse that serves, its chains, and the desk's books."""

    devnet: Devnet
    adapters: dict[ChainId, Any]
    desk: Desk
    server: ForkedServer

    def check(self) -> None:
        """Check everything that must hold when nothing is in flight."""
        adapters: dict[ChainId, ChainAdapter] = dict(self.adapters)
        check_settled(self.desk, self.devnet.directory, adapters)

    def token_balance(self, chain_id: ChainId, owner: Address) -> int:
        """Return quanta of USDC that an account holds itself."""
        chain = self.devnet.deployment.get_chain(chain_id).configuration
        (units,) = Reader(connect(chain.url)).call(
            load_artifact("FaucetToken"), chain.tokens[USDC], "balanceOf", owner
        )
        return int(units) // chain.units_per_quantum[USDC]

    def holdings(self) -> dict[Address, int]:
        """Return lots by member."""
        return {
            member.address: sum(
                held.quantity
                for held in self.server.client.get_member(member.address).holdings
                if held.instrument_id == BTC.instrument_id
            )
            for member in MEMBERS
        }

    def collateral(self) -> dict[Address, int]:
        """Return claims and deposits by member."""
        return {
            member.address: account.collateral_quanta
            for member in MEMBERS
            for account in self.server.client.get_member(member.address).accounts
            if account.asset_id == USDC
        }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with Devnet.start(patient_configuration(), tmp_path_factory.mktemp("devnet")) as devnet:
        adapters = devnet.adapters(devnet.deployment.open_funder())
        desk = Desk(devnet.deployment.clearinghouse_id)
        with ForkedServer(devnet.directory) as server:
            desk.enlist(server)
            desk.deposit(
                server,
                adapters,
                (HOME, ALICE, DEPOSIT_QUANTA),
                (SPOKE, BOB, DEPOSIT_QUANTA),
                (OTHER, CAROL, DEPOSIT_QUANTA),
            )
            yield House(devnet, adapters, desk, server)


def test_settlement_is_final_on_all_chains_when_all_prepare(house: House) -> None:
    house.desk.trade(house.server, Trade(ALICE, BOB, 120, 5_000), Trade(BOB, CAROL, 50, 5_200))
    house.desk.trade(house.server, Trade(CAROL, ALICE, 20, 4_800))
    record = settle(house.server)
    assert record.outcome is Phase.FINAL
    assert {leg.chain_id for leg in record.legs} == set(CHAINS)
    report = house.server.client.get_cycle(record.settlement.cycle)
    home, *spokes = report.legs
    assert (home.chain_id, home.proofs_verified) == (HOME, 2)
    assert [leg.proofs_verified for leg in spokes] == [2, 2]  # home COMMITTED, then home FINAL
    for leg in report.legs:
        assert leg.prepare_gas and leg.commit_gas and leg.finalize_gas and leg.update_gas
        assert leg.abort_gas is None
    _check_claim_branches(house, record)
    house.check()


def test_release_is_paid_once_when_its_settlement_is_final(house: House) -> None:
    house.desk.request_release(house.server, CAROL, OTHER, 1_234_567)
    record = settle(house.server)
    (payable,) = record.releases
    assert (payable.chain_id, payable.member, payable.quanta) == (OTHER, CAROL.address, 1_234_567)
    branch = house.server.client.get_release_branch(
        record.settlement_id, OTHER, USDC, payable.index
    ).branch
    claim = (record.settlement_id, USDC, payable.index, CAROL.address, payable.quanta, branch)
    before = house.token_balance(OTHER, CAROL.address)
    assert house.adapters[OTHER].solvency(USDC).unclaimed_releases == 1_234_567
    house.adapters[OTHER].submit_claim_release(*claim)
    assert house.token_balance(OTHER, CAROL.address) == before + 1_234_567
    assert house.adapters[OTHER].solvency(USDC).unclaimed_releases == 0
    with pytest.raises(ChainFault) as refused:
        house.adapters[OTHER].submit_claim_release(*claim)
    assert refused.value.reason == "transaction_reverted"
    assert refused.value.attributes["error"] == "AlreadyClaimed"
    assert house.token_balance(OTHER, CAROL.address) == before + 1_234_567
    house.check()


def test_settlement_aborts_everywhere_when_a_spoke_halts_after_it_prepared(house: House) -> None:
    devnet, server = house.devnet, house.server
    before, collateral = house.holdings(), house.collateral()
    house.desk.trade(server, Trade(ALICE, CAROL, 40, 5_300))
    devnet.halt(OTHER)
    record = cut(server)
    _mine_until_prepared(house, OTHER, record)
    until_phase(server, record.settlement_id, Phase.PREPARED, [HOME, SPOKE])
    with pytest.raises(Conflict) as refused:
        server.operation.cut_cycle()
    assert refused.value.reason == "settlement_in_flight"

    pass_time(devnet, BEYOND_DECISION_SECONDS, HOME, SPOKE)
    until_phase(server, record.settlement_id, Phase.ABORTED, [HOME, SPOKE])
    assert proven_phases(server, record.settlement_id)[OTHER] is not Phase.ABORTED
    assert house.collateral() == collateral
    devnet.resume(OTHER)
    devnet.advance_time(BEYOND_DECISION_SECONDS, OTHER)
    until_phase(server, record.settlement_id, Phase.ABORTED)
    for chain_id in CHAINS:
        assert house.adapters[chain_id].hint_phase(record.settlement_id) is Phase.ABORTED

    after = settle(server)
    assert after.settlement.parent == record.settlement.parent
    assert house.holdings()[ALICE.address] == before[ALICE.address] + 40
    house.check()


def test_halted_spoke_sits_out_and_follows_when_it_never_prepared(house: House) -> None:
    devnet, server = house.devnet, house.server
    house.desk.trade(server, Trade(BOB, CAROL, 15, 5_150))
    devnet.halt(SPOKE)
    legs_before = house.adapters[SPOKE].hint_last_leg()
    record = cut(server)
    until_phase(server, record.settlement_id, Phase.PREPARED, [HOME, OTHER])
    pass_time(devnet, BEYOND_DECISION_SECONDS, HOME, OTHER)
    until_phase(server, record.settlement_id, Phase.ABORTED, [HOME, OTHER])
    with pytest.raises(Conflict) as refused:
        server.operation.cut_cycle()  # the halted chain is given time to follow first
    assert refused.value.attributes["chain_id"] == str(SPOKE)

    pass_time(devnet, BEYOND_DECISION_SECONDS, HOME, OTHER)
    without = cut(server)
    assert {leg.chain_id for leg in without.legs} == {HOME, OTHER}
    until_phase(server, without.settlement_id, Phase.FINAL, [HOME, OTHER])
    assert house.adapters[SPOKE].hint_last_leg() == legs_before

    devnet.advance_time(2 * BEYOND_DECISION_SECONDS, SPOKE)
    devnet.resume(SPOKE)
    until("the spoke is proven to have missed it", lambda: _is_lapsed(house, record, SPOKE))
    assert house.adapters[SPOKE].hint_phase(record.settlement_id) is Phase.NONE
    house.desk.trade(server, Trade(CAROL, BOB, 5, 5_250))
    again = settle(server)
    assert {leg.chain_id for leg in again.legs} == set(CHAINS)
    house.check()


def test_spokes_abort_by_proof_when_home_missed_the_prepare_deadline(house: House) -> None:
    devnet, server = house.devnet, house.server
    house.desk.trade(server, Trade(CAROL, ALICE, 12, 5_020))
    devnet.halt(HOME)
    record = cut(server)
    until_phase(server, record.settlement_id, Phase.PREPARED, [SPOKE, OTHER])
    devnet.advance_time(BEYOND_DECISION_SECONDS, HOME)
    devnet.resume(HOME)
    until_phase(server, record.settlement_id, Phase.ABORTED, [SPOKE, OTHER])
    assert house.adapters[HOME].hint_phase(record.settlement_id) is Phase.NONE
    assert server.client.get_settlement(record.settlement_id).outcome is Phase.ABORTED
    pass_time(devnet, BEYOND_DECISION_SECONDS, SPOKE, OTHER)  # clocks agree again
    settle(server)
    house.check()


def _check_claim_branches(house: House, record: SettlementRecord) -> None:
    """Check what members can prove: each claim under the leg that its anchor holds."""
    roots = {
        leg.chain_id: next(a.claims_tree for a in leg.assets if a.asset_id == USDC)
        for leg in record.legs
    }
    claims: Counter[Address] = Counter()
    for chain_id in CHAINS:
        for member in MEMBERS:
            branch = house.server.client.get_claim_branch(member.address, chain_id, USDC)
            assert branch.root.hash == roots[chain_id]
            assert branch.leg_hash == house.adapters[chain_id].hint_last_leg()
            claims[member.address] += branch.quanta
    assert claims == house.desk.expected_claims()


def _mine_until_prepared(house: House, chain_id: ChainId, record: SettlementRecord) -> None:
    """Give a halted chain one block with the prepare in it, and none to make it final."""

    def prepared() -> bool:
        if house.devnet.pending_transactions(chain_id):
            house.devnet.mine(chain_id)
        phase: Phase = house.adapters[chain_id].hint_phase(record.settlement_id)
        return phase is Phase.PREPARED

    until("the halted chain has prepared", prepared)


def _is_lapsed(house: House, record: SettlementRecord, chain_id: ChainId) -> bool:
    phases = house.server.client.get_settlement(record.settlement_id).chain_phases
    return any(known.lapsed for known in phases if known.chain_id == chain_id)
