"""Entries that were refused, with their bytes and the reason, and what people did about them."""

from collections.abc import Sequence
from enum import Enum
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select, update

from store.dialects import insert_new
from store.rows import columns
from store.tables import dead_letters, letter_fates

MORE = "more-"


class Buried(NamedTuple):
    """A refused entry: its first bytes, how many there were, and how often it was tried.

    One whose ``entry`` begins with ``MORE`` counts others that were not kept: ``attempts`` is how many.
    """

    worker: str
    stream: str
    entry: str
    reason: str
    body: bytes
    size: int
    attempts: int
    recorded_at: int


class Fate(Enum):
    """What a person did about a refused entry."""

    RETRIED = "retried"
    DROPPED = "dropped"


class Closed(NamedTuple):
    """What was done about one, why where that was said, by whom and when (int64 microseconds)."""

    fate: Fate
    reason: str | None
    by: str
    time: int


class OpenLetters(NamedTuple):
    """So many open letters of one worker and stream have the same reason; the newest is of ``newest``."""

    worker: str
    stream: str
    reason: str
    letters: int
    newest: int


class DeadLetters:
    """What no retry by itself will mend. One row for each (worker, stream, entry), open until a person closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def bury(
        self, *, worker: str, stream: str, entry: str, reason: str, body: bytes, size: int, attempts: int, now: int
    ) -> str | None:
        """Keep an entry, and return as which entry it lies here; None where it already does, and stays as it was.

        A broker that lost its data gives ids of entries again. Another entry of the same id lies here as
        ``1700000000000-0~2``. A NUL in the reason becomes its symbol, because no text of PostgreSQL may hold one.
        """
        shown = reason.replace("\0", "\N{SYMBOL FOR NULL}")
        for number in count(1):
            place = entry if number == 1 else f"{entry}~{number}"
            buried = Buried(worker, stream, place, shown, body, size, attempts, now)
            if insert_new(self._connection, dead_letters, [buried._asdict()])[0]:
                return place
            lies = self.get(worker, stream, entry=place)
            if lies is None or (lies.body, lies.size) == (body, size):
                break
        return None

    def kept_since(self, worker: str, time: int) -> int:
        """How many ``worker`` has buried from ``time`` on, int64 microseconds."""
        table = dead_letters.c
        chosen = select(func.count()).where(table.recorded_at >= time, table.worker == worker)
        return int(self._connection.execute(chosen).scalar_one())

    def buried(self, worker: str, stream: str, entries: Sequence[str]) -> set[str]:
        """Those of ``entries`` that lie here."""
        table = dead_letters.c
        chosen = select(table.entry).where(
            table.worker == worker, table.stream == stream, table.entry.in_(list(entries))
        )
        return set(self._connection.execute(chosen).scalars())

    def add(self, worker: str, stream: str, *, entry: str, entries: int, size: int) -> None:
        """Let one that counts others, ``attempts`` of them with ``size`` bytes, count some more."""
        table = dead_letters.c
        more = {"attempts": table.attempts + entries, "size": table.size + size}
        self._connection.execute(update(dead_letters).where(_named(worker, stream, entry)).values(more))

    def get(self, worker: str, stream: str, *, entry: str) -> Buried | None:
        """The one that ``worker`` refused at this place."""
        row = self._connection.execute(
            select(*columns(dead_letters, Buried)).where(_named(worker, stream, entry))
        ).first()
        return None if row is None else Buried(*row)

    def close(self, letter: Buried, fate: Fate, *, by: str, reason: str | None = None, now: int) -> bool:
        """Say what was done about one, and whether it was open; what was said first stands."""
        row = {
            "worker": letter.worker,
            "stream": letter.stream,
            "entry": letter.entry,
            "fate": fate.value,
            "reason": reason,
            "by": by,
            "time": now,
        }
        return insert_new(self._connection, letter_fates, [row])[0]

    def closed(self, letter: Buried) -> Closed | None:
        """What was done about one; None while it is open."""
        table = letter_fates.c
        chosen = select(table.fate, table.reason, table.by, table.time).where(
            table.worker == letter.worker, table.stream == letter.stream, table.entry == letter.entry
        )
        row = self._connection.execute(chosen).first()
        return None if row is None else Closed(Fate(row.fate), row.reason, row.by, row.time)

    def list(self, worker: str | None = None, *, limit: int = 100) -> Sequence[Buried]:
        """The newest first, open or closed, of one worker or of all."""
        chosen = select(*columns(dead_letters, Buried)).order_by(
            dead_letters.c.recorded_at.desc(), dead_letters.c.entry.desc()
        )
        if worker is not None:
            chosen = chosen.where(dead_letters.c.worker == worker)
        return [Buried(*row) for row in self._connection.execute(chosen.limit(limit))]

    def open(
        self, *, worker: str | None = None, stream: str | None = None, reason: str | None = None, limit: int = 100
    ) -> Sequence[Buried]:
        """The open ones, the newest first: of a worker, of a stream, with ``reason`` in their reason."""
        table = dead_letters.c
        chosen = _chosen(select(*columns(dead_letters, Buried)), worker, stream, reason)
        newest_first = chosen.order_by(table.recorded_at.desc(), table.entry.desc()).limit(limit)
        return [Buried(*row) for row in self._connection.execute(newest_first)]

    def reasons(
        self, *, worker: str | None = None, stream: str | None = None, reason: str | None = None
    ) -> Sequence[OpenLetters]:
        """How many are open by worker, stream and reason, the most frequent first."""
        table, number = dead_letters.c, func.count()
        by = (table.worker, table.stream, table.reason)
        grouped = _chosen(select(*by, number, func.max(table.recorded_at)), worker, stream, reason).group_by(*by)
        return [OpenLetters(*row) for row in self._connection.execute(grouped.order_by(number.desc(), *by))]

    def moved(self) -> tuple[int, int]:
        """Two counts that change whenever a letter comes or is closed; much cheaper to ask than ``reasons``."""
        ever = self._connection.execute(select(func.count(dead_letters.c.recorded_at))).scalar_one()
        closed = self._connection.execute(select(func.count()).select_from(letter_fates)).scalar_one()
        return int(ever), int(closed)

    def since(self, time: int) -> int:
        """How many open ones came after ``time``, int64 microseconds."""
        chosen = select(func.count()).select_from(dead_letters).where(dead_letters.c.recorded_at > time, still_open())
        return int(self._connection.execute(chosen).scalar_one())


def still_open() -> ColumnElement[bool]:
    """Of a row of ``dead_letters``: that nobody has done anything about it."""
    table = letter_fates.c
    return ~exists().where(
        table.worker == dead_letters.c.worker,
        table.stream == dead_letters.c.stream,
        table.entry == dead_letters.c.entry,
    )


def _chosen(select_from: Select[Any], worker: str | None, stream: str | None, reason: str | None) -> Select[Any]:
    table = dead_letters.c
    chosen = select_from.where(still_open())
    if worker is not None:
        chosen = chosen.where(table.worker == worker)
    if stream is not None:
        chosen = chosen.where(table.stream == stream)
    if reason is not None:
        chosen = chosen.where(table.reason.contains(reason, autoescape=True))
    return chosen


def _named(worker: str, stream: str, entry: str) -> ColumnElement[bool]:
    table = dead_letters.c
    return and_(table.worker == worker, table.stream == stream, table.entry == entry)
