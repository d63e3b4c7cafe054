"""What examples are made of: alerts, decisions and theses, unit by unit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.attributed import Subject
from schemas.vocabulary import EXITS, Action, Direction
from store.facts import AlertRow, DecisionRow, Facts, ThesisRow

BUY = Action.BUY.value
ALERT, DECISION, THESIS = Subject.ALERT.value, Subject.DECISION.value, Subject.THESIS.value
THESES = "thesis/"
"""How the units of theses begin: each is one of its own."""


class Case(NamedTuple):
    """An alert, decision or thesis. What a decision does not say of itself, its alert says.

    ``fact`` is the ingest sequence of its row, ``key`` tells the cases of a strategy apart. ``entry`` is the first
    session that opens at its time or later, ``sign`` 1 long and -1 short, ``positions`` are those that it, or a fill
    of it, names. ``assignments`` are the values that trading says were in force, JSON.
    """

    subject: str
    id: str
    key: str
    fact: int
    instrument: int
    venue: str
    symbol: str
    unit: str
    session: str
    time: int
    entry: str
    sign: float
    score: float | None = None
    regime: str = "all"
    params_version: str | None = None
    assignments: str | None = None
    action: str | None = None
    size: float | None = None
    alert_id: str | None = None
    position_id: str | None = None
    fill_price: float | None = None
    stop: float | None = None
    target: float | None = None
    max_hold: int | None = None
    positions: tuple[str, ...] = ()

    @property
    def bought(self) -> bool:
        """Whether it opened or enlarged a position."""
        return self.action == BUY

    @property
    def barred(self) -> bool:
        """Whether it opened a position with a stop, a target or a longest hold."""
        return self.action == BUY and (self.stop is not None or self.target is not None or bool(self.max_hold))


class Cohort(NamedTuple):
    """A unit: its decisions and alerts by time, and the one that represents it, or None."""

    cases: Sequence[Case]
    representative: Case | None

    @property
    def bought(self) -> list[Case]:
        """The decisions that opened or enlarged a position."""
        return [case for case in self.cases if case.bought]


def read_units(facts: Facts, units: Iterable[str]) -> dict[str, Cohort]:
    """The units as the stored facts have them."""
    theses = {unit for unit in units if unit.startswith(THESES)}
    wanted = sorted(set(units) - theses)
    alerts = {row.alert_id: row for row in facts.called(facts.alerts(units=wanted))}
    decisions = facts.called(facts.decisions(units=wanted))
    elsewhere = {row.alert_id for row in decisions if row.alert_id} - alerts.keys()
    about = alerts | {row.alert_id: row for row in facts.alerts(ids=elsewhere)}
    positions = _positions(facts, decisions)
    cases: dict[str, list[Case]] = defaultdict(list)
    for row in sorted(decisions, key=lambda row: (row.time, row.decision_id)):
        cases[row.unit].append(of_decision(row, about.get(row.alert_id or ""), positions=positions[row.decision_id]))
    for alert in sorted(alerts.values(), key=lambda row: (row.time, row.alert_id)):
        cases[alert.unit].append(of_alert(alert))
    found = {unit: _cohort(made) for unit, made in cases.items()}
    return found | (_theses(facts, theses) if theses else {})


def _cohort(cases: list[Case]) -> Cohort:
    """A unit has one assignment: where its representative names no version, the first other that names one tells it."""
    first = _representative(cases)
    told = next((case.params_version for case in cases if case.params_version is not None), None)
    if first is None or first.params_version is not None or told is None:
        return Cohort(cases, first)
    assigned = first._replace(params_version=told)
    return Cohort([assigned if case is first else case for case in cases], assigned)


def _representative(cases: Sequence[Case]) -> Case | None:
    """The first decision, else the first alert: decisions stand first, each kind by its time."""
    return next((case for case in cases if case.action not in EXITS), None)


def _positions(facts: Facts, decisions: Sequence[DecisionRow]) -> dict[str, tuple[str, ...]]:
    named: dict[str, set[str]] = {row.decision_id: {row.position_id} if row.position_id else set() for row in decisions}
    bought = [row.decision_id for row in decisions if row.action == BUY]
    for decision_id, position_id in facts.filled(decisions=bought):
        named[decision_id].add(position_id)
    return {decision_id: tuple(sorted(positions)) for decision_id, positions in named.items()}


def _theses(facts: Facts, units: Iterable[str]) -> dict[str, Cohort]:
    """Theses, each with the direction of what it is about: its decision, else its position, else its alert."""
    rows = facts.called(facts.theses(units=units))
    decisions = facts.decisions(
        ids=[row.decision_id for row in rows if row.decision_id],
        positions=[row.position_id for row in rows if row.position_id],
    )
    named = [row.alert_id for row in rows] + [row.alert_id for row in decisions]
    alerts = {row.alert_id: row.direction for row in facts.alerts(ids=filter(None, named))}
    said = {("alert", alert_id): direction for alert_id, direction in alerts.items()}
    for row in sorted(decisions, key=lambda row: (row.time, row.decision_id), reverse=True):
        direction = row.direction or alerts.get(row.alert_id or "", "")
        said["decision", row.decision_id] = direction
        if row.position_id:
            said["position", row.position_id] = direction
    return {row.unit: Cohort([of_thesis(row, said)], None) for row in rows}


def of_alert(row: AlertRow) -> Case:
    """An alert as a case."""
    return Case(
        ALERT,
        row.alert_id,
        f"{ALERT}/{row.alert_id}",
        row.sequence,
        row.instrument,
        row.venue,
        row.symbol,
        row.unit,
        row.session,
        row.time,
        row.entry_session,
        _sign(row.direction),
        row.score,
        row.regime or "all",
        row.params_version,
        row.assignments,
    )


def of_decision(row: DecisionRow, alert: AlertRow | None, *, positions: tuple[str, ...] = ()) -> Case:
    """A decision as a case, with what its alert says where it says nothing itself."""
    own = row.params_version is not None or row.assignments is not None or alert is None
    return Case(
        subject=DECISION,
        id=row.decision_id,
        key=f"{DECISION}/{row.decision_id}",
        fact=row.sequence,
        instrument=row.instrument,
        venue=row.venue,
        symbol=row.symbol,
        unit=row.unit,
        session=row.session,
        time=row.time,
        entry=row.entry_session,
        sign=_sign(row.direction or (alert.direction if alert else "")),
        score=row.score if row.score is not None or alert is None else alert.score,
        regime=(alert.regime if alert else None) or row.regime or "all",
        params_version=row.params_version or (alert.params_version if alert else None),
        assignments=row.assignments if own or alert is None else alert.assignments,
        action=row.action,
        size=row.size,
        alert_id=row.alert_id,
        position_id=row.position_id,
        fill_price=row.fill_price,
        stop=row.stop,
        target=row.target,
        max_hold=row.max_hold,
        positions=positions,
    )


def of_thesis(row: ThesisRow, said: dict[tuple[str, str], str]) -> Case:
    """A thesis as a case; ``said`` are the directions of what it may be about, by sort and id."""
    names = (("decision", row.decision_id), ("position", row.position_id), ("alert", row.alert_id))
    found = (said[sort, name] for sort, name in names if name and (sort, name) in said)
    return Case(
        subject=THESIS,
        id=row.thesis_id,
        key=f"{THESIS}/{row.thesis_id}",
        fact=row.sequence,
        instrument=row.instrument,
        venue=row.venue,
        symbol=row.symbol,
        unit=row.unit,
        session=row.session,
        time=row.time,
        entry=row.entry_session,
        sign=_sign(next(found, Direction.LONG.value)),
        alert_id=row.alert_id,
        position_id=row.position_id,
    )


def _sign(direction: str) -> float:
    return -1.0 if direction == Direction.SHORT.value else 1.0
