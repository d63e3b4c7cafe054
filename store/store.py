"""The store: where it is, how a turn begins and ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from store.engines import engine_for, reading, shown
from store.errors import StoreUnavailable, translated
from store.grants import grants
from store.revision import check
from store.work import Work

Clock = Callable[[], int]
"""Now, in int64 microseconds since 1970 in UTC."""


class Store:
    """Everything that is remembered, behind one URL.

    ``sqlite:///var/learning.db`` is a file beside the process, ``sqlite://`` lives in memory as long as the
    store does and takes one turn at a time, ``postgresql://USER@HOST/DATABASE`` is the schema ``learning`` of that
    database. A store may be shared by threads, not by forked processes.

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
        self.writes = 0
        """How many writing turns were begun here."""

    @classmethod
    def open(cls, url: str, *, clock: Clock) -> "Store":
        """Open the store at ``url``; a file's folder is created, nothing else is touched yet.

        Raises:
            StoreUnavailable: the URL is not one of SQLite or PostgreSQL, the folder cannot be made, or the driver
                of PostgreSQL is not installed.
        """
        try:
            return cls(engine_for(make_url(url)), clock=clock)
        except (ArgumentError, ValueError) as error:
            raise StoreUnavailable(
                f"cannot open the store: {error}; the right form is sqlite:///PATH or "
                "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
            ) from error

    @property
    def place(self) -> str:
        """The URL, without its password."""
        return shown(self._engine.url)

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """A writing turn; without ``commit()`` it is undone.

        In SQLite it holds the writer's lock from its beginning. In PostgreSQL turns go on beside each other, and those
        that take ingest numbers wait for one another where they take them, see ``Work.take``.
        """
        self.writes += 1
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
        with self._connected(writes=False) as connection:
            check(connection, place=self.place)

    def grants(self, role: str) -> list[str]:
        """What the owner of the schema must grant to ``role``, which then works with the store; nothing in SQLite."""
        if self._engine.dialect.name == "sqlite":
            return []
        return grants(self._engine.dialect, database=self._engine.url.database or "", role=role)

    def grant(self, role: str) -> list[str]:
        """Grant it, and return what was granted."""
        made = self.grants(role)
        with self._connected(writes=True) as connection:
            for statement in made:
                connection.exec_driver_sql(statement)
            connection.commit()
        return made

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[Connection]:
        driver: Any = self._engine.dialect.dbapi
        options = {} if writes else reading(self._engine)
        try:
            with self._engine.connect().execution_options(**options) as connection:
                connection.begin()
                yield connection
        except (DBAPIError, driver.Error) as error:
            raise translated(error, place=self.place) from error
