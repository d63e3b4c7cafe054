"""The examples as the stored facts have them: the same facts give the same, in whatever order they came."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from schemas.attributed import Origin
from store.awaited import Awaited, Place, Wait
from store.books import horizons
from store.examples import Example, Examples, Key
from store.facts import Facts
from store.versions import Versions
from workers.join.cases import Case, Cohort, read_units
from workers.join.counting import Counting, Find
from workers.join.figures import Figures
from workers.join.known import Known
from workers.join.reports import Reports
from workers.join.rules import Rules, Slot
from workers.join.touched import Touched
from workers.join.view import Standing, View

REPORTED = Origin.REPORTED.value
NOTHING = Figures()
MEASURED = Figures._fields.index("peak_after") + 1
"""So many of the figures stand in an example as they are, in the same order."""


class Finding(NamedTuple):
    """An example as it is now, with what only its event tells. ``time`` is when it ended, in microseconds."""

    example: Example
    case: Case
    time: int


class Unfilled(NamedTuple):
    """An example of which nothing is known, and that waits: from ``due`` on it may be filled. ``time`` is its end."""

    case: Case
    slot: Slot
    due: int
    marks: str
    time: int

    def finding(self, strategy: str) -> Finding:
        """The same for itself."""
        case = self.case
        wait = Wait(case.fact, strategy, case.subject, case.id, self.place, {self.slot: self.due})
        return Finding(wait.example(self.slot), case, self.time)

    @property
    def key(self) -> Key:
        """What names the example within the store."""
        return (self.case.fact, *self.slot)

    @property
    def place(self) -> Place:
        """Where the example belongs."""
        return Place(self.case.instrument, self.case.unit, self.case.session, self.marks)


class Found(NamedTuple):
    """What examples are now; ``waits`` is what their facts waited for before, as it is stored."""

    findings: list[Finding]
    unfilled: list[Unfilled]
    waits: Mapping[int, Wait]


class Join:
    """Joins alerts, decisions, theses, outcomes and prices of one strategy into examples."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.strategy = rules.registry.strategy
        self._counting = Counting(rules)

    def found(self, connection: Connection, touched: Touched, *, settled: str) -> Found:
        """What the touched examples are now. ``settled`` is the newest settled session, "" where none is."""
        facts = Facts(connection, self.strategy)
        units = read_units(facts, touched.units)
        waits = self._waits(connection, units, touched)
        reached = self.rules.calendar.close_of(settled) if settled else 0
        asked = _asked_reports(units, touched)
        reports = Reports.about(asked, facts=facts, rules=self.rules) if asked else Reports()
        stood = self._stood(connection, (case.fact for case in asked if case.fact < touched.new_from), waits)
        earlier = self.rules.before(horizons(connection, self.strategy))
        known = Known(connection, self.rules, units, reports, stood, waits=waits, earlier=earlier, reached=reached)
        slots = {unit: known.slots(cohort, touched, unit=unit) for unit, cohort in units.items()}
        known.measure(slots)
        find = Versions(connection).get
        found = Found([], [], waits)
        for unit, cohort in units.items():
            mismatched = self._mismatched(cohort, find)
            for slot in slots[unit]:
                sight = known.sight(slot)
                view = View(cohort, sight, mismatched, reached)
                for case in cohort.cases:
                    if not known.has(sight, case):
                        continue
                    if view.waits(case):
                        found.unfilled.append(self._unfilled(view, case))
                    else:
                        found.findings.append(self._finding(view, case, view.standing(case, self._counting, find)))
        return found

    def _waits(self, connection: Connection, units: Mapping[str, Cohort], touched: Touched) -> dict[int, Wait]:
        facts = {case.fact for cohort in units.values() for case in cohort.cases if case.fact < touched.new_from}
        return {**touched.waits, **Awaited(connection, self.strategy).get(facts - touched.waits.keys())}

    def _stood(self, connection: Connection, facts: Iterable[int], waits: Mapping[int, Wait]) -> dict[int, set[str]]:
        """The horizons at which there are examples of what trading reported, by what these are about."""
        asked = list(facts)
        found = Examples(connection, self.strategy).reported(asked)
        for fact in waits.keys() & asked:
            found.setdefault(fact, set()).update(horizon for horizon, origin in waits[fact].dues if origin == REPORTED)
        return found

    def _unfilled(self, view: View, case: Case) -> Unfilled:
        end = view.sight.ends[case.fact].at
        return Unfilled(case, view.sight.slot, view.due(case), view.marks(case), end)

    def _mismatched(self, cohort: Cohort, find: Find) -> dict[int, str]:
        found = ((case.fact, self._counting.mismatch(case, find)) for case in cohort.cases)
        return {fact: reason for fact, reason in found if reason}

    def _finding(self, view: View, case: Case, standing: Standing) -> Finding:
        sight = view.sight
        figures = sight.figures.get(case.fact)
        if figures is None:
            ending = sight.endings.get(case.fact)
            figures = (ending.figures if ending else None) or NOTHING
        identity = (case.fact, *sight.slot, self.strategy, case.subject, case.id)
        place = (case.instrument, case.unit, case.session, view.due(case))
        state = (standing.state.value, standing.reason, view.marks(case))
        outcome_class = self.rules.outcome_class(figures.net if figures.net is not None else figures.return_)
        contributions = msgspec.json.encode(standing.contributions).decode() if standing.contributions else "[]"
        known = (*figures[:MEASURED], outcome_class, figures.exit_reason)
        example = Example._make((*identity, *place, *state, *known, contributions))
        return Finding(example, case, figures.time if figures.time is not None else sight.ends[case.fact].at)


def _asked_reports(units: Mapping[str, Cohort], touched: Touched) -> list[Case]:
    """The cases of the units whose reported slots are looked at."""
    asked = (
        unit for unit in units if unit in touched.whole or any(slot.origin == REPORTED for slot in touched.of(unit))
    )
    return [case for unit in asked for case in units[unit].cases]
