"""``clearinghouse journal``: what an auditor sees of a journal, whole or damaged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clearinghouse.book.identifiers import to_hex
from clearinghouse.book.snapshot import ENCODING, encode_state
from clearinghouse.cli.journal import app
from clearinghouse.commitment.state_hash import state_hash
from clearinghouse.intake.replay import replay
from clearinghouse.store.journal import open_journal
from clearinghouse.store.schema import VERSIONS
from clearinghouse.store.snapshots import SnapshotStore
from tests.builders import ALICE, BOB, CHAINS, Clearing
from tests.unit.book.test_earlier_entries import records as earlier_records
from tests.unit.store.places import SqlitePlace
from tests.unit.store.records import build_records
from tests.unit.store.test_schema import build_first_release


@pytest.fixture
def clearing() -> Iterator[Clearing]:
    """Return a clearinghouse that has settled one cycle."""
    clearing = Clearing().start(ALICE, BOB)
    clearing.trade(ALICE, BOB, 3, 1_000)
    clearing.settle()
    yield clearing
    clearing.close()


@pytest.fixture
def path(clearing: Clearing, tmp_path: Path) -> Path:
    """Return the clearinghouse's journal as a file."""
    path = tmp_path / "journal.sqlite"
    with open_journal(f"sqlite:///{path}") as journal:
        journal.append(clearing.journal.records)
    return path


def test_verify_prints_where_the_journal_stands_when_it_is_whole(
    clearing: Clearing, path: Path
) -> None:
    shown = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--json"])
    assert shown.exit_code == 0, shown.stderr
    sequence, head = clearing.journal.head()
    assert json.loads(shown.stdout) == {
        "entries": sequence,
        "head": to_hex(head),
        "state_hash": to_hex(clearing.hash()),
        "legs_rebuilt": len(CHAINS),
        "snapshots_good": 0,
        "snapshots_damaged": 0,
    }


def test_verify_prints_for_people_when_json_is_not_asked_for(path: Path) -> None:
    shown = CliRunner().invoke(app, ["verify", f"sqlite:///{path}"])
    assert shown.exit_code == 0
    assert f"legs rebuilt      {len(CHAINS)}" in shown.stdout


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE journal SET payload = CAST(replace(CAST(payload AS TEXT), '1000', '1001') AS BLOB)",
        "UPDATE journal SET time_milliseconds = time_milliseconds + 1 WHERE sequence = 2",
        "DELETE FROM journal WHERE sequence = 3",
    ],
    ids=["payload", "time", "missing"],
)
def test_verify_exits_two_when_an_entry_was_altered(path: Path, damage: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        assert database.execute(damage).rowcount > 0
    shown = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--json"])
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert shown.stderr.startswith("error: journal_")


def test_show_prints_the_entries_asked_for_one_a_line(clearing: Clearing, path: Path) -> None:
    shown = CliRunner().invoke(app, ["show", f"sqlite:///{path}", "--first", "2", "--count", "3"])
    assert shown.exit_code == 0
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["sequence"] for line in lines] == [2, 3, 4]
    for line, record in zip(lines, clearing.journal.records[1:4], strict=True):
        assert line["hash"] == to_hex(record.hash)
        assert line["entry"] == json.loads(record.payload)
    assert lines[0]["kind"] == "InstrumentListed"


def test_show_prints_entries_when_an_earlier_release_wrote_them(tmp_path: Path) -> None:
    records = earlier_records()
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    with open_journal(url) as journal:
        journal.append(records)
    shown = CliRunner().invoke(app, ["show", url, "--count", "1000"])
    assert shown.exit_code == 0, shown.output
    kinds = [json.loads(line)["kind"] for line in shown.stdout.splitlines()]
    assert len(kinds) == len(records)
    assert {"FirstBatchRecorded", "FirstSettlementProposed"} <= set(kinds)


def test_journal_commands_leave_the_file_alone_when_there_is_none(tmp_path: Path) -> None:
    absent = tmp_path / "absent.sqlite"
    for command in ("verify", "show"):
        shown = CliRunner().invoke(app, [command, f"sqlite:///{absent}"])
        assert shown.exit_code == 2
        assert "journal_unwritable" in shown.stderr
        assert not absent.exists()


def save_snapshots(path: Path, *sequences: int) -> None:
    """Save snapshots of the journal's states, as a running server does."""
    with open_journal(f"sqlite:///{path}") as journal:
        store = SnapshotStore(journal.database, ENCODING)
        for sequence in sequences:
            state = replay(islice(journal.read(), sequence))
            store.save(sequence, state.head, state_hash(state), encode_state(state))


def test_verify_compares_snapshots_with_the_replay(clearing: Clearing, path: Path) -> None:
    last = clearing.journal.head()[0]
    save_snapshots(path, last - 2, last)
    shown = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--json"])
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert (found["snapshots_good"], found["snapshots_damaged"]) == (2, 0)
    assert found["state_hash"] == to_hex(clearing.hash())


def test_verify_tells_of_a_snapshot_of_another_state(clearing: Clearing, path: Path) -> None:
    with open_journal(f"sqlite:///{path}") as journal:
        state = replay(islice(journal.read(), 3))
        sequence, head = journal.head()
        SnapshotStore(journal.database, ENCODING).save(
            sequence, head, state_hash(state), encode_state(state)
        )
    shown = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--json"])
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert (found["snapshots_good"], found["snapshots_damaged"]) == (0, 1)
    assert found["state_hash"] == to_hex(clearing.hash())  # the journal's word counts


def test_snapshots_prints_each_with_its_damage(clearing: Clearing, path: Path) -> None:
    last = clearing.journal.head()[0]
    save_snapshots(path, last - 1, last)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE snapshot SET checksum = zeroblob(32) WHERE sequence = ?", (last,))
    shown = CliRunner().invoke(app, ["snapshots", f"sqlite:///{path}"])
    assert shown.exit_code == 0, shown.stderr
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(line["sequence"], line["damage"]) for line in lines] == [
        (last, "checksum"),
        (last - 1, None),
    ]


def test_migrate_brings_tables_up_to_date_when_an_earlier_release_made_them(
    tmp_path: Path,
) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    records = build_records(2)
    build_first_release(place, records)
    refused = CliRunner().invoke(app, ["show", place.url])
    assert refused.exit_code == 2
    assert "journal_version" in refused.stderr
    shown = CliRunner().invoke(app, ["migrate", place.url])
    assert (shown.exit_code, shown.stdout) == (0, f"the journal has schema {VERSIONS[-1]}\n")
    with open_journal(place.url, read_only=True) as journal:
        assert list(journal.read()) == records
