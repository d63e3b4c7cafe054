"""The events that facts are, as they were told."""

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, bindparam, select

from store.dialects import rows_of
from store.portions import portions
from store.tables import alerts, decisions, discovery_runs, fills, outcomes, theses

NAMES: dict[Table, str] = {
    alerts: "alert_id",
    decisions: "decision_id",
    theses: "thesis_id",
    fills: "fill_id",
    outcomes: "outcome_id",
    discovery_runs: "run_id",
}
"""The column that names a fact for the trading side, by table."""


class Told(NamedTuple):
    """An event as it was told and kept: its ``name`` on the trading side, its place in the ingest sequence, who sent
    it, when it happened and when it was kept (microseconds UTC), and ``body``, the JSON of its data."""

    name: str
    sequence: int
    source: str
    event_id: str
    time: int
    recorded_at: int
    body: str


def told(connection: Connection, table: Table, *, strategy: str, **wanted: Iterable[str]) -> list[Told]:
    """The events of ``table`` that have one of the wanted values in the column of that name, each once.

    In the order of their time, then of their name.
    """
    found: dict[int, Told] = {}
    for column, values in wanted.items():
        for portion in portions(sorted(set(values))):
            rows = rows_of(connection, _reading(table, column), strategy=strategy, names=portion)
            found.update((row.sequence, row) for row in map(Told._make, rows))
    return sorted(found.values(), key=lambda row: (row.time, row.name))


@cache
def _reading(table: Table, column: str) -> Select[Any]:
    fields = (table.c[NAMES[table]] if name == "name" else table.c[name] for name in Told._fields)
    return select(*fields).where(
        table.c.strategy == bindparam("strategy"), table.c[column].in_(bindparam("names", expanding=True))
    )
