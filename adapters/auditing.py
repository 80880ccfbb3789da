"""What whoever keeps the audit of rollups going knows of it: one auditor per rollup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from clearinghouse.book.identifiers import ChainId


@dataclass(frozen=True)
class AuditStanding:
    """What became of a rollup's attestations since the auditor started."""

    rollup: ChainId
    pending: int
    """Attestations that L1 has not decided yet: it takes a week on most mainnets."""
    true: int
    false: int
    """Whoever signed these has lost its bond on every chain that answered."""
    unprovable: int
    """Of heights that L1 will never prove."""


class RollupAuditor(Protocol):
    """Holds one rollup's attesters to what its L1 proves. Used by one thread."""

    @property
    def rollup(self) -> ChainId: ...

    @property
    def standing(self) -> AuditStanding:
        """What became of everything that was attested so far."""
        ...

    def step(self) -> None:
        """Take up what was attested since, and judge what L1 has decided.

        Raises
        ------
        ClearingError
            When a chain does not answer or refuses. What the others allow was done; the rest is not
            lost: the next step tries again.
        """
        ...
