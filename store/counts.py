"""How much there is of everything."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Column, Connection, Select, Table, func, select

from store import tables
from store.awaited import slots_of
from store.dead_letters import still_open
from store.examples import PENDING


class Counts(NamedTuple):
    """Rows of one strategy. ``examples``, ``proposals`` and ``cycles`` by state or kind."""

    alerts: int
    decisions: int
    fills: int
    outcomes: int
    prices: int
    discovery_runs: int
    theses: int
    sessions: int
    versions: int
    acknowledged: int
    examples: Mapping[str, int]
    proposals: Mapping[str, int]
    cycles: Mapping[str, int]


_COUNTED = ("alerts", "decisions", "fills", "outcomes", "discovery_runs", "theses", "sessions", "versions")


def counts(connection: Connection, strategy: str) -> Counts:
    """What is there of a strategy. ``acknowledged``: versions that at least one trading process applied."""
    rows = {name: _rows(connection, tables.metadata.tables[name], strategy) for name in _COUNTED}
    return Counts(
        **rows,
        prices=_bars(connection, strategy),
        acknowledged=_acknowledged(connection, strategy),
        examples=_examples(connection, strategy),
        proposals=_by(connection, tables.proposals.c.state, strategy),
        cycles=_by(connection, tables.cycles.c.kind, strategy),
    )


def refusals(connection: Connection, *, limit: int = 20) -> Mapping[tuple[str, str], int]:
    """How many open dead letters there are by (stream, reason), the most frequent first."""
    table = tables.dead_letters.c
    number = func.count()
    grouped = select(table.stream, table.reason, number).where(still_open()).group_by(table.stream, table.reason)
    rows = connection.execute(grouped.order_by(number.desc(), table.stream, table.reason).limit(limit))
    return {(stream, reason): count for stream, reason, count in rows}


def waiting_letters(connection: Connection) -> Mapping[str, int]:
    """How many letters wait in the outbox, by owner."""
    table = tables.outbox.c
    return _counted(connection, select(table.owner, func.count()).group_by(table.owner).order_by(table.owner))


def _rows(connection: Connection, table: Table, strategy: str) -> int:
    return int(connection.execute(select(func.count()).where(table.c.strategy == strategy)).scalar_one())


def _bars(connection: Connection, strategy: str) -> int:
    instruments, prices = tables.instruments.c, tables.prices
    owned = select(func.count()).select_from(prices.join(tables.instruments, prices.c.instrument == instruments.id))
    return int(connection.execute(owned.where(instruments.strategy == strategy)).scalar_one())


def _examples(connection: Connection, strategy: str) -> Mapping[str, int]:
    found = Counter(_by(connection, tables.examples.c.state, strategy))
    for slots, number in _by(connection, tables.awaited.c.slots, strategy).items():
        found[PENDING] += number * len(slots_of(slots))
    return dict(sorted(found.items()))


def _acknowledged(connection: Connection, strategy: str) -> int:
    table = tables.applications.c
    applied = select(func.count(table.version.distinct())).where(table.strategy == strategy, table.refused.is_(None))
    return int(connection.execute(applied).scalar_one())


def _by(connection: Connection, column: Column[str], strategy: str) -> Mapping[str, int]:
    of_strategy = column.table.c.strategy == strategy
    return _counted(connection, select(column, func.count()).where(of_strategy).group_by(column).order_by(column))


def _counted(connection: Connection, grouped: Select[str, int]) -> Mapping[str, int]:
    return {name: number for name, number in connection.execute(grouped)}  # noqa: C416 - rows are not pairs
