"""The schema's history, one file a step. New tables and columns come by a new step, never by changing an old one."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from store.errors import StoreOutdated


def upgrade(connection: Connection, *, place: str) -> None:
    """Run the steps that are missing, in the transaction of ``connection``, which must hold the writer's lock.

    Whoever comes second waits for the lock, and then finds nothing to do.

    Raises:
        StoreOutdated: newer code has been here.
    """
    config = _config()
    steps = _steps(config)
    current = _current(connection)
    if current not in (None, *steps):
        raise StoreOutdated(
            f"{place} has schema {current}, which is newer than this code; it knows {steps[0]}; update it"
        )
    if current != steps[0]:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(connection: Connection, *, place: str) -> None:
    """Make sure that the schema is the newest.

    Raises:
        StoreOutdated: it is older, newer or not there.
    """
    current, newest = _current(connection), _steps(_config())[0]
    if current != newest:
        raise StoreOutdated(
            f"{place} has schema {current or 'none'}, this code needs {newest}; run `learning db upgrade`"
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _steps(config: Config) -> list[str]:
    """Every revision, the newest first."""
    return [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    return config
