"""Goal: one leader at a time, and an old one never appends, wherever it was held up.

Method: two journals on one database; a lease is let run out by moving its end, so nothing waits
for a clock but where a paused process is the case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, insert

from clearinghouse.errors import Conflict, Unavailable
from clearinghouse.store.journal import SqlJournal
from clearinghouse.store.lease import Lease
from clearinghouse.store.opening import open_database
from clearinghouse.store.rows import JOURNAL
from tests.unit.store.places import PostgresPlace
from tests.unit.store.records import build_records
from tests.waiting import WAIT_SECONDS, until

SLOW = Lease(seconds=60, renew_seconds=30, idle_seconds=30)
"""Nothing happens by itself."""
QUICK = Lease(seconds=0.6, renew_seconds=0.1, idle_seconds=30)

Open = Callable[[Lease], SqlJournal]


@pytest.fixture
def opened(postgres_place: PostgresPlace) -> Iterator[Open]:
    """Open journals on one database, closed after the test."""
    with ExitStack() as journals:

        def open_one(lease: Lease) -> SqlJournal:
            database = open_database(postgres_place.url, lease=lease)
            return journals.enter_context(SqlJournal(database))

        yield open_one


def row(place: PostgresPlace) -> tuple[str, int, bool]:
    """Return holder, term and whether the lease runs."""
    ((holder, term, live),) = place.execute(
        "SELECT holder, term, expires_at > clock_timestamp() FROM leadership"
    )
    return holder, term, live


def test_acquire_is_refused_with_the_holder_when_another_leads(opened: Open) -> None:
    first, second = opened(SLOW), opened(SLOW)
    first.leadership.acquire()
    first.leadership.acquire()  # keeps it
    assert (first.leadership.term, second.leadership.term) == (1, 0)
    with pytest.raises(Conflict) as refused:
        second.leadership.acquire()
    assert refused.value.reason == "journal_in_use"
    assert refused.value.attributes["term"] == 1
    assert str(refused.value.attributes["holder"]) in refused.value.message
    with pytest.raises(Unavailable) as unready:
        second.append(build_records(1))
    assert unready.value.reason == "journal_read_only"


def test_term_grows_when_leaders_follow_each_other(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    first, second = opened(SLOW), opened(SLOW)
    first.leadership.acquire()
    first.append(build_records(1))
    first.close()
    assert row(postgres_place)[1:] == (1, False)  # given back: nobody waits for its end
    second.leadership.acquire()
    assert second.leadership.term == 2
    second.append(build_records(1, second.head()))
    assert second.head()[0] == 2


def test_old_leader_never_appends_when_another_took_over(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    old, new = opened(SLOW), opened(SLOW)
    losses: list[Conflict] = []
    old.leadership.acquire()
    old.leadership.on_lost = losses.append
    old.append(build_records(1))
    postgres_place.expire_lease()
    new.leadership.acquire()
    late = build_records(1, old.head())
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            old.append(late)
        assert refused.value.reason == "leadership_lost"
        assert refused.value.attributes["term"] == 1
    assert len(losses) == 1
    with pytest.raises(Conflict) as refused:  # nor does it come back
        old.leadership.acquire()
    assert refused.value.reason == "leadership_lost"
    new.append(late)
    assert [record.sequence for record in new.read()] == [1, 2]
    old.close()
    assert row(postgres_place)[1:] == (2, True)  # the old one's end does not touch the new one's


def test_leader_goes_on_when_its_lease_ran_out_and_nobody_took_over(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    leader = opened(SLOW)
    leader.leadership.acquire()
    postgres_place.expire_lease()
    leader.append(build_records(1))
    assert leader.head()[0] == 1


def test_takeover_waits_for_the_append_that_was_there_first(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    old, new = opened(SLOW), opened(SLOW)
    old.leadership.acquire()
    postgres_place.expire_lease()
    inserted, go_on = threading.Event(), threading.Event()
    (record,) = build_records(1)

    def change(connection: Connection) -> None:
        connection.execute(
            insert(JOURNAL).values(
                sequence=1, time_milliseconds=0, kind="", payload=record.payload, hash=record.hash
            )
        )
        inserted.set()
        assert go_on.wait(WAIT_SECONDS)

    appending = threading.Thread(target=old.database.write, args=(change,))
    taking = threading.Thread(target=new.leadership.acquire)
    appending.start()
    assert inserted.wait(WAIT_SECONDS)
    taking.start()
    until(
        "the take-over waits",
        lambda: postgres_place.execute(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query LIKE 'UPDATE leadership%'"
        ),
    )
    assert (new.leadership.term, new.head()[0]) == (0, 0)
    go_on.set()
    for thread in (appending, taking):
        thread.join(WAIT_SECONDS)
    assert new.leadership.term == 2
    assert new.head() == (1, record.hash)


def test_paused_append_keeps_nothing_when_the_server_ended_its_session(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    impatient = Lease(seconds=60, renew_seconds=30, idle_seconds=0.7)
    old, new = opened(impatient), opened(SLOW)
    old.leadership.acquire()
    postgres_place.expire_lease()

    def take_over_meanwhile(connection: Connection) -> None:
        connection.exec_driver_sql(
            "INSERT INTO journal VALUES (1, 0, '', '\\x00'::bytea, '\\x00'::bytea)"
        )
        new.leadership.acquire()  # waits for the lock, and gets it from the server

    with pytest.raises(Unavailable) as refused:
        old.database.write(take_over_meanwhile)
    assert refused.value.reason == "journal_unreachable"
    with pytest.raises(Conflict) as lost:
        old.append(build_records(1))
    assert lost.value.reason == "leadership_lost"
    assert new.head()[0] == 0
    assert new.leadership.term == 2


def test_lease_is_kept_when_nothing_is_written(opened: Open, postgres_place: PostgresPlace) -> None:
    leader = opened(QUICK)
    leader.leadership.acquire()
    ((first,),) = postgres_place.execute("SELECT expires_at FROM leadership")
    until(
        "the lease is renewed",
        lambda: postgres_place.execute(
            "SELECT 1 FROM leadership WHERE expires_at > %s + interval '0.3 seconds'", first
        ),
    )
    assert row(postgres_place)[1:] == (1, True)


def test_lease_is_kept_by_the_writing_when_it_is_busy(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    leader = opened(Lease(seconds=60, renew_seconds=0, idle_seconds=30))
    leader.leadership.acquire()
    postgres_place.expire_lease()
    leader.append(build_records(1))
    assert row(postgres_place)[1:] == (1, True)


def test_lease_thread_hears_of_the_loss_when_nothing_is_written(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    old, new = opened(QUICK), opened(SLOW)
    lost = threading.Event()
    old.leadership.on_lost = lambda error: lost.set()
    old.leadership.acquire()

    def take() -> bool:
        postgres_place.expire_lease()
        try:
            new.leadership.acquire()
        except Conflict:
            return False  # it was renewed in between
        return True

    until("another took over", take)
    assert lost.wait(WAIT_SECONDS)
    assert old.leadership.term == 0


def test_lease_survives_when_the_database_was_away_for_a_while(
    opened: Open, postgres_place: PostgresPlace
) -> None:
    leader = opened(QUICK)
    leader.leadership.acquire()
    assert postgres_place.end_sessions() > 0
    postgres_place.expire_lease()
    until("the lease is renewed", lambda: row(postgres_place) == (row(postgres_place)[0], 1, True))
    leader.append(build_records(1))
