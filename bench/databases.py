"""PostgreSQL databases that every run finds the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from bench.bare_table import Keep, in_postgresql
from bench.stores import opened_at
from bench.workbench import LeftOut
from store.store import Store
from store.work import Work
from tests import postgresql


class Databases:
    """Copies of one database at the newest schema, in which ``prepare`` has written what each run begins with.

    ``server`` says what they lie on, and whether it waits for its disk: both sides of a comparison do, or neither.
    """

    def __init__(self, template: str, prepare: Callable[[Work], object]) -> None:
        self._template = template
        self._number = 0
        with opened_at(template) as store:
            store.migrate()
            with store.begin() as work:
                prepare(work)
                work.commit()
        with psycopg.connect(template) as connection:
            [fsync] = connection.execute("SHOW fsync").fetchone() or ("unknown",)
            version = connection.info.parameter_status("server_version")
        self.server = f"PostgreSQL {version}, fsync {fsync}"

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of one more copy, dropped at the end."""
        self._number += 1
        name = urlsplit(self._template).path.removeprefix("/")
        copy = f"{name}_{self._number}"
        with psycopg.connect(self._named("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {copy} TEMPLATE {name}".encode())
            try:
                yield self._named(copy)
            finally:
                connection.execute(f"DROP DATABASE {copy} WITH (FORCE)".encode())

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The engine's own store in one more copy."""
        with self.fresh() as url, opened_at(url) as store:
            yield store

    @contextmanager
    def bare(self) -> Iterator[Keep]:
        """The table of the bare loop in one more copy."""
        with self.fresh() as url, psycopg.connect(url) as connection:
            yield in_postgresql(connection)

    def _named(self, database: str) -> str:
        return urlsplit(self._template)._replace(path=f"/{database}").geturl()


@contextmanager
def database_server() -> Iterator[Callable[[], str]]:
    """What makes a new, empty database and returns its address, on the server that the tests use.

    Raises:
        LeftOut: there can be none on this machine.
    """
    if reason := postgresql.missing():
        raise LeftOut(reason)
    with postgresql.server() as server:
        yield server.create
