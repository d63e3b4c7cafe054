"""Entries that were refused, with their bytes and the reason."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, select

from store.dialects import insert_new
from store.rows import columns
from store.tables import dead_letters


class Buried(NamedTuple):
    """A refused entry: its first bytes, how many there were, and how often it was tried."""

    worker: str
    stream: str
    entry: str
    reason: str
    body: bytes
    size: int
    attempts: int
    recorded_at: int


class DeadLetters:
    """What no retry will mend. One row for each (worker, stream, entry); nothing leaves but by ``drop``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def bury(
        self, *, worker: str, stream: str, entry: str, reason: str, body: bytes, size: int, attempts: int, now: int
    ) -> bool:
        """Keep an entry, and say whether it was new; one that already lies here stays as it was.

        A NUL in the reason becomes its symbol, because no text of PostgreSQL may hold one.
        """
        shown = reason.replace("\0", "\N{SYMBOL FOR NULL}")
        buried = Buried(worker, stream, entry, shown, body, size, attempts, now)
        return insert_new(self._connection, dead_letters, [buried._asdict()])[0]

    def get(self, worker: str, stream: str, *, entry: str) -> Buried | None:
        """The one that ``worker`` refused at this place."""
        row = self._connection.execute(
            select(*columns(dead_letters, Buried)).where(_named(worker, stream, entry))
        ).first()
        return None if row is None else Buried(*row)

    def drop(self, worker: str, stream: str, *, entry: str) -> bool:
        """Delete one, after it was sent again or seen by a person."""
        return self._connection.execute(delete(dead_letters).where(_named(worker, stream, entry))).rowcount == 1

    def list(self, worker: str | None = None, *, limit: int = 100) -> Sequence[Buried]:
        """The newest first, of one worker or of all."""
        chosen = select(*columns(dead_letters, Buried)).order_by(
            dead_letters.c.recorded_at.desc(), dead_letters.c.entry.desc()
        )
        if worker is not None:
            chosen = chosen.where(dead_letters.c.worker == worker)
        return [Buried(*row) for row in self._connection.execute(chosen.limit(limit))]


def _named(worker: str, stream: str, entry: str) -> ColumnElement[bool]:
    table = dead_letters.c
    return and_(table.worker == worker, table.stream == stream, table.entry == entry)
