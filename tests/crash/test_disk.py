"""Goal: a disk that is full, or that fails a flush, loses nothing that was acknowledged.

Method: the system calls themselves fail, in the writer's process, while it is under load: writes by
the limit on the size of files, flushes by a filter in the kernel. SQLite only: PostgreSQL meets its
disk in processes of its own, and answers a failed flush by crashing (``test_kill``).
"""

from __future__ import annotations

import pytest

from tests.crash.auditor import Auditor
from tests.crash.system_calls import can_refuse_flushes
from tests.crash.writer import Writer, WriterOptions


def test_writer_goes_on_by_itself_when_the_disk_was_full(sqlite_url: str, auditor: Auditor) -> None:
    with Writer(sqlite_url) as writer:
        writer.await_acknowledged(30)
        writer.tell("fill disk")
        writer.await_refused("journal_unwritable")
        auditor.check(writer.acknowledged)
        writer.tell("free disk")
        writer.await_acknowledged(len(writer.acknowledged) + 30)
        standing = writer.stop()
    assert set(writer.refused) == {"journal_unwritable"}
    auditor.check(writer.acknowledged)
    assert auditor.check_state() == standing


@pytest.mark.skipif(not can_refuse_flushes(), reason="needs seccomp on a known processor")
def test_nothing_is_acknowledged_when_flushes_fail_and_all_is_there_after_a_restart(
    sqlite_url: str, auditor: Auditor
) -> None:
    with Writer(sqlite_url) as writer:
        writer.await_acknowledged(30)
        writer.tell("fail flushes")
        writer.await_refused("journal_unwritable")
        last = len(writer.acknowledged)
        writer.listen(0.2)
        assert len(writer.acknowledged) == last
        writer.kill()
    acknowledged = dict(writer.acknowledged)
    auditor.check(acknowledged)
    first = next(n for n in range(1, last + 2) if n not in acknowledged)
    with Writer(sqlite_url, WriterOptions(first_number=first), acknowledged) as successor:
        successor.await_acknowledged(last + 30)
        standing = successor.stop()
    auditor.check(acknowledged)
    assert auditor.check_state() == standing
