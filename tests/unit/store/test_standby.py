"""Goal: a standby has every record when it leads, and leads only once nobody else can write.

Method: a leader and a standby on one PostgreSQL database, in threads; on SQLite, where there is no
second writer, the same calls lead at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from clearinghouse.book.entries import JournalRecord
from clearinghouse.errors import Corruption
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.lease import Lease
from clearinghouse.store.opening import open_database
from clearinghouse.store.standby import follow_records, records_until_leading
from tests.postgres import PostgresServer
from tests.unit.store.places import Place, PostgresPlace
from tests.unit.store.records import build_records
from tests.waiting import WAIT_SECONDS, until

SLOW = Lease(seconds=60, renew_seconds=30, idle_seconds=30)


class Follower:
    """Collects what an iterator yields, in a thread of its own."""

    def __init__(self, records: Iterator[JournalRecord]) -> None:
        self.records: list[JournalRecord] = []
        self._thread = threading.Thread(target=self._run, args=(records,))
        self._thread.start()

    def _run(self, records: Iterator[JournalRecord]) -> None:
        for record in records:
            self.records.append(record)

    def await_records(self, count: int) -> None:
        until(f"{count} records are followed", lambda: len(self.records) >= count)

    def join(self) -> None:
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()


def _waiters(journal: SqlJournal) -> Any:
    return journal.database._news._waiters  # type: ignore[attr-defined]


def open_standby(place: PostgresPlace) -> SqlJournal:
    return SqlJournal(open_database(place.url, lease=SLOW))


def test_standby_leads_with_every_record_when_the_leader_is_gone(
    postgres_place: PostgresPlace,
) -> None:
    records = build_records(700)
    leader, standby = open_standby(postgres_place), open_standby(postgres_place)
    with leader, standby:
        leader.leadership.acquire()
        leader.append(records[:300])
        follower = Follower(records_until_leading(standby, threading.Event()))
        follower.await_records(300)
        leader.append(records[300:600])
        follower.await_records(600)
        assert standby.leadership.term == 0
        leader.append(records[600:])
        postgres_place.expire_lease()  # as if it had died
        follower.join()
        assert follower.records == records
        assert standby.leadership.term == 2
        standby.append(build_records(1, standby.head()))


def test_standby_leads_at_once_when_the_leader_stops_in_good_order(
    postgres_place: PostgresPlace,
) -> None:
    with open_standby(postgres_place) as standby:
        with open_standby(postgres_place) as leader:
            leader.leadership.acquire()
            leader.append(build_records(3))
            follower = Follower(records_until_leading(standby, threading.Event()))
            follower.await_records(3)
        follower.join()  # long before the sixty seconds of the lease are over
        assert standby.leadership.term == 2


def test_journal_is_opened_beside_its_leader_when_it_need_not_lead(
    postgres_place: PostgresPlace,
) -> None:
    with open_journal(postgres_place.url) as journal:
        journal.append(build_records(2))
        with open_journal(postgres_place.url, lead=False) as standby:
            assert (standby.leadership.term, standby.head()[0]) == (0, 2)


def test_standby_does_not_lead_when_it_is_stopped(postgres_place: PostgresPlace) -> None:
    stop = threading.Event()
    with open_standby(postgres_place) as leader, open_standby(postgres_place) as standby:
        leader.leadership.acquire()
        follower = Follower(records_until_leading(standby, stop))
        stop.set()
        follower.join()
        assert standby.leadership.term == 0


def test_standby_begins_where_a_snapshot_ends(journal: SqlJournal) -> None:
    records = build_records(20)
    journal.append(records)
    followed = list(records_until_leading(journal, threading.Event(), first_sequence=11))
    assert followed == records[10:]
    assert journal.leadership.term == 1


def test_standby_refuses_to_lead_when_the_tail_is_torn(place: Place, journal: SqlJournal) -> None:
    journal.append(build_records(5))
    place.execute("UPDATE journal SET time_milliseconds = 0 WHERE sequence = 5")
    with pytest.raises(Corruption) as refused:
        list(records_until_leading(journal, threading.Event()))
    assert refused.value.reason == "journal_tail"


def test_replica_sees_what_is_appended_until_it_is_stopped(
    journal: SqlJournal, place: Place
) -> None:
    records = build_records(60)
    journal.append(records[:20])
    stop = threading.Event()
    with open_journal(place.url, read_only=True) as replica:
        follower = Follower(follow_records(replica, stop))
        follower.await_records(20)
        for start in (20, 40):
            journal.append(records[start : start + 20])
            follower.await_records(start + 20)
        stop.set()
        follower.join()
    assert follower.records == records


def test_followers_hear_of_an_append_by_notification(
    postgres_place: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearinghouse.store.standby.LOOK_SECONDS", 600.0)  # no polling
    stop = threading.Event()
    journal = open_standby(postgres_place)
    with journal, open_journal(postgres_place.url, read_only=True) as replica:
        journal.leadership.acquire()
        followers = [Follower(follow_records(replica, stop)) for _ in range(3)]
        until("one of them listens", lambda: postgres_place.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND query LIKE 'LISTEN %' AND state = 'idle'"))  # fmt: skip
        until("the others wait for it", lambda: len(_waiters(replica)) == 2)
        journal.append(build_records(1))
        for follower in followers:
            follower.await_records(1)
        stop.set()
        journal.append(build_records(1, journal.head()))
        for follower in followers:
            follower.join()


def test_follower_goes_on_when_the_server_was_restarted() -> None:
    records = build_records(4)
    stop = threading.Event()
    with PostgresServer().start() as server:
        server.execute("postgres", "CREATE DATABASE journal")
        with open_journal(server.url("journal")) as journal:
            journal.append(records[:2])
            with open_journal(server.url("journal"), read_only=True) as replica:
                follower = Follower(follow_records(replica, stop))
                follower.await_records(2)
                server.stop(immediate=True)
                server.start()
                journal.append(records[2:])
                follower.await_records(4)
                stop.set()
                follower.join()
    assert follower.records == records
