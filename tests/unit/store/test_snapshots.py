"""Goal: a snapshot that is returned is what was saved, and of this journal; all else is passed by.

Method: both databases, damaged behind the store's back piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from clearinghouse.book.identifiers import Hash32
from clearinghouse.errors import Conflict, Corruption, Unavailable
from clearinghouse.store.journal import SqlJournal, open_journal
from clearinghouse.store.snapshots import KEPT_MAX, SnapshotStore
from tests.unit.store.places import Place
from tests.unit.store.records import build_records

STATE_HASH = Hash32(b"\x05" * 32)
CHUNK_BYTES = 1_000
PAYLOAD = bytes(range(256)) * 10
"""Three pieces, the last one short."""


@pytest.fixture
def snapshots(journal: SqlJournal) -> SnapshotStore:
    journal.append(build_records(9))
    return SnapshotStore(journal.database, encoding_version=1, chunk_bytes=CHUNK_BYTES)


def save(snapshots: SnapshotStore, journal: SqlJournal, *sequences: int) -> None:
    """Save snapshots of these sequences."""
    for sequence in sequences:
        record = next(journal.read(sequence))
        snapshots.save(sequence, record.hash, STATE_HASH, PAYLOAD + bytes([sequence]))


def pieces(place: Place) -> dict[int, int]:
    """Return how many pieces there are per sequence."""
    return dict(
        place.execute("SELECT sequence, count(*) FROM snapshot_chunk GROUP BY sequence ORDER BY 1")
    )  # type: ignore[arg-type]


def test_snapshot_comes_back_unchanged_when_saved(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    assert snapshots.find_newest() is None
    save(snapshots, journal, 4, 7)
    found = snapshots.find_newest()
    assert found is not None
    assert found.payload == PAYLOAD + bytes([7])
    assert (found.header.sequence, found.header.state_hash) == (7, STATE_HASH)
    assert found.header.head == next(journal.read(7)).hash
    assert pieces(place) == {4: 3, 7: 3}


@pytest.mark.parametrize(("limit", "sequence"), [(7, 7), (6, 4), (4, 4), (3, None), (None, 7)])
def test_find_newest_stays_at_or_below_when_told(
    snapshots: SnapshotStore, journal: SqlJournal, limit: int | None, sequence: int | None
) -> None:
    save(snapshots, journal, 4, 7)
    found = snapshots.find_newest(limit)
    assert (found and found.header.sequence) == sequence


@pytest.mark.parametrize("payload", [b"", b"x", bytes(CHUNK_BYTES), bytes(CHUNK_BYTES + 1)])
def test_snapshot_comes_back_unchanged_when_its_size_is_at_an_edge(
    snapshots: SnapshotStore, journal: SqlJournal, payload: bytes
) -> None:
    snapshots.save(9, journal.head()[1], STATE_HASH, payload)
    assert snapshots.get_verified(9).payload == payload


def test_oldest_snapshots_are_dropped_when_there_are_enough(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    save(snapshots, journal, 1, 2, 3, 4, 5)
    assert [header.sequence for header in snapshots.read_headers()] == [5, 4, 3]
    assert len(snapshots.read_headers()) == KEPT_MAX
    assert pieces(place) == {3: 3, 4: 3, 5: 3}


def test_save_changes_nothing_when_repeated(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    save(snapshots, journal, 4)
    snapshots.save(4, next(journal.read(4)).hash, STATE_HASH, b"other")
    assert snapshots.get_verified(4).payload == PAYLOAD + bytes([4])
    assert pieces(place) == {4: 3}


@pytest.mark.parametrize("sequence", [4, 10])
def test_save_is_refused_when_the_state_is_not_of_this_journal(
    snapshots: SnapshotStore, place: Place, sequence: int
) -> None:
    with pytest.raises(Conflict) as refused:
        snapshots.save(sequence, Hash32(bytes(32)), STATE_HASH, PAYLOAD)
    assert refused.value.reason == "snapshot_foreign"
    assert pieces(place) == {}


def test_pieces_of_a_crashed_save_are_swept_up_by_the_next(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    for number in range(2):
        place.execute("INSERT INTO snapshot_chunk VALUES (3, %s, %s)", number, b"left over")
    assert snapshots.find_newest() is None
    save(snapshots, journal, 4)
    assert pieces(place) == {4: 3}


def _set(table: str, column: str, value: object) -> Callable[[Place], object]:
    return lambda place: place.execute(
        f"UPDATE {table} SET {column} = %s WHERE sequence = 7", value
    )


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (_set("snapshot_chunk", "payload", bytes(CHUNK_BYTES)), "chunk_missing"),
        (
            lambda place: place.execute(
                "UPDATE snapshot_chunk SET payload = %s WHERE sequence = 7 AND number = 1",
                bytes(CHUNK_BYTES),
            ),
            "checksum",
        ),
        (
            lambda place: place.execute(
                "DELETE FROM snapshot_chunk WHERE sequence = 7 AND number = 2"
            ),
            "chunk_missing",
        ),
        (_set("snapshot", "head", bytes(32)), "head_mismatch"),
        (_set("snapshot", "state_hash", bytes(32)), "checksum"),
        (_set("snapshot", "checksum", bytes(32)), "checksum"),
        (_set("snapshot", "chunks", 2), "chunk_missing"),
        (_set("snapshot", "payload_bytes", -1), "chunk_missing"),
        (_set("journal", "hash", bytes(32)), "head_mismatch"),
        (lambda place: place.execute("DELETE FROM journal WHERE sequence >= 7"), "head_mismatch"),
    ],
)
def test_find_newest_takes_the_older_one_and_names_the_damaged(
    snapshots: SnapshotStore,
    journal: SqlJournal,
    place: Place,
    damage: Callable[[Place], object],
    cause: str,
) -> None:
    save(snapshots, journal, 4, 7)
    damage(place)
    with capture_logs() as logs:
        found = snapshots.find_newest()
    assert found is not None
    assert found.header.sequence == 4
    assert [entry for entry in logs if entry["event"] == "snapshot.refused"] == [
        {
            "event": "snapshot.refused",
            "log_level": "error",
            "reason": "snapshot_corrupt",
            "sequence": 7,
            "cause": cause,
        }
    ]
    with pytest.raises(Corruption) as refused:
        snapshots.get_verified(7)
    assert refused.value.attributes == {"sequence": 7, "cause": cause}


def test_writer_is_refused_when_the_journal_ends_before_its_snapshot(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    save(snapshots, journal, 7)
    journal.close()
    place.execute("DELETE FROM journal WHERE sequence >= 6")
    with pytest.raises(Corruption) as refused:
        open_journal(place.url)
    assert refused.value.reason == "journal_tail"
    assert refused.value.attributes == {"sequence": 6, "cause": "snapshot_ahead"}


def test_find_newest_finds_nothing_when_all_are_damaged(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    save(snapshots, journal, 4, 7)
    place.execute("UPDATE snapshot SET state_hash = %s", bytes(32))
    assert snapshots.find_newest() is None


def test_find_newest_passes_by_when_another_release_encoded_it(
    snapshots: SnapshotStore, journal: SqlJournal
) -> None:
    save(snapshots, journal, 4)
    other = SnapshotStore(journal.database, encoding_version=2, chunk_bytes=CHUNK_BYTES)
    assert other.find_newest() is None
    save(other, journal, 7)
    assert (found := other.find_newest()) and found.header.sequence == 7
    assert (found := snapshots.find_newest()) and found.header.sequence == 4


def test_reader_finds_but_cannot_save_when_read_only(
    snapshots: SnapshotStore, journal: SqlJournal, place: Place
) -> None:
    save(snapshots, journal, 4)
    with open_journal(place.url, read_only=True) as reader:
        shown = SnapshotStore(reader.database, encoding_version=1)
        assert shown.get_verified(4).payload == PAYLOAD + bytes([4])
        with pytest.raises(Unavailable) as refused:
            shown.save(9, journal.head()[1], STATE_HASH, PAYLOAD)
        assert refused.value.reason == "journal_read_only"


def test_append_goes_on_while_a_snapshot_is_saved(
    snapshots: SnapshotStore, journal: SqlJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, write = journal.head(), journal.database.write
    inside: list[bool] = []

    def write_and_append(change: Callable[..., None]) -> None:
        write(change)
        if not inside:  # after each piece of the snapshot, not after each append
            inside.append(True)
            journal.append(build_records(1, journal.head()))
            inside.pop()

    monkeypatch.setattr(journal.database, "write", write_and_append)
    snapshots.save(head[0], head[1], STATE_HASH, PAYLOAD)
    assert journal.head()[0] == head[0] + 4  # three pieces and the row
    assert snapshots.get_verified(head[0]).payload == PAYLOAD
