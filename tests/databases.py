"""Empty stores for tests, on each database that the engine runs on."""

import pytest
from sqlalchemy import make_url

from store.engines import engine_for
from store.store import Store
from store.tables import metadata

sqlite_only = pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
"""For a test of what only SQLite has, such as its plans of a query; or of what takes long and asks no database."""

long_on_postgresql = pytest.mark.parametrize(
    "stores", ["sqlite", pytest.param("postgresql", marks=pytest.mark.at_length)], indirect=True
)
"""For a property of many tries, of which each is a store."""


class Reused:
    """Databases at the newest schema that are emptied and used again, with all that their connections know by then.

    ``make()`` makes one more and returns its URL.
    """

    def __init__(self, make):
        self._make = make
        self._free = []
        self._all = []

    def empty(self):
        """What connects to one that holds nothing."""
        if not self._free:
            self._all.append(engine_for(make_url(self._make())))
            return self._all[-1]
        engine = self._free.pop()
        with engine.begin() as connection:
            for statement in EMPTYING[engine.dialect.name]:
                connection.exec_driver_sql(statement)
        return engine

    def free(self, engines):
        """Nobody uses these any more."""
        self._free.extend(engines)

    def close(self):
        """Close every connection."""
        for engine in self._all:
            engine.dispose()


class Stores:
    """The stores of one test; ``bare()`` is the URL of a place that holds nothing at all, ``new()`` that of an empty
    store at the newest schema."""

    def __init__(self, name, reused, *, bare, new):
        self.name = name
        self.bare = bare
        self.new = new
        self._reused = reused
        self._engines = []
        self._open = []

    def fresh(self, clock):
        """An empty store at the newest schema."""
        self._engines.append(self._reused.empty())
        return Store(self._engines[-1], clock=clock)

    def apart(self, clock):
        """An empty store that nobody else ever used, for what takes its place."""
        return self.opened(self.new(), clock)

    def opened(self, url, clock):
        """A store that is closed with the others."""
        self._open.append(Store.open(url, clock=clock))
        return self._open[-1]

    def give_back(self):
        """Nobody uses the stores any more that were handed out."""
        while self._open:
            self._open.pop().close()
        self._reused.free(self._engines)
        self._engines = []


ROWS = [f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)]
SEEDS = "INSERT INTO counters (name, value) VALUES ('ingest', 0)"
"""What the migrations put into a new store."""
NUMBERS = [
    f'ALTER SEQUENCE "{table.name}_{table.autoincrement_column.name}_seq" RESTART'
    for table in metadata.sorted_tables
    if table.autoincrement_column is not None
]
EMPTYING = {
    "sqlite": [*ROWS, "DELETE FROM sqlite_sequence", SEEDS],
    "postgresql": ["; ".join([*ROWS, *NUMBERS, SEEDS])],
}
"""Deleting from small tables takes a tenth of the time that TRUNCATE takes in PostgreSQL, which makes new files."""
