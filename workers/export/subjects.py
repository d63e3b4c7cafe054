"""What examples are about: the alert, decision or thesis with all that was told of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection

from schemas.alert import AlertRaised
from schemas.allocation import Value
from schemas.decision import DecisionMade
from schemas.discovery import DiscoveryCompleted
from schemas.thesis import ThesisFormed
from schemas.version import Version, VersionNumber
from store.examples import Example
from store.facts import Facts
from store.instruments import Instruments
from store.tables import alerts, decisions, discovery_runs, theses
from store.told import Told, told
from store.versions import Versions
from workers.join.cases import DECISION, THESIS, Case, read_units

Shape = TypeVar("Shape")


class Assigned(NamedTuple):
    """The arm of one allocation that a unit belongs to. ``propensity``: its share in 1/10,000; ``arm``: canonical
    JSON of its values; ``baseline``: these are the version's own."""

    allocation: str
    purpose: str
    arm: str
    propensity: int
    baseline: bool


class Subject(NamedTuple):
    """An alert, decision or thesis, and what belongs to it.

    ``case`` is what the join made of it. ``alert`` is itself or the one that it is about. ``values`` and ``arms`` are
    recomputed from the version that it names and its unit; None where that version is not known here.
    """

    case: Case
    currency: str | None
    alert: AlertRaised | None
    decision: DecisionMade | None
    thesis: ThesisFormed | None
    run: DiscoveryCompleted | None
    values: Mapping[str, Value] | None
    arms: Sequence[Assigned] | None


class Subjects:
    """Reads subjects of one strategy, many at a time."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy
        self._versions: dict[str, Version | None] = {}

    def of(self, examples: Iterable[Example]) -> dict[int, Subject]:
        """What these examples are about, by ingest sequence."""
        units: dict[str, None] = {}
        wanted: dict[int, None] = {}
        for example in examples:
            units[example.unit] = wanted[example.fact] = None
        cohorts = read_units(Facts(self._connection, self._strategy), units)
        cases = [case for cohort in cohorts.values() for case in cohort.cases if case.fact in wanted]
        money = Instruments(self._connection).currencies(case.instrument for case in cases)
        raised = self._events(alerts, AlertRaised, alert_id=[case.alert_id or case.id for case in cases])
        made = self._events(decisions, DecisionMade, decision_id=_ids(cases, DECISION))
        formed = self._events(theses, ThesisFormed, thesis_id=_ids(cases, THESIS))
        run_ids = {alert.run_id for alert in raised.values() if alert.run_id}
        runs = self._events(discovery_runs, DiscoveryCompleted, run_id=run_ids)
        return {case.fact: self._subject(case, money[case.instrument], raised, made, formed, runs) for case in cases}

    def _subject(
        self,
        case: Case,
        currency: str | None,
        raised: Mapping[str, AlertRaised],
        made: Mapping[str, DecisionMade],
        formed: Mapping[str, ThesisFormed],
        runs: Mapping[str, DiscoveryCompleted],
    ) -> Subject:
        about = case.alert_id if case.subject in (DECISION, THESIS) else case.id
        alert = raised.get(about or "")
        version = self._version(case.params_version)
        return Subject(
            case=case,
            currency=currency,
            alert=alert,
            decision=made.get(case.id) if case.subject == DECISION else None,
            thesis=formed.get(case.id) if case.subject == THESIS else None,
            run=runs.get(alert.run_id or "") if alert else None,
            values=version.values_for(case.unit) if version else None,
            arms=assigned(version, case.unit) if version else None,
        )

    def _version(self, number: str | None) -> Version | None:
        if number is None:
            return None
        if number not in self._versions:
            found = Versions(self._connection).get(self._strategy, VersionNumber.parse(number))
            self._versions[number] = found
        return self._versions[number]

    def _events(self, table: Any, shape: type[Shape], **wanted: Iterable[str]) -> dict[str, Shape]:
        rows: list[Told] = told(self._connection, table, strategy=self._strategy, **wanted)
        return {row.name: msgspec.json.decode(row.body, type=shape) for row in rows}


def assigned(version: Version, unit: str) -> list[Assigned]:
    """The arm of ``unit`` in each allocation of ``version``, in the version's order."""
    made = []
    for allocation in version.allocations:
        arm = allocation.arm_of(unit)
        own = all(version.values.get(name) == value for name, value in arm.values.items())
        made.append(Assigned(allocation.id, allocation.purpose.value, arm.key, arm.share, own))
    return made


def _ids(cases: Iterable[Case], subject: str) -> list[str]:
    return [case.id for case in cases if case.subject == subject]
