"""Stores that every run finds the same."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.bare_table import Keep, in_sqlite
from store.engines import PRAGMAS
from store.store import Store
from store.work import Work
from workers.clock import wall_clock


class Stores:
    """Copies of one store at the newest schema, in which ``prepare`` has written what each run begins with."""

    def __init__(self, folder: Path, prepare: Callable[[Work], object] = lambda _: None) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        self._number = 0
        with opened(self._template) as store:
            store.migrate()
            with store.begin() as work:
                prepare(work)
                work.commit()

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """The file of one more copy, deleted at the end."""
        self._number += 1
        file = self._folder / f"{self._number}.db"
        shutil.copy(self._template, file)
        try:
            yield file
        finally:
            for path in self._folder.glob(f"{file.name}*"):
                path.unlink()

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The engine's own store in one more copy."""
        with self.fresh() as file, opened(file) as store:
            yield store

    @contextmanager
    def bare(self) -> Iterator[Keep]:
        """The table of the bare loop in one more copy."""
        with self.fresh() as file, driven(file) as connection:
            yield in_sqlite(connection)


def opened(file: Path) -> AbstractContextManager[Store]:
    """The engine's own store in ``file``."""
    return opened_at(f"sqlite:///{file}")


@contextmanager
def opened_at(url: str) -> Iterator[Store]:
    """The engine's own store, whose first connection is there already."""
    store = Store.open(url, clock=wall_clock)
    with store.read():
        pass
    try:
        yield store
    finally:
        store.close()


@contextmanager
def driven(file: Path) -> Iterator[sqlite3.Connection]:
    """The driver alone on ``file``, set up as the store sets it up."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        yield connection
    finally:
        connection.close()
