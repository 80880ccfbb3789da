"""Schema versions: which one a database has, whether this release may use it, and migration.

A version is an Alembic revision in ``clearinghouse/store/migrations``. Migrating happens inside the
caller's transaction, so a crash leaves the old version or the new one. Older releases must not meet
a newer schema: they know it by the revision, those before Alembic by ``PRAGMA user_version``.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from clearinghouse.errors import Conflict, Corruption

VERSIONS = ("0001", "0002")
"""Known to this release, oldest first."""
_EMPTY = ""
_BEFORE_ALEMBIC = 1
"""``PRAGMA user_version`` of files of version 0001 that Alembic has not seen."""


def read_version(connection: Connection) -> str:
    """Return the schema's version, empty where there is no table yet.

    Raises
    ------
    Corruption
        ``journal_unreadable`` when there are tables and none of them is ours.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        if versions := list(found):
            return str(versions[0])
    elif not tables:
        return _EMPTY
    elif connection.dialect.name == "sqlite" and "journal" in tables:
        found = connection.exec_driver_sql("PRAGMA user_version").scalars()
        if found.one() == _BEFORE_ALEMBIC:
            return VERSIONS[0]
    raise Corruption(
        "journal_unreadable", "there is no journal in this database; configure the right one"
    )


def require_current(connection: Connection) -> None:
    """Check that nothing has to be migrated, for those who may not write.

    Raises
    ------
    Conflict
        ``journal_version`` when another release wrote it.
    Corruption
        ``journal_unreadable`` when it is no journal.
    """
    version = read_version(connection)
    if version == _EMPTY:
        raise Corruption("journal_unreadable", "the database is empty; start a server on it first")
    _require_known(version)
    if version != VERSIONS[-1]:
        raise Conflict(
            "journal_version",
            f"the journal has schema {version}, this release needs {VERSIONS[-1]}; stop its "
            "server and run `clearinghouse journal migrate`",
            version=version,
            expected=VERSIONS[-1],
        )


def migrate(connection: Connection) -> str:
    """Bring the schema to this release's version; return the one that was found.

    Assumes that the caller may write and that nobody else does.

    Raises
    ------
    Conflict
        ``journal_version`` when a newer release wrote it: nothing is migrated down.
    Corruption
        ``journal_unreadable`` when it is no journal.
    """
    version = read_version(connection)
    if version not in (_EMPTY, VERSIONS[-1]):
        _require_known(version)
    if version == VERSIONS[-1]:
        return version
    configuration = Config()
    configuration.set_main_option("script_location", "clearinghouse.store:migrations")
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    if version != _EMPTY and not inspect(connection).has_table("alembic_version"):
        command.stamp(configuration, version)
    command.upgrade(configuration, VERSIONS[-1])
    return version


def _require_known(version: str) -> None:
    if version not in VERSIONS:
        raise Conflict(
            "journal_version",
            f"the journal has schema {version} of a newer release, this one knows {VERSIONS[-1]}; "
            "run the release that wrote it",
            version=version,
            expected=VERSIONS[-1],
        )
