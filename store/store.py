"""The store: where it is, how a turn begins and ends."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from store.errors import StoreUnavailable, translated
from store.work import Work

Clock = Callable[[], int]
"""Now, in int64 microseconds since 1970 in UTC."""

PATIENCE_SECONDS = 5.0
"""How long a turn waits for another writer before it is StoreBusy."""


PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "cache_size = -65536",
)
"""How SQLite is set up. With its usual cache of 2 MB a turn of some thousand rows spills its pages: 10 times slower."""


class Store:
    """Everything that is remembered, behind one URL.

    ``sqlite:///var/learning.db`` is a file beside the process, ``sqlite://`` lives in memory as long as the
    store does and takes one turn at a time. A store may be shared by threads, not by forked processes.

        store = Store.open("sqlite:///var/learning.db", clock=clock)
        store.migrate()
        with store.begin() as work:
            work.insert(alerts, rows)
            work.commit()

    Everything that the driver raises inside a block leaves it as one of ``store.errors``.
    """

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    @classmethod
    def open(cls, url: str, *, clock: Clock) -> "Store":
        """Open the store at ``url``; a file's folder is created, nothing else is touched yet.

        Raises:
            StoreUnavailable: the URL is not one of SQLite, or the folder cannot be made.
        """
        try:
            return cls(_engine(make_url(url)), clock=clock)
        except ArgumentError as error:
            raise StoreUnavailable(f"cannot open the store: {error}; the right form is sqlite:///PATH") from error

    @property
    def place(self) -> str:
        """The URL, without its password."""
        return self._engine.url.render_as_string()

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """A writing turn. It holds the writer's lock from its beginning; without ``commit()`` it is undone."""
        with self._connected(writes=True) as connection:
            yield Work(connection, now=self._clock())

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look at the store as it is now, which waits for nobody and holds nobody up. Writing fails."""
        with self._connected(writes=False) as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest revision. Processes that start together may all call it."""
        from store.migrations import upgrade  # noqa: PLC0415 - Alembic is slow to import and rarely needed

        with self._connected(writes=True) as connection:
            upgrade(connection, place=self.place)
            connection.commit()

    def check(self) -> None:
        """Make sure that the schema is the one this code was written for.

        Raises:
            StoreOutdated: it is older, newer or not there.
        """
        from store.migrations import check  # noqa: PLC0415

        with self._connected(writes=False) as connection:
            check(connection, place=self.place)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[Connection]:
        driver: Any = self._engine.dialect.dbapi
        try:
            with self._engine.connect().execution_options(writes=writes) as connection:
                connection.begin()
                yield connection
        except (DBAPIError, driver.Error) as error:
            raise translated(error, place=self.place) from error


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        raise ArgumentError(f"this version keeps its store in SQLite, not in {url.get_backend_name()}")
    if url.database:
        _create_folder(Path(url.database))
        engine = create_engine(url, connect_args={"timeout": PATIENCE_SECONDS})
    else:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _create_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"cannot create the folder of the store {path}: {error}") from error


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Our own BEGIN instead of the driver's, which would come too late; the log ahead of the file."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A turn that will write says so at once: one that reads first and then writes fails when others write."""
    writes = connection.get_execution_options().get("writes", True)
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
