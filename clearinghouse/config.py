"""Settings of the server: the only place that reads the environment.

Flags of the command line win over ``CLEARINGHOUSE_*`` variables. No key and no passphrase is ever
a setting; settings name the files that hold them.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """What ``clearinghouse serve`` needs to know."""

    model_config = SettingsConfigDict(env_prefix="CLEARINGHOUSE_", extra="forbid", frozen=True)

    deployment: Path = Path(".devnet")
    """A ``deployment.json`` or the directory that holds it."""
    journal: str = ""
    """URL, for example ``sqlite:///journal.sqlite``; empty: beside the deployment."""
    read_only: bool = False
    """Follow a journal that another process writes, and answer questions only."""
    listen: str = "127.0.0.1:50051"
    """Address of the API for venues and members; port 0 takes a free one."""
    operation_listen: str = "127.0.0.1:50052"
    """Address of the operator's API: loopback only, it has no authentication."""
    metrics_listen: str = ""
    """Address at which monitoring reads ``/metrics``; empty: nowhere."""
    cycle_seconds: int = Field(default=60, ge=0)
    """Between cuts, the first as soon as there is something to settle; 0 cuts on request only."""
    poll_seconds: float = Field(default=0.25, gt=0)
    """Between two looks at the chains."""

    @property
    def journal_url(self) -> str:
        """The journal's URL, with the default filled in."""
        if self.journal:
            return self.journal
        directory = self.deployment if self.deployment.is_dir() else self.deployment.parent
        return f"sqlite:///{directory.resolve() / 'journal.sqlite'}"
