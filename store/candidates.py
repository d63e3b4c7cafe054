"""The alerts and purchases that an outcome without a name may be the outcome of."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, bindparam, select

from schemas.vocabulary import Action
from store.dialects import rows_of
from store.facts import AlertRow, DecisionRow
from store.portions import portions
from store.tables import alerts, decisions, instruments


class Stretch(NamedTuple):
    """Microseconds from ``since`` to ``until``, and the sessions ``first`` to ``last`` that what was told then could
    be entered in: they lead to the index."""

    since: int
    until: int
    first: str
    last: str


def alerts_within(connection: Connection, entered: Iterable[int], *, stretch: Stretch) -> Iterator[AlertRow]:
    """The alerts of these instruments in a stretch of time."""
    for row in _within(connection, entered, alerts, AlertRow, stretch=stretch):
        yield AlertRow._make(row)


def purchases_within(connection: Connection, entered: Iterable[int], *, stretch: Stretch) -> Iterator[DecisionRow]:
    """The decisions that bought these instruments in a stretch of time."""
    for row in _within(connection, entered, decisions, DecisionRow, stretch=stretch):
        yield DecisionRow._make(row)


def _within(
    connection: Connection, entered: Iterable[int], table: Table, shape: type[NamedTuple], *, stretch: Stretch
) -> Iterator[Any]:
    for portion in portions(sorted(set(entered))):
        yield from rows_of(connection, _reading(table, shape), instruments=portion, **stretch._asdict())


@cache
def _reading(table: Table, shape: type[NamedTuple]) -> Select[Any]:
    fields = (instruments.c[name] if name in ("symbol", "venue") else table.c[name] for name in shape._fields)
    chosen = (
        select(*fields)
        .join(instruments, instruments.c.id == table.c.instrument)
        .where(
            table.c.instrument.in_(bindparam("instruments", expanding=True)),
            table.c.entry_session >= bindparam("first"),
            table.c.entry_session <= bindparam("last"),
            table.c.time.between(bindparam("since"), bindparam("until")),
        )
    )
    return chosen.where(table.c.action == Action.BUY.value) if table is decisions else chosen
