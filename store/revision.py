"""Which step of the schema's history a database stands at, and whether that is the newest."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from store.errors import StoreOutdated

STEPS = Path(__file__).parent / "migrations" / "versions"
"""A file for each step; its name ends with the number of the step."""

_TOLD = Table("alembic_version", MetaData(), Column("version_num", String))


def check(connection: Connection, *, place: str) -> None:
    """Make sure that the schema is the newest, without Alembic, which is slow to import.

    Raises:
        StoreOutdated: it is older, newer or not there.
    """
    current, newest = revision_of(connection), newest_revision()
    if current != newest:
        raise StoreOutdated(
            f"{place} has schema {current or 'none'}, this code needs {newest}; run `learning db upgrade`"
        )


def newest_revision() -> str:
    """The revision that this code was written for."""
    return max(step.stem.rpartition("_")[2] for step in STEPS.glob("*_*[0-9].py"))


def revision_of(connection: Connection) -> str | None:
    """Where the database stands; None where nobody has migrated it."""
    if not inspect(connection).has_table(_TOLD.name):
        return None
    revision: str | None = connection.execute(select(_TOLD.c.version_num)).scalar_one_or_none()
    return revision
