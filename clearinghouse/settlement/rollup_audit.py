"""Audits of rollups that nobody has to start: attesters who lie lose their bonds without a human.

What an audit is, only adapters know (``adapters.auditing``); here it is kept going. Auditors are
independent: one whose chain is silent stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from adapters.auditing import AuditStanding, RollupAuditor
from clearinghouse.errors import ClearingError
from clearinghouse.settlement.periodic import PeriodicWork

log = structlog.get_logger()

LOOK_SECONDS = 15.0
"""L1 decides after days; what counts is that nobody forgets to look."""


class RollupAudits(PeriodicWork):
    """Lets every auditor take its next step, again and again."""

    def __init__(
        self,
        auditors: Sequence[RollupAuditor],
        look_seconds: float = LOOK_SECONDS,
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        super().__init__("rollup-audits", look_seconds, on_fatal)
        self._auditors = tuple(auditors)
        self.standings: tuple[AuditStanding, ...] = ()
        """As of the last look."""

    def look(self) -> None:
        """Take one step of every audit."""
        for auditor in self._auditors:
            if self.is_closing:
                return
            try:
                auditor.step()
            except ClearingError as error:  # the next look tries again
                log.warning(
                    "rollup_audit.not_done",
                    rollup=auditor.rollup,
                    reason=error.reason,
                    detail=error.message,
                )
        self.standings = tuple(auditor.standing for auditor in self._auditors)
        for standing in self.standings:
            log.info(
                "rollup_audit.standing",
                rollup=standing.rollup,
                pending=standing.pending,
                true=standing.true,
                false=standing.false,
                unprovable=standing.unprovable,
            )
