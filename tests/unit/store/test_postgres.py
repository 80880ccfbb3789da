"""Goal: on PostgreSQL a lost connection neither loses an append nor writes it twice.

Method: a real server; a proxy that loses the connection around the commit; sessions and servers
that are ended; locks and errors of the server's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import Connection

from clearinghouse.errors import Conflict, Corruption, Unavailable
from clearinghouse.store.database import Database
from clearinghouse.store.engines import build_postgres_engine, parse_url
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.lease import Lease, LeaseLeadership
from clearinghouse.store.opening import open_database
from clearinghouse.store.snapshots import SnapshotStore
from tests.postgres import PostgresServer
from tests.unit.store.places import Place, PostgresPlace
from tests.unit.store.records import build_records
from tests.unit.store.severing import Moment, SeveringProxy
from tests.waiting import WAIT_SECONDS, until

LONG_LEASE = Lease(seconds=60, renew_seconds=30, idle_seconds=0.7)
"""So that no renewal's commit is the one that is severed."""

_WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND datname = current_database() AND query LIKE '%FOR UPDATE%'"
)


@pytest.fixture
def place(postgres_place: PostgresPlace) -> Place:
    return postgres_place


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[SeveringProxy]:
    with TemporaryDirectory(prefix="proxy-") as directory:
        with SeveringProxy(Path(directory), postgres_server.directory) as proxy:
            yield proxy


@pytest.fixture
def severed(postgres_place: PostgresPlace, proxy: SeveringProxy) -> Iterator[SqlJournal]:
    """A journal that is reached through the proxy."""
    url = postgres_place.server.url(postgres_place.database, proxy.directory)
    journal = SqlJournal(open_database(url, lease=LONG_LEASE))
    journal.leadership.acquire()
    journal.append(build_records(2))
    yield journal
    journal.close()


def entries(place: PostgresPlace) -> list[int]:
    """Return the sequences that are there."""
    return [row[0] for row in place.execute("SELECT sequence FROM journal ORDER BY sequence")]


# -- settings -----------------------------------------------------------------------------------


def test_sessions_are_durable_and_impatient_when_opened(journal: SqlJournal) -> None:
    with journal.database.engine.connect() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in (
                "synchronous_commit",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "transaction_timeout",
                "transaction_isolation",
            )
        }
    assert shown == {
        "synchronous_commit": "on",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "1s",
        "transaction_timeout": "10s",
        "transaction_isolation": "read committed",
    }


@pytest.mark.parametrize(("configured", "used"), [("off", "on"), ("remote_apply", "remote_apply")])
def test_commits_are_made_stronger_but_never_weaker_when_the_server_says_otherwise(
    postgres_place: PostgresPlace, configured: str, used: str
) -> None:
    name = postgres_place.database
    postgres_place.execute(f"ALTER DATABASE {name} SET synchronous_commit = {configured}")
    with open_journal(postgres_place.url) as journal:
        with journal.database.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == used


def test_connections_name_every_host_and_notice_silence_when_the_url_has_several() -> None:
    url = "postgresql://user@/journal?host=a:5432&host=b:5433&target_session_attrs=read-write"
    engine = build_postgres_engine(
        parse_url(f"{url}&connect_timeout=2"), read_only=False, timeouts_milliseconds={}
    )
    _, keywords = engine.dialect.create_connect_args(engine.url)
    assert (keywords["host"], keywords["port"]) == ("a,b", "5432,5433")
    assert keywords["target_session_attrs"] == "read-write"
    assert int(keywords["connect_timeout"]) == 2  # what the URL says wins
    assert keywords["tcp_user_timeout"] == "5000"


def test_open_is_refused_when_the_server_does_not_flush() -> None:
    with PostgresServer().start() as server:
        server.execute("postgres", "ALTER SYSTEM SET fsync = off")
        server.execute("postgres", "SELECT pg_reload_conf()")
        with server.database() as database:
            with pytest.raises(Conflict) as refused:
                open_journal(server.url(database))
    assert refused.value.reason == "journal_not_durable"
    assert refused.value.attributes == {"setting": "fsync"}


def test_open_is_refused_when_the_database_is_absent(postgres_server: PostgresServer) -> None:
    with pytest.raises(Unavailable) as refused:
        open_journal(postgres_server.url("absent"))
    assert refused.value.reason == "journal_unreachable"


def test_open_is_refused_when_it_is_another_database(postgres_place: PostgresPlace) -> None:
    postgres_place.execute("CREATE TABLE other (x int)")
    with pytest.raises(Corruption) as refused:
        open_journal(postgres_place.url)
    assert refused.value.reason == "journal_unreadable"


def test_open_shows_no_password_when_the_url_is_refused() -> None:
    for url in ("postgresql://user:secret@host", "nonsense://user:secret@host:port:port/x"):
        with pytest.raises(Exception) as refused:
            open_journal(url)
        assert "secret" not in str(refused.value)
        assert refused.value.reason == "JOURNAL_URL_INVALID"  # type: ignore[attr-defined]


# -- lost connections ---------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER, Moment.NEVER])
def test_append_is_kept_once_when_the_connection_is_lost_at_the_commit(
    severed: SqlJournal, postgres_place: PostgresPlace, proxy: SeveringProxy, moment: Moment
) -> None:
    records = build_records(5)
    proxy.arm(moment)
    severed.append(records[2:4])
    assert proxy.severed.is_set()
    assert entries(postgres_place) == [1, 2, 3, 4]
    severed.append(records[4:])
    assert list(severed.read()) == records


