"""Writing what stands in SQLite's write-ahead log into the file, beside the transactions."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

import structlog

log = structlog.get_logger()

ROWS = 10_000
"""So many changed rows are worth a checkpoint: some thousand pages."""

BACKSTOP = 16_000
"""With so many pages in the log, about 64 MB, a commit writes them itself: where this thread does not keep up."""


class Checkpoints:
    """A thread that empties the log of one SQLite file, so that hardly any commit has to do so itself.

    A commit that does takes many times as long as the others. Readers and writers go on meanwhile (a passive
    checkpoint): what they still need of the log is written later.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._changed = 0
        self._due = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def changed(self, rows: int) -> None:
        """So many rows were changed by a transaction that is kept."""
        self._changed += rows
        if self._changed >= ROWS:
            self._changed = 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
                self._thread.start()
            self._due.set()

    def close(self) -> None:
        """End the thread, after the checkpoint that it is at."""
        if self._thread is not None:
            self._closing = True
            self._due.set()
            self._thread.join()
            self._thread, self._closing = None, False

    def _run(self) -> None:
        try:
            with closing(self._connect()) as connection:
                while self._due.wait() and not self._closing:
                    self._due.clear()
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            log.warning("store.checkpoints", error=str(error), told="commits write the log themselves from now on")
