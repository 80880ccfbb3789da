"""A state with something in every table, and one change for each thing that a state consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from clearinghouse.book.account_table import ACCOUNT_ROW, LIMIT_ROW
from clearinghouse.book.entries import ExitRequested, JournalRecord
from clearinghouse.book.holding_table import HOLDING_ROW
from clearinghouse.book.identifiers import Address, Hash32
from clearinghouse.book.instrument_table import INSTRUMENT_ROW
from clearinghouse.book.order_table import ORDER_ROW
from clearinghouse.book.orders import Reason, Side
from clearinghouse.book.settlements import Phase
from clearinghouse.book.state import State
from clearinghouse.intake.replay import replay
from tests.builders import (
    ALICE,
    BOB,
    BTC,
    CAROL,
    DAVE,
    ETH,
    EUR,
    HOME,
    HOUSE,
    REMOTE,
    SPOKE,
    USD,
    VENUE,
    Clearing,
    build_order,
)
from tests.ledger import reasons_of, sign_mandate, sign_mandated, submit_columns, totals

A_HASH = Hash32(b"\x11" * 32)


def play(clearing: Clearing) -> None:
    """Do one of everything; a settlement is in flight at the end, and fills came after its cut."""
    clearing.start(ALICE, BOB)
    clearing.deposit(HOUSE, 500, SPOKE, EUR)
    clearing.accept_limits(DAVE, 2**128 - 1)
    clearing.accept_limits(CAROL, 7, [SPOKE])
    mandates = [sign_mandate(member, VENUE) for member in (ALICE, BOB)]
    clearing.get(clearing.sequencer.register_mandates(mandates))
    orders = [
        build_order(member, side, 50, 100, instrument=instrument)
        for instrument in (BTC, ETH)
        for member, side in ((ALICE, Side.BUY), (BOB, Side.SELL))
    ]
    receipt = clearing.get(clearing.sequencer.register_mandated_orders(*sign_mandated(orders)))
    assert set(reasons_of(receipt)) == {Reason.ADMITTED}
    clearing.get(submit_columns(clearing, [(0, 1, 10, 1_000), (2, 3, 10, 1_000), (0, 0, 1, 1)]))
    clearing.release(BOB, 100)
    assert clearing.trade(ALICE, BOB, 1, 102) is Reason.ADMITTED
    clearing.settle()
    lose_on_a_sleeping_chain(clearing)
    aborted = clearing.propose([HOME, SPOKE])
    late = aborted.settlement.prepare_deadline + 1
    clearing.prove(aborted, Phase.NONE, timestamp=late)
    clearing.settle([HOME, SPOKE])
    clearing.deposit(ALICE, 50, SPOKE)
    clearing.deposit(ALICE, 60, REMOTE)
    clearing.release(BOB, 70)
    clearing.release(ALICE, 80, SPOKE)
    clearing.record(
        ExitRequested(REMOTE, USD, 0, ALICE.address, 30, 1, clearing.number(), Hash32(bytes(32)))
    )
    in_flight = clearing.propose()
    clearing.prove(in_flight, Phase.PREPARED, [HOME, SPOKE])
    assert clearing.trade(ALICE, BOB, 3, 90) is Reason.ADMITTED


def lose_on_a_sleeping_chain(clearing: Clearing) -> None:
    """Have CAROL lose what lies on a chain that takes no part, so that it is carried."""
    clearing.deposit(CAROL, 1_000, REMOTE)
    clearing.accept_limits(CAROL)
    clearing.settle()
    assert clearing.trade(ALICE, CAROL, 1, 0, ETH) is Reason.ADMITTED
    assert clearing.trade(CAROL, ALICE, 1, 500, ETH) is Reason.ADMITTED


@cache
def full_journal() -> tuple[JournalRecord, ...]:
    """Return the journal of ``play``."""
    clearing = Clearing()
    play(clearing)
    clearing.close()
    return tuple(clearing.journal.records)


def build_full_state() -> State:
    """Return a new state in which nothing is empty."""
    state = replay(full_journal())
    assert state.cut is not None
    assert state.in_flight is not None
    assert all(totals(state, kind) for kind in ACCOUNT_ROW.names or ())
    return state


def _attribute(name: str, value: Any) -> Callable[[State], None]:
    return lambda state: setattr(state, name, value)


def _column(rows: Callable[[State], NDArray[Any]], field: str) -> Callable[[State], None]:
    """Return a change of one field of a table's first row."""

    def change(state: State) -> None:
        column = rows(state)[field] if field else rows(state)
        column.flat[0] += 1

    return change


def _drop_last(state: State, name: str) -> None:
    value = getattr(state, name)
    key = list(value)[-1]
    value.remove(key) if isinstance(value, list | set) else value.pop(key)


def _mandate(state: State) -> None:
    use = next(iter(state.mandates.in_force.values()))
    use.used_notional[USD] += 1


