"""``clearinghouse relay``: what it believes of a coordinator, and when it may stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import structlog
from typer.testing import CliRunner

from adapters.base import CounterProof, ProvenPhase
from clearinghouse.api.projection import get_settlement_record
from clearinghouse.api.views import SettlementRecord
from clearinghouse.book.entries import SettlementSigned
from clearinghouse.book.identifiers import ZERO_HASH, ChainId, Hash32
from clearinghouse.book.settlements import Phase
from clearinghouse.cli.main import app
from clearinghouse.cli.relay import has_ended, package_of_record
from clearinghouse.errors import ProofInvalid
from clearinghouse.proofs.header import VerifiedHeader
from clearinghouse.settlement.stages import ChainView, SettlementPackage
from tests.builders import (
    ALICE,
    BOB,
    CHAINS,
    HOME,
    OPERATORS,
    REMOTE,
    SPOKE,
    Clearing,
    build_genesis,
)

EARLY, LATE = -1, 1
"""Seconds from the prepare deadline."""


@pytest.fixture(autouse=True)
def _process_restored() -> Iterator[None]:
    """The command takes over its process's signals and log, and the process here is the test's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


@pytest.fixture
def record() -> Iterator[SettlementRecord]:
    """Return a signed settlement as a server hands it out."""
    clearing = Clearing().start(ALICE, BOB)
    clearing.trade(ALICE, BOB, 3, 1_000)
    proposal = clearing.propose()
    signatures = tuple(o.sign_digest(proposal.settlement_id) for o in OPERATORS[:2])
    clearing.record(SettlementSigned(proposal.settlement_id, signatures))
    yield clearing.read(lambda state: get_settlement_record(state, proposal.settlement_id))
    clearing.close()


def seen(
    package: SettlementPackage, phases: dict[ChainId, Phase], lateness: int = EARLY
) -> dict[ChainId, ChainView]:
    """Return views of chains whose finalised header lies that far from the deadline."""
    time = package.settlement.prepare_deadline + lateness
    views = {}
    for chain_id, phase in phases.items():
        header = VerifiedHeader(chain_id, 9, Hash32(b"\x09" * 32), Hash32(b"\x08" * 32), time)
        proven = ProvenPhase(phase, header, CounterProof(9, (), ()))
        views[chain_id] = ChainView(proven, phase, ZERO_HASH, time)
    return views


def test_package_carries_everything_of_a_record_whose_id_is_its_content(
    record: SettlementRecord,
) -> None:
    package = package_of_record(build_genesis(), record)
    assert (package.settlement, package.legs) == (record.settlement, record.legs)
    assert package.signatures == record.signatures
    assert package.active_chains == CHAINS
    assert package.spokes == (SPOKE, REMOTE)


def test_package_is_refused_when_the_server_names_another_id(record: SettlementRecord) -> None:
    altered = msgspec.structs.replace(record.settlement, decide_by=record.settlement.decide_by + 1)
    with pytest.raises(ProofInvalid) as refused:
        package_of_record(build_genesis(), replace(record, settlement=altered))
    assert refused.value.reason == "settlement_id_mismatch"


def all_in(phase: Phase, **others: Phase) -> dict[ChainId, Phase]:
    named = {"home": HOME, "spoke": SPOKE, "remote": REMOTE}
    return dict.fromkeys(CHAINS, phase) | {named[name]: other for name, other in others.items()}


@pytest.mark.parametrize(
    ("phases", "lateness", "ended"),
    [
        (all_in(Phase.FINAL), EARLY, True),
        (all_in(Phase.ABORTED), EARLY, True),
        (all_in(Phase.FINAL, spoke=Phase.COMMITTED), EARLY, False),
        (all_in(Phase.COMMITTED), LATE, False),
        (all_in(Phase.ABORTED, remote=Phase.PREPARED), LATE, False),
        (all_in(Phase.ABORTED, remote=Phase.NONE), EARLY, False),  # it may still prepare
        (all_in(Phase.ABORTED, remote=Phase.NONE), LATE, True),
        (all_in(Phase.NONE), EARLY, False),
        (all_in(Phase.NONE), LATE, True),
        (all_in(Phase.NONE, spoke=Phase.PREPARED), LATE, False),
        (all_in(Phase.NONE, spoke=Phase.ABORTED), LATE, True),
        ({HOME: Phase.FINAL, SPOKE: Phase.FINAL}, LATE, False),  # one chain did not answer
        ({}, LATE, False),
    ],
)
def test_settlement_has_ended_only_when_no_chain_has_anything_left_to_do(
    record: SettlementRecord, phases: dict[ChainId, Phase], lateness: int, ended: bool
) -> None:
    package = package_of_record(build_genesis(), record)
    assert has_ended(package, seen(package, phases, lateness)) is ended


def test_relay_exits_two_when_the_deployment_is_missing(tmp_path: Path) -> None:
    shown = CliRunner().invoke(
        app,
        ["relay", "--deployment", str(tmp_path), "--keystore", str(tmp_path / "key.json"),
         "--passphrase-file", str(tmp_path / "passphrase")],
    )  # fmt: skip
    assert shown.exit_code == 2
    assert "deployment_missing" in shown.stderr


def test_relay_takes_no_key_on_the_command_line() -> None:
    shown = CliRunner().invoke(app, ["relay", "--help"])
    assert "--keystore" in shown.stdout
    assert "--private-key" not in shown.stdout
