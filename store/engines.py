"""How each of the two databases is opened, and how a transaction in it begins."""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import ArgumentError

from store.checkpoints import BACKSTOP, Checkpoints
from store.errors import StoreUnavailable

PATIENCE_SECONDS = 5.0
"""How long a turn waits for another writer before it is StoreBusy."""

CONNECT_SECONDS = 5
"""How long a PostgreSQL server may take to answer."""

NETWORK = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""A connection is given up where the server's machine is silent for 30 s: without it a turn would wait for two hours,
and a commit for ever. One that is there and stands still is waited for: whether it commits is for it to say."""

SCHEMA = "learning"
"""Where our tables lie in a PostgreSQL database, and what its sessions are called."""

EXTRA = "pip install 'learning-engine[postgresql]'"
"""What brings the driver of PostgreSQL along."""

BREATH_SECONDS = 0.01
"""The pause between two tries to put the log ahead of a new file."""

PRAGMAS = (
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "cache_size = -65536",
    f"wal_autocheckpoint = {BACKSTOP}",
)
"""How SQLite is set up. With its usual cache of 2 MB a turn of some thousand rows spills its pages: 10 times slower."""

CHANGES = "changes"
"""Under which name a connection notes how many rows it had changed when its transaction began."""

WRITES = "writes"
"""Under which name it notes whether it may write."""

POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
"""What an address of PostgreSQL may begin with."""

_READING: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"writes": False},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}


def engine_for(url: URL) -> Engine:
    """What connects to the database at ``url``; a SQLite file's folder is created, nothing else is touched yet.

    Raises:
        ArgumentError: it is the address of another kind of database.
        StoreUnavailable: the folder cannot be made, or the driver of PostgreSQL is not installed.
    """
    if url.drivername in POSTGRESQL:
        return _postgresql(url)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    raise ArgumentError(f"a store is kept in SQLite or PostgreSQL, not in {url.drivername}")


def reading(engine: Engine) -> Mapping[str, Any]:
    """The options of a connection that sees one state of the store and cannot write."""
    return _READING[engine.dialect.name]


def shown(url: URL) -> str:
    """The address without its password, wherever in it that stands."""
    plain = url.set(drivername="postgresql") if url.drivername in POSTGRESQL else url
    secret = [name for name in plain.query if "password" in name.lower()]
    return plain.update_query_dict(dict.fromkeys(secret, "***")).render_as_string()


def _postgresql(url: URL) -> Engine:
    """Numbered parameters are plain ``%s``, as in SQLite they are ``?``: hot statements are compiled once for both."""
    settings = {
        "search_path": SCHEMA,
        "lock_timeout": f"{round(PATIENCE_SECONDS * 1000)}ms",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
    }
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            paramstyle="format",
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            connect_args=NETWORK
            | {
                "connect_timeout": CONNECT_SECONDS,
                "application_name": SCHEMA,
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            },
        )
    except ImportError as error:
        raise StoreUnavailable(f"{shown(url)} needs psycopg, which cannot be imported ({error}): {EXTRA}") from error


def _sqlite(url: URL) -> Engine:
    if url.database:
        _create_folder(Path(url.database))
        engine = create_engine(url, connect_args={"timeout": PATIENCE_SECONDS})
        _keep_the_log_short(engine)
    else:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _keep_the_log_short(engine: Engine) -> None:
    [file], _ = engine.dialect.create_connect_args(engine.url)
    checkpoints = Checkpoints(lambda: sqlite3.connect(file))

    def committed(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        checkpoints.changed(driver.total_changes - connection.info.pop(CHANGES, driver.total_changes))

    event.listen(engine, "commit", committed)
    event.listen(engine, "engine_disposed", lambda _engine: checkpoints.close())


def _create_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"cannot create the folder of the store {path}: {error}") from error


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Our own BEGIN instead of the driver's, which would come too late; the log ahead of the file."""
    connection.isolation_level = None
    _put_the_log_ahead(connection)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _put_the_log_ahead(connection: sqlite3.Connection) -> None:
    """Of processes that open a new file at once, SQLite refuses this to all but one without waiting: they try again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(BREATH_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    """A turn that will write says so at once: one that reads first and then writes fails when others write."""
    writes = connection.get_execution_options().get("writes", True)
    driver: Any = connection.connection.dbapi_connection
    if connection.info.get(WRITES) != writes:
        driver.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.info[WRITES] = writes
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    connection.info[CHANGES] = driver.total_changes
