"""Empty stores for tests, one kind for each database that the engine runs on."""

import shutil
from itertools import count

import psycopg
import pytest

from store.store import Store
from store.tables import metadata

sqlite_only = pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
"""For a test of what only SQLite has, such as its plans of a query."""

SEEDS = "INSERT INTO counters (name, value) VALUES ('ingest', 0);"
"""What the migrations put into a new store."""


class SqliteStores:
    """Each store is a file of its own, copied from one that was migrated."""

    name = "sqlite"

    def __init__(self, folder, migrated):
        self._folder = folder
        self._migrated = migrated
        self._numbers = count()
        self._open = []

    def fresh(self, clock):
        """An empty store at the newest schema."""
        url = self.bare()
        shutil.copy(self._migrated, url.removeprefix("sqlite:///"))
        return self.opened(url, clock)

    def bare(self):
        """The URL of a place that holds nothing at all."""
        return f"sqlite:///{self._folder}/{next(self._numbers)}.db"

    def opened(self, url, clock):
        """A store that is closed with the others."""
        self._open.append(Store.open(url, clock=clock))
        return self._open[-1]

    def give_back(self):
        """Close the stores that were handed out: nobody uses them any more."""
        while self._open:
            self._open.pop().close()


class Databases:
    """The databases of one PostgreSQL server, made once and used again and again."""

    def __init__(self, server):
        self._server = server
        self._numbers = count()
        self._free = []

    def empty(self):
        """The URL of a database at the newest schema that holds nothing."""
        if not self._free:
            return self._made()
        url = self._free.pop()
        with psycopg.connect(url, options="-c search_path=learning") as connection:
            connection.execute(_emptying())
        return url

    def free(self, urls):
        """Nobody uses these any more."""
        self._free.extend(urls)

    def bare(self):
        """The URL of a database in which nothing was made yet."""
        name = f"bare{next(self._numbers)}"
        self._server.create(name)
        return self._server.url(name)

    def _made(self):
        number = next(self._numbers)
        name = f"store{number}"
        self._server.create(name)
        store = Store.open(self._server.url(name), clock=lambda: 0)
        store.migrate()
        store.close()
        return self._server.url(name)


class PostgresqlStores:
    """Each store is a database of its own, which was emptied where it had been used."""

    name = "postgresql"

    def __init__(self, databases):
        self._databases = databases
        self._urls = []
        self._open = []

    def fresh(self, clock):
        """An empty store at the newest schema."""
        self._urls.append(self._databases.empty())
        return self.opened(self._urls[-1], clock)

    def bare(self):
        """The URL of a place that holds nothing at all."""
        return self._databases.bare()

    def opened(self, url, clock):
        """A store that is closed with the others."""
        self._open.append(Store.open(url, clock=clock))
        return self._open[-1]

    def give_back(self):
        """Close the stores that were handed out: nobody uses them any more."""
        while self._open:
            self._open.pop().close()
        self._databases.free(self._urls)
        self._urls = []


def _emptying():
    """Deleting from small tables takes a tenth of the time that TRUNCATE takes, which makes new files."""
    tables = [f'DELETE FROM "{table.name}";' for table in reversed(metadata.sorted_tables)]
    sequences = [
        f'ALTER SEQUENCE "{table.name}_{column.name}_seq" RESTART;'
        for table in metadata.sorted_tables
        for column in table.columns
        if column is table.autoincrement_column
    ]
    return "".join([*tables, SEEDS, *sequences])
