"""The bars of every instrument, of which each has one final form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from store.dialects import insert_new
from store.inbox import Inbox
from store.portions import portions
from store.rows import columns
from store.tables import prices

DAILY = "1d"


class Bar(NamedTuple):
    """A final daily bar in the instrument's currency. ``factor``: the adjustment of what is earlier, if any."""

    instrument: int
    session: str
    open: float
    high: float
    low: float
    close: float
    factor: float | None


def daily_bars(
    connection: Connection, instruments: Iterable[int], *, first: str, last: str, since: int, until: int
) -> Iterator[Bar]:
    """The final daily bars of these instruments in the sessions ``first`` to ``last``, by their ends.

    ``since`` and ``until`` are times in microseconds that surely enclose these ends: what is looked through.
    """
    chosen = select(*columns(prices, Bar)).where(
        prices.c.interval == DAILY,
        prices.c.final == 1,
        prices.c.time.between(since, until),
        prices.c.session.between(first, last),
    )
    for portion in portions(sorted(set(instruments))):
        named = chosen.where(prices.c.instrument.in_(portion)).order_by(prices.c.time)
        yield from (Bar(*row) for row in connection.execute(named).all())


def newest_daily(connection: Connection, instruments: Iterable[int], *, time: int) -> bool:
    """Whether none of these instruments has a daily bar that ends after ``time``."""
    chosen = select(prices.c.sequence).where(prices.c.interval == DAILY, prices.c.time > time).limit(1)
    return not any(
        connection.execute(chosen.where(prices.c.instrument.in_(portion))).first()
        for portion in portions(sorted(set(instruments)))
    )


class Prices:
    """Bars are named by (instrument, interval, end). A revision stands later in its stream and replaces.

    What was replaced, or came too late to count, leaves its name in the inbox of ``owner``: coming again, it
    changes nothing.
    """

    def __init__(self, connection: Connection, *, owner: str, now: int) -> None:
        self._connection = connection
        self._inbox = Inbox(connection)
        self._owner = owner
        self._now = now

    def keep(self, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Insert or replace bars, and say of each whether it now stands where it did not before."""
        new = insert_new(self._connection, prices, rows)
        return [is_new or self._replaces(row) for row, is_new in zip(rows, new, strict=True)]

    def _replaces(self, row: Mapping[str, Any]) -> bool:
        there = (prices.c.instrument == row["instrument"], prices.c.interval == row["interval"])
        chosen = select(prices.c.source, prices.c.event_id, prices.c.final, prices.c.entry)
        stands = self._connection.execute(chosen.where(*there, prices.c.time == row["time"])).first()
        name = (row["source"], row["event_id"])
        if stands is None or self._stands(name) or not self._first_time(name):
            return False
        if _rank(row["final"], row["entry"]) < _rank(stands.final, stands.entry):
            return False
        self._first_time((stands.source, stands.event_id))
        self._connection.execute(update(prices).where(*there, prices.c.time == row["time"]).values(**row))
        return True

    def _stands(self, name: tuple[str, str]) -> bool:
        chosen = select(prices.c.sequence).where(prices.c.source == name[0], prices.c.event_id == name[1])
        return self._connection.execute(chosen).first() is not None

    def _first_time(self, name: tuple[str, str]) -> bool:
        return self._inbox.new(self._owner, [name], self._now)[0]


def _rank(final: int, entry: str) -> tuple[int, int, int]:
    """What stands later in its stream counts more, but nothing counts more than being final."""
    milliseconds, _, number = entry.rpartition("/")[2].partition("-")
    return (final, int(milliseconds or 0), int(number or 0))
