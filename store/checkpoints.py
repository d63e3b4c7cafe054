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
    checkpoint): what they still need of the log is written later. So is what finds the disk full.
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
        while self._is_due():
            try:
                self._empty()
            except sqlite3.Error as error:
                log.warning("store.checkpoints", error=str(error), told=f"it is tried again after {ROWS:,} more rows")

    def _empty(self) -> None:
        """Empty the log now and whenever that is due, until it fails or the thread ends."""
        with closing(self._connect()) as connection:
            going_on = True
            while going_on:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                going_on = self._is_due()

    def _is_due(self) -> bool:
        """Wait until it is; False where the thread is to end."""
        if not self._closing:
            self._due.wait()
            self._due.clear()
        return not self._closing
