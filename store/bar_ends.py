"""Where the final bars of instruments end: the first, the last, the nearest, all."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, ScalarSelect, Select, bindparam, select, text
from sqlalchemy.sql.elements import ColumnElement

from store.dialects import rows_of
from store.portions import portions
from store.tables import instruments, prices


class Ends(NamedTuple):
    """The ends of two final bars of an instrument, in microseconds; None where there is none."""

    first: int | None
    last: int | None


def spans(connection: Connection, numbers: Iterable[int], *, interval: str) -> dict[int, Ends]:
    """The ends of the first and of the last final bar of each instrument."""
    found: dict[int, Ends] = {}
    for portion in portions(sorted(set(numbers))):
        rows = rows_of(connection, _spans(), instruments=portion, interval=interval)
        found.update((number, Ends(first, last)) for number, first, last in rows)
    return found


def last_ends(
    connection: Connection, numbers: Iterable[int], *, interval: str, since: int, until: int
) -> dict[int, int]:
    """The end of the last final bar of each instrument that ends from ``since`` to ``until``, where there is one."""
    found: dict[int, int] = {}
    for portion in portions(sorted(set(numbers))):
        rows = rows_of(connection, _last_ends(), instruments=portion, interval=interval, since=since, until=until)
        found.update((number, end) for number, end in rows if end is not None)
    return found


def neighbours(connection: Connection, ranges: Mapping[int, tuple[int, int]], *, interval: str) -> dict[int, Ends]:
    """The ends of the last final bar before, and of the first after, a stretch of time of each instrument.

    ``ranges`` are the stretches by instrument, both ends included; instruments with the same one are read at once.
    """
    alike: dict[tuple[int, int], list[int]] = {}
    for number, stretch in ranges.items():
        alike.setdefault(stretch, []).append(number)
    found: dict[int, Ends] = {}
    for (since, until), numbers in alike.items():
        for portion in portions(sorted(numbers)):
            rows = rows_of(connection, _neighbours(), instruments=portion, interval=interval, since=since, until=until)
            found.update((number, Ends(*ends)) for number, *ends in rows)
    return found


def ends(connection: Connection, numbers: Iterable[int], *, interval: str) -> dict[int, list[int]]:
    """The ends of all final bars of each instrument that has any, rising."""
    found: dict[int, list[int]] = {}
    for portion in portions(sorted(set(numbers))):
        for number, time in rows_of(connection, _ends(), instruments=portion, interval=interval):
            found.setdefault(number, []).append(time)
    return found


def intervals(connection: Connection, number: int, *, since: int, until: int) -> list[str]:
    """The intervals of which an instrument has final bars that end from ``since`` to ``until``: a few seeks."""
    asked = {"instrument": number, "since": since, "until": until}
    return list(connection.execute(_INTERVALS, asked).scalars())


def edge(*, last: bool, where: Sequence[ColumnElement[bool]] = ()) -> ScalarSelect[int]:
    """The end of the first or last final bar of an instrument, within a SELECT from ``instruments``: one seek."""
    order = prices.c.time.desc() if last else prices.c.time
    mine = (prices.c.instrument == instruments.c.id, prices.c.interval == bindparam("interval"), prices.c.final == 1)
    chosen = select(prices.c.time).where(*mine, *where)
    return chosen.order_by(order).limit(1).correlate(instruments).scalar_subquery()


_IN: BindParameter[Any] = bindparam("instruments", expanding=True)


_INTERVALS = text("""
    WITH RECURSIVE told (name) AS (
        SELECT min("interval") FROM prices WHERE instrument = :instrument
        UNION ALL
        SELECT (SELECT min("interval") FROM prices WHERE instrument = :instrument AND "interval" > told.name)
        FROM told WHERE name IS NOT NULL
    )
    SELECT name FROM told WHERE EXISTS (
        SELECT 1 FROM prices
        WHERE instrument = :instrument AND "interval" = told.name AND time BETWEEN :since AND :until AND final = 1
    )
""")


@cache
def _spans() -> Select[Any]:
    return select(instruments.c.id, edge(last=False), edge(last=True)).where(instruments.c.id.in_(_IN))


@cache
def _neighbours() -> Select[Any]:
    before = edge(last=True, where=[prices.c.time < bindparam("since")])
    after = edge(last=False, where=[prices.c.time > bindparam("until")])
    return select(instruments.c.id, before, after).where(instruments.c.id.in_(_IN))


@cache
def _last_ends() -> Select[Any]:
    within = edge(last=True, where=[prices.c.time.between(bindparam("since"), bindparam("until"))])
    return select(instruments.c.id, within).where(instruments.c.id.in_(_IN))


@cache
def _ends() -> Select[Any]:
    return (
        select(prices.c.instrument, prices.c.time)
        .where(prices.c.instrument.in_(_IN), prices.c.interval == bindparam("interval"), prices.c.final == 1)
        .distinct()
        .order_by(prices.c.instrument, prices.c.time)
    )