def _wider_mandate(state: State) -> None:
    use = next(iter(state.mandates.in_force.values()))
    use.mandate = msgspec.structs.replace(use.mandate, maximum_order_notional=5)


def _deposit(state: State) -> None:
    queue = state.deposits[(SPOKE, USD)]
    queue.unconsumed[0] = replace(queue.unconsumed[0], quanta=51)


def _exit(state: State) -> None:
    queue = state.exits[(REMOTE, USD)]
    queue.waiting[0] = replace(queue.waiting[0], quanta=31)


def _early_limit(state: State) -> None:
    limits = state.early_limits[DAVE.address]
    limits[(HOME, USD)] = msgspec.structs.replace(limits[(HOME, USD)], maximum_quanta=2**128 - 2)


def _of_last_settlement(change: Callable[[Any], None]) -> Callable[[State], None]:
    return lambda state: change(list(state.settlements.values())[-1])


TABLES: dict[str, tuple[np.dtype[Any], Callable[[State], NDArray[Any]]]] = {
    "accounts": (ACCOUNT_ROW, lambda state: state.accounts.accounts),
    "limits": (LIMIT_ROW, lambda state: state.accounts.limits),
    "instruments": (INSTRUMENT_ROW, lambda state: state.instrument_table.rows),
    "orders": (ORDER_ROW, lambda state: state.orders.rows),
    "holdings": (HOLDING_ROW, lambda state: state.holdings.rows),
}

CHANGES: dict[str, Callable[[State], None]] = {
    **{name: _attribute(name, A_HASH) for name in ("head", "in_flight", "last_committed")},
    **{name: _attribute(name, 99) for name in ("sequence", "fill_count", "cut_fill_count")},
    "cycle": _attribute("cycle", 99),
    "genesis": lambda s: setattr(s, "genesis", msgspec.structs.replace(s.genesis, house=bytes(20))),
    "halted": _attribute("halted", "why"),
    "cut": _attribute("cut", None),
    "cut quantities": _column(lambda s: s.cut.quantities, ""),  # type: ignore[union-attr]
    "cut bases": _column(lambda s: s.cut.bases, ""),  # type: ignore[union-attr]
    **{
        f"{table} {field}": _column(rows, field)
        for table, (dtype, rows) in TABLES.items()
        for field in dtype.names or ()
    },
    "claims": _column(lambda state: state.accounts.claims, ""),
    "heads": _column(lambda state: state.holdings.heads, ""),
    "order digests": lambda state: state.orders.digests.__setitem__(0, A_HASH),
    "instrument": lambda state: state.instruments.__setitem__(
        BTC, msgspec.structs.replace(state.instruments[BTC], symbol="other")
    ),
    "venue name": lambda state: state.venues.__setitem__(VENUE.address, "other"),
    "venue row": lambda state: _drop_last(state, "venue_rows"),
    "member": lambda state: state.members.__setitem__(0, Address(bytes(20))),
    "early limit": _early_limit,
    "mandate use": _mandate,
    "mandate": _wider_mandate,
    "batch": lambda state: _drop_last(state, "batches"),
    "batch sequence": lambda s: s.batches.__setitem__(next(iter(s.batches)), 1),
    "deposit": _deposit,
    "exit": _exit,
    "deposits consumed": lambda state: setattr(state.deposits[(HOME, USD)], "consumed", 0),
    "deposits total": lambda state: setattr(state.deposits[(HOME, USD)], "total", 1),
    "deposits hash": lambda s: setattr(s.deposits[(HOME, USD)], "consumed_hash", A_HASH),
    "release": lambda state: _drop_last(state, "releases"),
    "used release": lambda state: _drop_last(state, "used_releases"),
    "leg": lambda state: _drop_last(state, "legs"),
    "leg hash": lambda state: state.leg_hashes.__setitem__(HOME, A_HASH),
    "settlement": lambda state: _drop_last(state, "settlements"),
    "signatures": _of_last_settlement(lambda record: setattr(record, "signatures", (b"1",))),
    "phases": _of_last_settlement(lambda r: r.phases.__setitem__(HOME, Phase.FINAL)),
    "lapsed": _of_last_settlement(lambda record: record.lapsed.add(HOME)),
    "heights": _of_last_settlement(lambda record: record.heights.__setitem__(HOME, 99)),
    "outcome": _of_last_settlement(lambda record: setattr(record, "outcome", Phase.FINAL)),
    "committed at": _of_last_settlement(lambda record: setattr(record, "committed_at", 99)),
    "proposal": _of_last_settlement(
        lambda r: setattr(r, "proposal", msgspec.structs.replace(r.proposal, crossings=()))
    ),
}
"""What makes another state, by name."""

DERIVED = {"positions", "open_settlements"}
"""Fields that follow from others: positions are the list of members, the other way round, and a
settlement is open by its phases."""
