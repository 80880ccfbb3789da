"""Snapshots of the state; on PostgreSQL the lease of the one writer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INT64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and have releases without Alembic refuse the file."""
    op.create_table(
        "snapshot",
        sa.Column("sequence", _INT64, primary_key=True, autoincrement=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("state_hash", sa.LargeBinary, nullable=False),
        sa.Column("encoding_version", _INT64, nullable=False),
        sa.Column("payload_bytes", _INT64, nullable=False),
        sa.Column("chunks", _INT64, nullable=False),
        sa.Column("checksum", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "snapshot_chunk",
        sa.Column("sequence", _INT64, primary_key=True, autoincrement=False),
        sa.Column("number", _INT64, primary_key=True, autoincrement=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    if op.get_context().dialect.name == "sqlite":
        op.execute("PRAGMA user_version=2")
        return
    op.execute("ALTER TABLE snapshot_chunk ALTER COLUMN payload SET STORAGE EXTERNAL")
    op.create_table(
        "leadership",
        sa.Column("journal", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("INSERT INTO leadership VALUES ('journal', '', 0, to_timestamp(0))")
