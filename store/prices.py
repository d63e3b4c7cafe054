"""The bars of every instrument, of which each source has one final form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, bindparam, false, func, select

from store.bar_ends import edge
from store.dialects import insert_new, replace_rows, rows_of
from store.inbox import Inbox
from store.portions import portions
from store.tables import instruments, prices, superseded_prices

AGREEMENT = 0.01
"""Closes of two sources that differ by at most this fraction confirm each other."""

FOREVER = 2**63 - 1
"""Later than any moment, microseconds."""

Row = Mapping[str, Any]


class Bar(NamedTuple):
    """A final bar as it counts: of several sources the most trusted one. Prices are in the instrument's currency.

    Attributes:
        time: its end, in microseconds.
        factor: the adjustment of what is earlier, if any source tells one; of several the most trusted one.
        confirmed: another source's final close lies within 1 % of ``close``.
    """

    instrument: int
    time: int
    session: str
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    factor: float | None
    confirmed: bool


def bars(
    connection: Connection,
    instruments: Iterable[int],
    *,
    interval: str,
    since: int,
    until: int,
    precedence: Sequence[str],
    told_by: int = FOREVER,
) -> list[Bar]:
    """The final bars that end from ``since`` to ``until``, one for each (instrument, end), in that order.

    Of several sources the first in ``precedence`` counts, then the first by name. A bar that was recorded after
    ``told_by``, microseconds, is not among them, and one that was replaced since is as it was. Recorded is the moment
    at which its turn began, on the clock of who wrote it: a turn that has not ended by then may still bring some.
    """
    rows = bar_rows(
        connection,
        instruments,
        interval=interval,
        since=since,
        until=until,
        precedence=precedence,
        told_by=told_by,
    )
    return list(map(Bar._make, rows))


def bar_rows(
    connection: Connection,
    instruments: Iterable[int],
    *,
    interval: str,
    since: int,
    until: int,
    precedence: Sequence[str],
    told_by: int = FOREVER,
) -> list[tuple[Any, ...]]:
    """The same as ``bars``, as plain tuples, which take less time where only their columns are wanted."""
    found: list[tuple[Any, ...]] = []
    for portion in portions(sorted(set(instruments))):
        named = {"instruments": portion, "interval": interval, "since": since, "until": until, "told_by": told_by}
        [(first, last)] = rows_of(connection, _sources(), **named)
        before = rows_of(connection, _before_revision(), **named) if told_by < FOREVER else []
        if before:
            told = [*rows_of(connection, _of_several(), **named), *before]
            found.extend(_chosen(sorted(told, key=itemgetter(0, 1)), precedence))
        elif first == last:
            found.extend(rows_of(connection, _of_one_source(), **named))
        else:
            found.extend(_chosen(rows_of(connection, _of_several(), **named), precedence))
    return found


def newest(connection: Connection, numbers: Iterable[int], *, interval: str) -> dict[int, tuple[int, str]]:
    """The end and the session of the newest final bar of each instrument that has one."""
    found: dict[int, tuple[int, str]] = {}
    for portion in portions(sorted(set(numbers))):
        rows = rows_of(connection, _newest(), instruments=portion, interval=interval)
        found.update((number, (time, session)) for number, time, session in rows)
    return found


class Prices:
    """Keeps bars, named by (instrument, interval, end, source). What is final replaces what is not, a higher
    revision a lower one, what stands later in the stream what stands earlier.

    Whatever was told of a bar that was already there leaves its name in the inbox of ``owner``: coming again, an old
    revision changes nothing.
    """

    def __init__(self, connection: Connection, *, owner: str, now: int) -> None:
        self._connection = connection
        self._inbox = Inbox(connection)
        self._owner = owner
        self._now = now

    def keep(self, rows: Sequence[Row]) -> list[bool]:
        """Insert or replace bars, and say of each row whether the stored bars are now other than before."""
        new = insert_new(self._connection, prices, rows)
        again = [row for row, is_new in zip(rows, new, strict=True) if not is_new]
        if not again:
            return new
        changed = iter(self._keep_again(again))
        return [is_new or next(changed) for is_new in new]

    def _keep_again(self, rows: Sequence[Row]) -> list[bool]:
        """What was told of bars that stand: by each row, whether one is now another."""
        stands = self._standing(rows)
        standing = {_NAME(row) for row in stands.values()}
        heard = dict.fromkeys(name for name in map(_NAME, rows) if name not in standing)
        first_time = dict(zip(heard, self._inbox.new(self._owner, list(heard), self._now), strict=True))
        changed, gone, written = [], [], {}
        superseded: list[Row] = []
        for row in rows:
            before = stands[_key(row)]
            beats = first_time.get(_NAME(row), False) and _rank(before) < _rank(row)
            if beats:
                gone.append(_NAME(before))
                superseded += [_superseded(before, until=row["recorded_at"])] if before["final"] else []
                stands[_key(row)] = written[_key(row)] = row
            changed.append(beats and _VALUES(before) != _VALUES(row))
        self._inbox.new(self._owner, gone, self._now)
        insert_new(self._connection, superseded_prices, superseded)
        columns = tuple(rows[0])
        replacing = [tuple(row[name] for name in columns) for row in written.values()]
        replace_rows(self._connection, prices, columns, replacing, key=_KEY)
        return changed

    def _standing(self, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
        """The stored bars that the rows tell again, and others beside them, by key."""
        found: dict[tuple[Any, ...], Row] = {}
        for interval, numbers, times in _blocks(rows):
            for portion in portions(numbers):
                for moments in portions(times):
                    named = {"instruments": portion, "interval": interval, "times": moments}
                    found.update((_key(row), dict(row)) for row in self._connection.execute(_told(), named).mappings())
        return found


_KEY = ("instrument", "interval", "time", "source")
_key = itemgetter(*_KEY)
_NAME = itemgetter("source", "event_id")
_VALUES = itemgetter("session", "open", "high", "low", "close", "volume", "factor", "final")
_CLOSE, _FACTOR = Bar._fields.index("close"), Bar._fields.index("factor")


def _superseded(row: Row, *, until: int) -> Row:
    """A bar as it is kept beside the one that takes its place."""
    return {column.name: until if column.name == "until" else row[column.name] for column in superseded_prices.columns}


def _blocks(rows: Iterable[Row]) -> Iterator[tuple[str, list[int], list[int]]]:
    """The bars of the rows as (interval, instruments, ends), one of the two being a single one: few blocks."""
    by_end: dict[tuple[str, int], set[int]] = {}
    by_instrument: dict[tuple[str, int], set[int]] = {}
    for row in rows:
        by_end.setdefault((row["interval"], row["time"]), set()).add(row["instrument"])
        by_instrument.setdefault((row["interval"], row["instrument"]), set()).add(row["time"])
    if len(by_end) <= len(by_instrument):
        yield from ((interval, sorted(numbers), [time]) for (interval, time), numbers in by_end.items())
    else:
        yield from ((interval, [number], sorted(times)) for (interval, number), times in by_instrument.items())


def _rank(row: Row) -> tuple[int, int, int, int, str]:
    """What counts more; the name decides only between events that never travelled."""
    milliseconds, _, number = row["entry"].rpartition("/")[2].partition("-")
    return (row["final"], row["revision"], int(milliseconds or 0), int(number or 0), row["event_id"])


def _chosen(rows: Sequence[Any], precedence: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """One bar for each (instrument, end); the rows are in that order, each with its source at its end."""
    trust = {source: place for place, source in enumerate(precedence)}
    for _, same in groupby(rows, key=itemgetter(0, 1)):
        told = sorted(same, key=lambda row: (trust.get(row[-1], len(trust)), row[-1]))
        factor = next((row[_FACTOR] for row in told if row[_FACTOR] is not None), None)
        confirmed = any(_agree(told[0][_CLOSE], row[_CLOSE]) for row in told[1:])
        yield (*told[0][:_FACTOR], factor, confirmed)


def _agree(close: float, other: float) -> bool:
    return abs(other - close) <= AGREEMENT * abs(close)


_IN: BindParameter[Any] = bindparam("instruments", expanding=True)


def _within(chosen: Select[Any]) -> Select[Any]:
    return chosen.where(
        prices.c.instrument.in_(_IN),
        prices.c.interval == bindparam("interval"),
        prices.c.time.between(bindparam("since"), bindparam("until")),
        prices.c.final == 1,
        prices.c.recorded_at <= bindparam("told_by"),
    )


@cache
def _sources() -> Select[Any]:
    return _within(select(func.min(prices.c.source), func.max(prices.c.source)))


@cache
def _of_one_source() -> Select[Any]:
    told = (prices.c[name] for name in Bar._fields[:-1])
    return _within(select(*told, false())).order_by(prices.c.instrument, prices.c.time)


@cache
def _of_several() -> Select[Any]:
    told = (prices.c[name] for name in (*Bar._fields[:-1], "source"))
    return _within(select(*told)).order_by(prices.c.instrument, prices.c.time)


@cache
def _before_revision() -> Select[Any]:
    table = superseded_prices.c
    return select(*(table[name] for name in (*Bar._fields[:-1], "source"))).where(
        table.instrument.in_(_IN),
        table.interval == bindparam("interval"),
        table.time.between(bindparam("since"), bindparam("until")),
        table.recorded_at <= bindparam("told_by"),
        table.until > bindparam("told_by"),
    )


@cache
def _newest() -> Select[Any]:
    ahead = select(instruments.c.id, edge(last=True).label("time")).where(instruments.c.id.in_(_IN)).subquery()
    return (
        select(prices.c.instrument, prices.c.time, prices.c.session)
        .join_from(ahead, prices, (prices.c.instrument == ahead.c.id) & (prices.c.time == ahead.c.time))
        .where(prices.c.interval == bindparam("interval"), prices.c.final == 1)
    )


@cache
def _told() -> Select[Any]:
    return select(prices).where(
        prices.c.instrument.in_(_IN),
        prices.c.interval == bindparam("interval"),
        prices.c.time.in_(bindparam("times", expanding=True)),
    )
