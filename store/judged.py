"""Alerts, theses and discovery runs beside what followed them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, literal, select

from store.examples import PENDING
from store.tables import alerts, awaited, discovery_runs, examples, instruments, outcomes, theses

AT_ONCE = 2_000
"""How many rows are fetched together."""


class Slot(NamedTuple):
    """Which example says what followed: its horizon and its origin."""

    horizon: str
    origin: str


class JudgedAlert(NamedTuple):
    """An alert and its example; what is not known of the example, or where there is none, is None.

    ``body`` is the JSON of its AlertRaised, ``return_`` and ``mfe`` fractions, times microseconds.
    """

    alert_id: str
    instrument: int
    venue: str
    entry_session: str
    run_id: str | None
    body: str
    state: str | None
    return_: float | None
    mfe: float | None
    entry_time: int | None
    exit_time: int | None


class JudgedThesis(NamedTuple):
    """A thesis and its example."""

    instrument: int
    venue: str
    entry_session: str
    recommendation: str
    state: str | None
    outcome_class: str | None
    entry_time: int | None
    exit_time: int | None


class TellingOutcome(NamedTuple):
    """An outcome as it was told; ``body`` is the JSON of its OutcomeObserved."""

    outcome_id: str
    decision_id: str | None
    position_id: str | None
    alert_id: str | None
    time: int
    body: str


class Run(NamedTuple):
    """A discovery run; ``body`` is the JSON of its DiscoveryCompleted."""

    run_id: str
    time: int
    body: str


def judged_alerts(connection: Connection, strategy: str, slot: Slot, *, since: str) -> Iterator[JudgedAlert]:
    """The alerts of the session ``since`` and later, in the order in which they came."""
    for row in _streamed(connection, _beside(alerts, JudgedAlert, strategy, slot, since)):
        yield JudgedAlert._make(row)


def judged_theses(connection: Connection, strategy: str, slot: Slot, *, since: str) -> Iterator[JudgedThesis]:
    """The theses of the session ``since`` and later, in the order in which they came."""
    for row in _streamed(connection, _beside(theses, JudgedThesis, strategy, slot, since)):
        yield JudgedThesis._make(row)


def telling_outcomes(connection: Connection, strategy: str, *, since: int) -> Iterator[TellingOutcome]:
    """The outcomes of a moment and later, in the order in which they came."""
    chosen = select(*(outcomes.c[name] for name in TellingOutcome._fields)).where(outcomes.c.time >= since)
    for row in _streamed(connection, _in_order(chosen, outcomes, strategy)):
        yield TellingOutcome._make(row)


def runs(connection: Connection, strategy: str) -> list[Run]:
    """Every discovery run, by time."""
    chosen = select(*(discovery_runs.c[name] for name in Run._fields)).where(discovery_runs.c.strategy == strategy)
    return sorted(map(Run._make, connection.execute(chosen)), key=lambda run: (run.time, run.run_id))


def _beside(table: Table, shape: type[NamedTuple], strategy: str, slot: Slot, since: str) -> Select[Any]:
    named = and_(
        examples.c.fact == table.c.sequence, examples.c.horizon == slot.horizon, examples.c.origin == slot.origin
    )
    # Outer, though each has its instrument: so the facts are read as they lie, and not by instrument.
    beside = table.outerjoin(instruments, instruments.c.id == table.c.instrument).outerjoin(examples, named)
    beside = beside.outerjoin(awaited, awaited.c.fact == table.c.sequence)
    chosen = select(*(_column(table, name, slot) for name in shape._fields)).select_from(beside)
    return _in_order(chosen.where(table.c.session >= since), table, strategy)


def _column(table: Table, name: str, slot: Slot) -> ColumnElement[Any]:
    if name == "venue":
        return instruments.c.venue
    if name == "state":
        silent = (literal(",") + awaited.c.slots + ",").contains(f",{slot.horizon}/{slot.origin},")
        return func.coalesce(examples.c.state, case((silent, PENDING)))
    return table.c[name] if name in table.c else examples.c[name.rstrip("_")]


def _in_order(chosen: Select[Any], table: Table, strategy: str) -> Select[Any]:
    """By the ingest sequence, as the rows lie: an index on the strategy would fetch each of them from elsewhere."""
    return chosen.where(func.coalesce(table.c.strategy, "") == strategy).order_by(table.c.sequence)


def _streamed(connection: Connection, chosen: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(chosen.execution_options(yield_per=AT_ONCE))
