"""Keeps light clients young: one that expires takes no update any more, and its chain is cut off.

Settling brings clients all the headers that it needs; this is for the times when nothing settles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from adapters.base import ChainAdapter, ClientState, ClientStatus, TransactionOutcome
from clearinghouse.book.identifiers import ChainId
from clearinghouse.errors import ClearingError
from clearinghouse.settlement.periodic import PeriodicWork

log = structlog.get_logger()

REFRESH_SHARE = 4
"""A client is updated when it has lived a quarter of what it may: three quarters are left to find
out why an update fails."""

LOOK_SECONDS = 15.0


@dataclass(frozen=True)
class ClientAge:
    """One light client and how old its newest header is."""

    on_chain: ChainId
    followed: ChainId
    state: ClientState
    age_seconds: int | None
    """By the clock of the chain it is on; None before its first header."""


def find_age(
    adapters: Mapping[ChainId, ChainAdapter], on_chain: ChainId, followed: ChainId
) -> ClientAge:
    """Return the age of a light client.

    Raises
    ------
    Unavailable
        When its chain does not answer.
    """
    adapter = adapters[on_chain]
    state = adapter.hint_client(followed)
    age = max(adapter.hint_time() - state.timestamp, 0) if state.height else None
    return ClientAge(on_chain, followed, state, age)


def update_client(
    adapters: Mapping[ChainId, ChainAdapter], on_chain: ChainId, followed: ChainId
) -> list[TransactionOutcome]:
    """Bring a light client to the newest finalised header; nothing is sent where it holds it.

    Raises
    ------
    ClearingError
        When either chain does not answer, or the client refuses.
    """
    header = adapters[followed].find_finalised_header()
    held = adapters[on_chain].hint_client_height(followed)
    if header is None or held >= header.height:
        return []
    return [
        adapters[on_chain].submit_client_update(followed, update)
        for update in adapters[followed].build_client_updates(header, held)
    ]


class KeepAlive(PeriodicWork):
    """Looks at every light client, and updates those that would expire."""

    def __init__(
        self,
        adapters: Mapping[ChainId, ChainAdapter],
        followed: Mapping[ChainId, Sequence[ChainId]],
        trusting_seconds: Mapping[ChainId, int],
        look_seconds: float = LOOK_SECONDS,
        on_fatal: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """``followed`` names the clients on each chain; ``trusting_seconds`` how long they last.

        Clients of chains without an entry in ``trusting_seconds`` never expire.
        """
        super().__init__("keep-alive", look_seconds, on_fatal)
        self._adapters = adapters
        self._trusting_seconds = trusting_seconds
        self._clients = [
            (on_chain, other) for on_chain, others in followed.items() for other in others
        ]
        self.ages: tuple[ClientAge, ...] = ()
        """Of the clients whose chains answered, as of the last look and before its updates."""

    def look(self) -> None:
        """Update every client that is due."""
        ages = []
        for on_chain, followed in self._clients:
            if self.is_closing:
                return
            try:
                age = find_age(self._adapters, on_chain, followed)
                ages.append(age)
                self._report(age)
                if self._is_due(age):
                    update_client(self._adapters, on_chain, followed)
            except ClearingError as error:  # the next look tries again, long before it is too late
                log.warning(
                    "light_client.not_updated",
                    chain=on_chain,
                    followed=followed,
                    reason=error.reason,
                    detail=error.message,
                )
        self.ages = tuple(ages)

    def _is_due(self, age: ClientAge) -> bool:
        trusting_seconds = self._trusting_seconds.get(age.followed)
        if trusting_seconds is None or age.state.status is not ClientStatus.ACTIVE:
            return False
        return age.age_seconds is None or age.age_seconds >= trusting_seconds / REFRESH_SHARE

    def _report(self, age: ClientAge) -> None:
        level = log.info if age.state.status is ClientStatus.ACTIVE else log.error
        level(
            "light_client.age",
            chain=age.on_chain,
            followed=age.followed,
            age_seconds=age.age_seconds,
            trusting_seconds=self._trusting_seconds.get(age.followed),
            height=age.state.height,
            status=age.state.status.name,
        )
