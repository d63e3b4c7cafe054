"""What examples are made of: alerts and decisions, unit by unit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.attributed import Subject
from schemas.vocabulary import Action, Direction
from store.facts import AlertRow, DecisionRow, Facts
from workers.join.rules import Rules

EXITS = (Action.SELL.value, Action.TRIM.value, Action.LIQUIDATE.value)
"""Decisions about a position that is there. They never represent a unit: what was assigned, decided earlier."""


ALERT, DECISION = Subject.ALERT.value, Subject.DECISION.value


class Said(msgspec.Struct):
    """What else an alert or decision said of itself."""

    score: float | None = None
    regime: str | None = None
    assignments: dict[str, dict[str, float]] | None = None


class Case(NamedTuple):
    """An alert or decision. What a decision does not say of itself, its alert says.

    ``key`` tells the cases of a strategy apart. ``entry`` is the first session that opens at its time or later,
    ``sign`` 1 long and -1 short, ``positions`` are those that it, or a fill of it, names. ``assignments`` are the
    values that trading says were in force.
    """

    subject: str
    id: str
    key: str
    instrument: int
    symbol: str
    unit: str
    session: str
    time: int
    entry: str
    sign: float
    score: float | None
    regime: str
    params_version: str | None
    assignments: Mapping[str, Mapping[str, float]]
    action: str | None = None
    size: float | None = None
    alert_id: str | None = None
    positions: tuple[str, ...] = ()

    @property
    def bought(self) -> bool:
        """Whether it opened or enlarged a position."""
        return self.action == Action.BUY.value


class Cohort(NamedTuple):
    """A unit: its decisions and alerts by time, and the one that represents it, or None."""

    cases: Sequence[Case]
    representative: Case | None

    @property
    def bought(self) -> list[Case]:
        """The decisions that opened or enlarged a position."""
        return [case for case in self.cases if case.bought]


def read_units(facts: Facts, units: Iterable[str], *, rules: Rules) -> dict[str, Cohort]:
    """The units as the stored facts have them."""
    wanted = sorted(units)
    alerts = {row.alert_id: row for row in facts.alerts(units=wanted)}
    decisions = facts.decisions(units=wanted)
    elsewhere = {row.alert_id for row in decisions if row.alert_id} - alerts.keys()
    about = alerts | {row.alert_id: row for row in facts.alerts(ids=elsewhere)}
    positions = _positions(facts, decisions)
    cases: dict[str, list[Case]] = defaultdict(list)
    for row in sorted(decisions, key=lambda row: (row.time, row.decision_id)):
        made = _of_decision(row, about.get(row.alert_id or ""), rules=rules)
        cases[row.unit].append(made._replace(positions=positions[row.decision_id]))
    for alert in sorted(alerts.values(), key=lambda row: (row.time, row.alert_id)):
        cases[alert.unit].append(_of_alert(alert, rules=rules))
    return {unit: Cohort(found, _representative(found)) for unit, found in cases.items()}


def _representative(cases: Sequence[Case]) -> Case | None:
    """The first decision, else the first alert: decisions stand first, each kind by its time."""
    return next((case for case in cases if case.action not in EXITS), None)


def _positions(facts: Facts, decisions: Sequence[DecisionRow]) -> dict[str, tuple[str, ...]]:
    named: dict[str, set[str]] = {row.decision_id: {row.position_id} if row.position_id else set() for row in decisions}
    bought = (row.decision_id for row in decisions if row.action == Action.BUY.value)
    for decision_id, position_id in facts.filled(decisions=bought):
        named[decision_id].add(position_id)
    return {decision_id: tuple(sorted(positions)) for decision_id, positions in named.items()}


def _of_alert(row: AlertRow, *, rules: Rules) -> Case:
    said = msgspec.json.decode(row.body, type=Said)
    return Case(
        subject=ALERT,
        id=row.alert_id,
        key=f"{ALERT}/{row.alert_id}",
        instrument=row.instrument,
        symbol=row.symbol,
        unit=row.unit,
        session=row.session,
        time=row.time,
        entry=rules.calendar.first_open_at_or_after(row.time),
        sign=_sign(row.direction),
        score=row.score,
        regime=row.regime or "all",
        params_version=row.params_version,
        assignments=said.assignments or {},
    )


def _of_decision(row: DecisionRow, alert: AlertRow | None, *, rules: Rules) -> Case:
    said = msgspec.json.decode(row.body, type=Said)
    alert_said = msgspec.json.decode(alert.body, type=Said) if alert else Said()
    own = row.params_version is not None or said.assignments is not None
    return Case(
        subject=DECISION,
        id=row.decision_id,
        key=f"{DECISION}/{row.decision_id}",
        instrument=row.instrument,
        symbol=row.symbol,
        unit=row.unit,
        session=row.session,
        time=row.time,
        entry=rules.calendar.first_open_at_or_after(row.time),
        sign=_sign(row.direction),
        score=said.score if said.score is not None else alert_said.score,
        regime=alert_said.regime or said.regime or "all",
        params_version=row.params_version or (alert.params_version if alert else None),
        assignments=(said.assignments if own else alert_said.assignments) or {},
        action=row.action,
        size=row.size,
        alert_id=row.alert_id,
    )


def _sign(direction: str) -> float:
    return -1.0 if direction == Direction.SHORT.value else 1.0