def test_append_waits_for_the_outcome_when_the_commit_comes_late(
    severed: SqlJournal, postgres_place: PostgresPlace, proxy: SeveringProxy
) -> None:
    records = build_records(3)
    proxy.arm(Moment.LATE)
    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(severed.append, records[2:])
        assert proxy.severed.wait(WAIT_SECONDS)
        until("the outcome is awaited", lambda: postgres_place.execute(_WAITING))
        assert not appending.done()
        assert entries(postgres_place) == [1, 2]
        proxy.released.set()
        appending.result(WAIT_SECONDS)
    assert list(severed.read()) == records
    severed.append(build_records(1, severed.head()))


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.AFTER, Moment.NEVER])
@pytest.mark.parametrize("part", [0, 1, 2])
def test_snapshot_is_saved_once_when_the_connection_is_lost_at_a_commit(
    severed: SqlJournal,
    postgres_place: PostgresPlace,
    proxy: SeveringProxy,
    moment: Moment,
    part: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    snapshots = SnapshotStore(severed.database, encoding_version=1, chunk_bytes=100)
    sequence, head = severed.head()
    write, writes = severed.database.write, count()

    def write_severed(change: Callable[[Connection], None]) -> None:
        if next(writes) == part:  # a piece, a piece, the row
            proxy.arm(moment)
        write(change)

    monkeypatch.setattr(severed.database, "write", write_severed)
    snapshots.save(sequence, head, head, bytes(150))
    assert proxy.severed.is_set()
    assert snapshots.get_verified(sequence).payload == bytes(150)
    assert postgres_place.execute("SELECT count(*) FROM snapshot_chunk") == [(2,)]


def test_append_goes_on_when_its_sessions_were_ended(
    journal: SqlJournal, postgres_place: PostgresPlace
) -> None:
    journal.append(build_records(1))
    list(journal.read())
    assert postgres_place.end_sessions() > 0
    journal.append(build_records(1, journal.head()))
    assert postgres_place.end_sessions() > 0
    assert [record.sequence for record in journal.read()] == [1, 2]


def test_reading_goes_on_between_pages_when_its_sessions_were_ended(
    journal: SqlJournal, postgres_place: PostgresPlace
) -> None:
    records = build_records(100)
    journal.append(records)
    reading = journal.read()
    first = [next(reading) for _ in range(5)]
    assert postgres_place.end_sessions() > 0
    assert [*first, *reading] == records


def test_journal_answers_nothing_until_the_outcome_is_known_when_the_server_stays_away() -> None:
    records = build_records(3)
    with PostgresServer().start() as server:
        server.execute("postgres", "CREATE DATABASE journal")
        engine = build_postgres_engine(
            parse_url(server.url("journal")), read_only=False, timeouts_milliseconds={}
        )
        open_journal(server.url("journal")).close()
        database = Database(engine, LeaseLeadership(engine, LONG_LEASE), reconnect_seconds=0.1)
        with SqlJournal(database) as journal:
            journal.leadership.acquire()
            journal.append(records[:1])
            server.stop(immediate=True)
            for attempt in (lambda: journal.append(records[1:]), journal.head,
                            lambda: next(journal.read())):  # fmt: skip
                with pytest.raises(Unavailable) as refused:
                    attempt()
                assert refused.value.reason == "journal_unreachable"
            server.start()
            assert journal.head() == (1, records[0].hash)
            journal.append(records[1:])
            assert list(journal.read()) == records


# -- what the server refuses --------------------------------------------------------------------


def test_append_is_refused_and_recovers_when_the_table_is_locked(
    impatient: SqlJournal, postgres_place: PostgresPlace
) -> None:
    impatient.append(build_records(1))
    with psycopg.connect(postgres_place.server.dsn(postgres_place.database)) as foreign:
        foreign.execute("LOCK TABLE journal IN EXCLUSIVE MODE")
        with pytest.raises(Unavailable) as refused:
            impatient.append(build_records(1, impatient.head()))
        assert refused.value.reason == "journal_locked"
        assert [record.sequence for record in impatient.read()] == [1]
    impatient.append(build_records(1, impatient.head()))
    assert impatient.head()[0] == 2


@pytest.mark.parametrize("code", ["53100", "58030"])
def test_append_keeps_nothing_and_recovers_when_the_server_cannot_write(
    journal: SqlJournal, postgres_place: PostgresPlace, code: str
) -> None:
    postgres_place.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN RAISE EXCEPTION ''no space'' USING ERRCODE = ''{code}''; END'"
    )
    postgres_place.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON journal FOR EACH ROW "
        "WHEN (NEW.sequence = 3) EXECUTE FUNCTION fail()"
    )
    records = build_records(3)
    with pytest.raises(Unavailable) as refused:
        journal.append(records)
    assert refused.value.reason == "journal_unwritable"
    assert refused.value.attributes == {"code": code}
    assert list(journal.read()) == []
    postgres_place.execute("DROP TRIGGER fail ON journal")
    journal.append(records)
    assert list(journal.read()) == records


def test_reader_cannot_write_when_read_only(
    journal: SqlJournal, postgres_place: PostgresPlace
) -> None:
    with open_journal(postgres_place.url, read_only=True) as reader:
        with reader.database.engine.connect() as connection:
            shown = connection.exec_driver_sql("SHOW transaction_read_only").scalar_one()
        assert shown == "on"
        with pytest.raises(Unavailable) as refused:
            reader.append(build_records(1))
        assert refused.value.reason == "journal_read_only"


def test_two_servers_make_the_tables_once_when_they_start_together(
    postgres_place: PostgresPlace,
) -> None:
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait(WAIT_SECONDS)
        open_database(postgres_place.url).close()

    with ThreadPoolExecutor(4) as pool:
        for started in [pool.submit(start) for _ in range(4)]:
            started.result(WAIT_SECONDS)
    assert postgres_place.execute("SELECT count(*) FROM leadership") == [(1,)]
