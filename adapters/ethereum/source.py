"""Where light client data comes from. Whoever serves it is not trusted: all is verified later."""

from __future__ import annotations

from typing import Protocol

from clearinghouse.proofs.ethereum.containers import LightClientBootstrap, LightClientUpdate


class UpdateSource(Protocol):
    """Light client data of one beacon chain; unverified.

    Raises
    ------
    ProofInvalid
        ``json_malformed`` when it is no light client data at all.
    Unavailable
        When it cannot be had now.
    """

    def get_bootstrap(self) -> LightClientBootstrap:
        """Return the data of the block that is trusted at first."""
        ...

    def find_newest(self) -> LightClientUpdate | None:
        """Return the update of the newest finalised header, None before there is any."""
        ...

    def find_of_period(self, period: int) -> LightClientUpdate | None:
        """Return the best update of that period; it brings the next committee."""
        ...
