"""The examples as the stored facts have them: the same facts give the same, in whatever order they came."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from store.examples import PRICES, REPORTED, Example, example_id
from store.facts import Facts
from store.versions import Versions
from workers.join.cases import Case, Cohort, read_units
from workers.join.counting import Counting
from workers.join.paths import Window, measured
from workers.join.reports import Figures, Reports
from workers.join.rules import CLOSE, Rules, Slot
from workers.join.touched import Touched
from workers.join.view import Standing, View

NOTHING = Figures()


class Finding(NamedTuple):
    """An example as it is now, with what only its event tells. Times in microseconds; ``time`` is when it ended."""

    example: Example
    symbol: str
    entry_time: int | None
    exit_time: int | None
    time: int


class Join:
    """Joins alerts, decisions, outcomes and prices of one strategy into examples."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.strategy = rules.registry.strategy
        self._counting = Counting(rules)

    def findings(self, connection: Connection, touched: Touched, *, settled: str) -> Iterator[Finding]:
        """What the touched examples are now. ``settled`` is the newest settled session, "" where none is."""
        facts = Facts(connection, self.strategy)
        units = read_units(facts, touched.units, rules=self.rules)
        reports = self._reports(units, touched, facts)
        slots = {unit: self._slots(cohort, reports, touched, unit=unit) for unit, cohort in units.items()}
        windows = {
            self._window(case, slot)
            for unit, cohort in units.items()
            for slot in slots[unit]
            if slot.origin == PRICES
            for case in cohort.cases
        }
        paths = measured(connection, windows, calendar=self.rules.calendar)
        versions = Versions(connection)
        for unit, cohort in units.items():
            for slot in slots[unit]:
                view = self._view(cohort, slot, reports, paths, settled=settled)
                for case in cohort.cases:
                    if slot in self.rules.slots or case.key in view.figures:
                        yield self._finding(view, case, view.standing(case, self._counting, versions.get))

    def _reports(self, units: Mapping[str, Cohort], touched: Touched, facts: Facts) -> Reports:
        """What was reported of the units whose reported slots are looked at."""
        asked = {
            unit for unit in units if unit in touched.whole or any(slot.origin == REPORTED for slot in touched.of(unit))
        }
        return Reports.about((case for unit in asked for case in units[unit].cases), facts=facts)

    def _slots(self, cohort: Cohort, reports: Reports, touched: Touched, *, unit: str) -> list[Slot]:
        slots = set(touched.of(unit))
        if unit in touched.whole:
            told = {Slot(horizon, REPORTED) for case in cohort.cases for horizon in reports.horizons(case)}
            slots |= {*self.rules.slots, *told}
        return sorted(slots)

    def _view(
        self, cohort: Cohort, slot: Slot, reports: Reports, paths: Mapping[Window, Figures], *, settled: str
    ) -> View:
        if slot.origin == PRICES:
            known = {case.key: paths.get(self._window(case, slot)) for case in cohort.cases}
        else:
            known = {case.key: reports.figures(case, slot.horizon) for case in cohort.cases}
        return View(
            cohort=cohort,
            slot=slot,
            figures={key: figures for key, figures in known.items() if figures is not None},
            over=all(self._due(case, slot) <= settled for case in cohort.cases),
            awaited=slot == CLOSE and CLOSE in self.rules.rewards,
        )

    def _finding(self, view: View, case: Case, standing: Standing) -> Finding:
        figures = view.figures.get(case.key, NOTHING)
        due = self._due(case, view.slot)
        horizon, origin = view.slot
        earned = figures.net if figures.net is not None else figures.return_
        example = Example(
            id=example_id(self.strategy, case.subject, case.id, horizon=horizon, origin=origin),
            strategy=self.strategy,
            subject=case.subject,
            subject_id=case.id,
            instrument=case.instrument,
            unit=case.unit,
            session=case.session,
            horizon=horizon,
            origin=origin,
            due=due,
            state=standing.state.value,
            reason=standing.reason,
            entry_session=case.entry,
            entry_price=figures.entry_price,
            exit_price=figures.exit_price,
            return_=figures.return_,
            net=figures.net,
            mfe=figures.mfe,
            mae=figures.mae,
            volatility=figures.volatility,
            outcome_class=self.rules.outcome_class(earned),
            exit_reason=figures.exit_reason,
            score=case.score,
            regime=case.regime,
            params_version=case.params_version,
            contributions=msgspec.json.encode(standing.contributions).decode(),
        )
        known_at = figures.time if figures.time is not None else self.rules.calendar.close_of(due)
        return Finding(example, case.symbol, figures.entry_time, figures.exit_time, known_at)

    def _window(self, case: Case, slot: Slot) -> Window:
        return Window(case.instrument, case.entry, self._due(case, slot), case.sign)

    def _due(self, case: Case, slot: Slot) -> str:
        return self.rules.due(slot, session=case.session, entry=case.entry)
