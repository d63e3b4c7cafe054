"""The schema's history, one file a step. New tables and columns come by a new step, never by changing an old one."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.schema import CreateSchema

from store.engines import SCHEMA
from store.errors import StoreOutdated
from store.revision import revision_of

_TURN = text("SELECT pg_advisory_xact_lock(hashtext('learning.migrations'))")
_SCHEMA = text("SELECT to_regnamespace(:name) IS NOT NULL")


def upgrade(connection: Connection, *, place: str) -> None:
    """Run the steps that are missing, in the transaction of ``connection``, which holds SQLite's writer's lock.

    Whoever comes second waits, for that lock or for one that is taken here, and then finds nothing to do.

    Raises:
        StoreOutdated: newer code has been here.
    """
    if connection.dialect.name == "postgresql":
        prepare(connection)
    config = _config()
    steps = _steps(config)
    current = revision_of(connection)
    if current not in (None, *steps):
        raise StoreOutdated(
            f"{place} has schema {current}, which is newer than this code; it knows {steps[0]}; update it"
        )
    if current != steps[0]:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def prepare(connection: Connection) -> None:
    """Wait for whoever migrates now; make PostgreSQL's schema where it is not there, which not every role may."""
    connection.execute(_TURN)
    if not connection.execute(_SCHEMA, {"name": SCHEMA}).scalar_one():
        connection.execute(CreateSchema(SCHEMA))


def _steps(config: Config) -> list[str]:
    """Every revision, the newest first."""
    return [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    return config
