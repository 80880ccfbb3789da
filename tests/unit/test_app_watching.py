"""What a running application watches beside settling: audits of rollups, and metrics of both."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest

from adapters.auditing import AuditStanding
from clearinghouse.app import Application
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import Unavailable
from tests.unit.settlement.test_rollup_audit import CountingAuditor
from tests.unit.test_app import MemoryJournal, deployment_in, settings_of
from tests.waiting import until

ROLLUP = ChainId(902)


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_auditors_step_and_are_measured_when_the_application_runs(tmp_path: Path) -> None:
    auditor = CountingAuditor(ROLLUP)
    address = free_address()
    settings = settings_of().model_copy(update={"metrics_listen": address})
    application = Application(
        settings, deployment_in(tmp_path), MemoryJournal(), {}, (), auditors=[auditor]
    )
    with application:
        line = f'audited_total{{rollup="{ROLLUP}",verdict="true"}} 1'

        def is_measured() -> bool:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                return line in answer.read().decode()

        until("the first step is measured", is_measured)
        taken = settings_of().model_copy(update={"metrics_listen": address})
        with pytest.raises(Unavailable) as refused:
            Application(taken, deployment_in(tmp_path), MemoryJournal(), {}, ())
        assert refused.value.reason == "address_in_use"
    assert auditor.standing == AuditStanding(ROLLUP, pending=0, true=1, false=0, unprovable=0)
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        pass  # given back


def test_fault_of_an_auditor_ends_the_application_when_nobody_expected_it(tmp_path: Path) -> None:
    auditor = CountingAuditor(ROLLUP)
    auditor.failure = KeyError("a bug")
    told: list[Exception] = []
    application = Application(
        settings_of(),
        deployment_in(tmp_path),
        MemoryJournal(),
        {},
        (),
        on_fatal=told.append,
        auditors=[auditor],
    )
    with application:
        until("the fault is heard of", lambda: told)
    assert told == [auditor.failure]
