"""Stores that every run finds the same."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
def opened(file: Path) -> Iterator[Store]:
    """The engine's own store in ``file``, whose first connection is there already."""
    store = Store.open(f"sqlite:///{file}", clock=wall_clock)
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
