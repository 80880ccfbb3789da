"""The one tree of expected errors.

::

    ClearingError
    |-- Rejected       the caller's fault; nothing changed; do not retry unchanged
    |-- Conflict       the request contradicts what is already recorded
    |-- Unavailable    a resource is exhausted or away; retry later
    |-- ProofInvalid   untrusted bytes did not verify
    |-- ChainFault     a chain did what its finality rule forbids, or refused a call
    `-- Corruption     our own data is wrong: the process must stop

Each error carries a stable ``reason`` (what programs match on), a message that says what to do
next, and its own typed ``attributes``. ``clearinghouse.api.status`` maps the classes to gRPC codes.
"""

from __future__ import annotations

from typing import ClassVar


class ClearingError(Exception):
    """Base of every error that the clearinghouse expects to meet."""

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without being changed."""

    def __init__(self, reason: str, message: str, **attributes: object) -> None:
        super().__init__(message)
        self.reason = reason
        """Stable identifier of the cause; never reworded between releases."""
        self.message = message
        """For people: what was wrong and what to do next."""
        self.attributes = attributes
        """The values involved, for logs and for ``google.rpc.ErrorInfo`` metadata."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Rejected(ClearingError):
    """The caller sent something that can never be accepted as it is."""


class Conflict(ClearingError):
    """The request contradicts recorded state, for example a reused batch id."""


class Unavailable(ClearingError):
    """A bounded resource is full or a dependency is away; the call may be repeated."""

    retryable = True


class ProofInvalid(ClearingError):
    """Bytes from outside did not verify against what is trusted."""


class ChainFault(ClearingError):
    """A chain broke its finality rule, or refused a transaction that should have passed."""


class Corruption(ClearingError):
    """Recorded data contradicts itself. Going on would make it worse, so the process stops."""


def check(condition: bool, reason: str, message: str, **attributes: object) -> None:
    """Stop on an impossible state; unlike ``assert`` it survives ``python -O``.

    Raises
    ------
    Corruption
        When ``condition`` is false.
    """
    if not condition:
        raise Corruption(reason, message, **attributes)
