"""``clearinghouse journal``: what an auditor sees of a journal, whole or damaged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clearinghouse.book.identifiers import to_hex
from clearinghouse.cli.journal import app
from clearinghouse.store.journal import open_journal
from tests.builders import ALICE, BOB, CHAINS, Clearing


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
    }


def test_verify_prints_for_people_when_json_is_not_asked_for(path: Path) -> None:
    shown = CliRunner().invoke(app, ["verify", f"sqlite:///{path}"])
    assert shown.exit_code == 0
    assert f"legs rebuilt {len(CHAINS)}" in shown.stdout


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


def test_journal_commands_leave_the_file_alone_when_there_is_none(tmp_path: Path) -> None:
    absent = tmp_path / "absent.sqlite"
    for command in ("verify", "show"):
        shown = CliRunner().invoke(app, [command, f"sqlite:///{absent}"])
        assert shown.exit_code == 2
        assert "journal_unwritable" in shown.stderr
        assert not absent.exists()
