"""The journal, as releases without Alembic made it (``PRAGMA user_version=1`` on SQLite)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "journal",
        sa.Column("sequence", _INT64, primary_key=True, autoincrement=False),
        sa.Column("time_milliseconds", _INT64, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    if op.get_context().dialect.name == "postgresql":
        # Compressing would cost the writer more time than the bytes cost the disk.
        op.execute("ALTER TABLE journal ALTER COLUMN payload SET STORAGE EXTERNAL")
