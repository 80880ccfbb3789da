"""``clearinghouse operate``: the operator's calls, against a server in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from clearinghouse.book.identifiers import to_hex
from clearinghouse.cli.operate import app
from tests.builders import ALICE, BOB, CLEARINGHOUSE_ID, OTHER_VENUE, Clearing
from tests.unit.api.serving import Served, serving


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    clearing = Clearing().start(ALICE, BOB)
    yield clearing
    clearing.close()


@pytest.fixture
def served(clearing: Clearing) -> Iterator[Served]:
    with serving(intake=clearing.sequencer) as served:
        yield served


def operate(served: Served, *arguments: str) -> str:
    """Run a command that succeeds and return what it prints."""
    shown = CliRunner().invoke(app, [*arguments, "--target", served.operation_target])
    assert shown.exit_code == 0, shown.stderr
    return shown.stdout


def test_status_prints_how_far_things_have_come(clearing: Clearing, served: Served) -> None:
    clearing.trade(ALICE, BOB, 3, 1_000)
    sequence, head = clearing.journal.head()
    assert json.loads(operate(served, "status", "--json")) == {
        "clearinghouse_id": to_hex(CLEARINGHOUSE_ID),
        "sequence": sequence,
        "journal_head": to_hex(head),
        "halted": "",
        "cycle": 0,
        "in_flight": None,
        "last_committed": to_hex(bytes(32)),
        "members": 2,
        "instruments": 3,
        "fills": 1,
        "fills_since_cut": 1,
    }
    assert "fills since cut" in operate(served, "status")


def test_cut_prints_the_cycle_then_the_refusal_when_one_is_in_flight(served: Served) -> None:
    assert json.loads(operate(served, "cut", "--json")) == {"cycle": 7}
    again = CliRunner().invoke(app, ["cut", "--target", served.operation_target])
    assert again.exit_code == 2
    assert "settlement_in_flight" in again.stderr
    assert again.stdout == ""


def test_create_instrument_lists_it_as_said(clearing: Clearing, served: Served) -> None:
    said = operate(
        served, "create-instrument", "9", "GOLD", "--quote-asset", "1", "--lot-exponent=-2",
        "--initial-margin-ppm", "70000",
    )  # fmt: skip
    listed = clearing.read(lambda state: state.instruments[9])
    assert (listed.symbol, listed.quote_asset) == ("GOLD", 1)
    assert (listed.lot_exponent, listed.initial_margin_ppm) == (-2, 70_000)
    assert f"journal entry {clearing.journal.head()[0]}" in said


def test_create_instrument_exits_two_when_the_number_is_another_instruments(
    served: Served,
) -> None:
    shown = CliRunner().invoke(
        app,
        ["create-instrument", "3", "GOLD", "--quote-asset", "1", "--target",
         served.operation_target],
    )  # fmt: skip
    assert shown.exit_code == 2
    assert "INSTRUMENT_CONFLICT" in shown.stderr


def test_register_venue_takes_an_address_and_nothing_else(
    clearing: Clearing, served: Served
) -> None:
    operate(served, "register-venue", to_hex(OTHER_VENUE.address), "renamed")
    assert clearing.read(lambda state: state.venues[OTHER_VENUE.address]) == "renamed"
    shown = CliRunner().invoke(app, ["register-venue", "0x12", "short"])
    assert shown.exit_code == 2
    assert "40 hex digits" in shown.stderr


def test_operate_exits_two_when_nothing_answers() -> None:
    shown = CliRunner().invoke(app, ["status", "--target", "127.0.0.1:1"])
    assert shown.exit_code == 2
    assert "server_unreachable" in shown.stderr
