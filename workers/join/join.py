"""The examples as the stored facts have them: the same facts give the same, in whatever order they came."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from schemas.attributed import Origin
from store.books import horizons
from store.examples import Example, Examples, Key
from store.facts import Facts
from store.instruments import Instruments, Listing
from store.prices import newest
from store.versions import Versions
from workers.join.cases import Case, Cohort, read_units
from workers.join.counting import Counting, Find
from workers.join.endings import Endings
from workers.join.figures import Figures
from workers.join.paths import Benchmark, Paths, Window
from workers.join.reports import Reports
from workers.join.rules import BARRIER, CLOSE, End, Rules, Slot
from workers.join.touched import Touched
from workers.join.view import Ending, Standing, View

PRICES, REPORTED = Origin.PRICES.value, Origin.REPORTED.value
NOTHING = Figures()


class Finding(NamedTuple):
    """An example as it is now, with what only its event tells. ``time`` is when it ended, in microseconds."""

    example: Example
    case: Case
    time: int


class Join:
    """Joins alerts, decisions, theses, outcomes and prices of one strategy into examples."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.strategy = rules.registry.strategy
        self._counting = Counting(rules)

    def findings(self, connection: Connection, touched: Touched, *, settled: str) -> Iterator[Finding]:
        """What the touched examples are now. ``settled`` is the newest settled session, "" where none is."""
        facts = Facts(connection, self.strategy)
        units = read_units(facts, touched.units)
        reached = self.rules.calendar.close_of(settled) if settled else 0
        asked = _asked_reports(units, touched)
        reports = Reports.about(asked, facts=facts, rules=self.rules) if asked else Reports()
        stood = Examples(connection, self.strategy).reported(case.fact for case in asked)
        earlier = self.rules.before(horizons(connection, self.strategy))
        known = _Known(connection, self.rules, units, reports, stood, earlier=earlier, reached=reached)
        slots = {unit: known.slots(cohort, touched, unit=unit) for unit, cohort in units.items()}
        known.measure(slots)
        find = Versions(connection).get
        for unit, cohort in units.items():
            mismatched = self._mismatched(cohort, find)
            for slot in slots[unit]:
                if known.concerns(cohort, slot):
                    view = known.view(cohort, slot, mismatched)
                    for case in cohort.cases:
                        if known.has(view, case):
                            yield self._finding(view, case, view.standing(case, self._counting, find))

    def _mismatched(self, cohort: Cohort, find: Find) -> dict[str, str]:
        found = ((case.key, self._counting.mismatch(case, find)) for case in cohort.cases)
        return {key: reason for key, reason in found if reason}

    def _finding(self, view: View, case: Case, standing: Standing) -> Finding:
        ending = view.endings.get(case.key)
        figures = view.figures.get(case.key) or (ending.figures if ending else None) or NOTHING
        end = view.ends[case.key]
        earned = figures.net if figures.net is not None else figures.return_
        example = Example(
            case.fact,
            view.slot.horizon,
            view.slot.origin,
            self.strategy,
            case.subject,
            case.id,
            case.instrument,
            case.unit,
            case.session,
            view.due(case),
            standing.state.value,
            standing.reason,
            view.marks(case),
            figures.entry_time,
            figures.exit_time,
            figures.entry_price,
            figures.exit_price,
            figures.return_,
            figures.net,
            figures.benchmark,
            figures.mfe,
            figures.mae,
            figures.volatility,
            figures.peak_after,
            self.rules.outcome_class(earned),
            figures.exit_reason,
            msgspec.json.encode(standing.contributions).decode() if standing.contributions else "[]",
        )
        return Finding(example, case, figures.time if figures.time is not None else end.at)


def _asked_reports(units: Mapping[str, Cohort], touched: Touched) -> list[Case]:
    """The cases of the units whose reported slots are looked at."""
    asked = (
        unit for unit in units if unit in touched.whole or any(slot.origin == REPORTED for slot in touched.of(unit))
    )
    return [case for unit in asked for case in units[unit].cases]


class _Known:
    """All that is known of some units: what was reported, and what prices did in their windows."""

    def __init__(
        self,
        connection: Connection,
        rules: Rules,
        units: Mapping[str, Cohort],
        reports: Reports,
        stood: Mapping[int, set[str]],
        *,
        earlier: Collection[Slot],
        reached: int,
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._units = units
        self._earlier = earlier
        self._reports = reports
        self._stood = stood
        self._reached = reached
        self._calendars = {
            case.instrument: rules.calendar_of(case.venue) for cohort in units.values() for case in cohort.cases
        }
        self._ends: dict[tuple[Slot, int], End] = {}
        self._windows: dict[tuple[Slot, int], Window] = {}
        self._paths: dict[Window, Figures] = {}
        self._endings: dict[Window, Ending] = {}
        self._newest: dict[int, tuple[int, str]] = {}

    def slots(self, cohort: Cohort, touched: Touched, *, unit: str) -> list[Slot]:
        """The slots of a unit that are to be looked at."""
        slots = set(touched.of(unit))
        if unit in touched.whole:
            slots.update(self._earlier)
            for case in cohort.cases:
                slots.update(self._rules.slots(case))
                told = self._reports.horizons(case) | self._stood.get(case.fact, set())
                slots.update(Slot(horizon, REPORTED) for horizon in told)
        return sorted(slots)

    def concerns(self, cohort: Cohort, slot: Slot) -> bool:
        """Whether any case of a unit may have an example at a slot."""
        return slot.origin == REPORTED or any((slot, case.fact) in self._windows for case in cohort.cases)

    def has(self, view: View, case: Case) -> bool:
        """Whether a case has an example at a slot: always, or because trading reports it, or did."""
        slot = view.slot
        if slot.origin == PRICES:
            return (slot, case.fact) in self._windows
        known = case.key in view.figures or slot.horizon in self._stood.get(case.fact, ())
        return known or slot in self._rules.slots(case)

    def measure(self, slots: Mapping[str, list[Slot]]) -> None:
        """Measure every window of prices that the slots ask for, and say why those ended that are given up."""
        before: dict[Key, tuple[Case, Slot]] = {}
        for unit, cohort in self._units.items():
            for case in cohort.cases:
                own = self._rules.slots(case)
                for slot in slots[unit]:
                    self._ends[slot, case.fact] = self._rules.end(slot, case)
                    if slot.origin != PRICES:
                        continue
                    if slot in own:
                        self._windows[slot, case.fact] = self._window(case, slot)
                    elif slot != BARRIER:
                        before[case.fact, *slot] = case, slot
        for key in self._stored(before):
            case, slot = before[key]
            self._windows[slot, case.fact] = self._window(case, slot)
        if self._windows:
            self._look({window: self._ends[place].lost_at for place, window in self._windows.items()})

    def _stored(self, asked: Mapping[Key, object]) -> Iterable[Key]:
        """Of what the registry no longer asks for, the examples of an earlier one: they go on to their end."""
        return Examples(self._connection, self._rules.registry.strategy).get(asked) if asked else ()

    def _look(self, asked: Mapping[Window, int]) -> None:
        paths = Paths(self._connection, self._rules, calendars=self._calendars, benchmark=self._benchmark())
        self._paths = paths.measured(asked)
        late = [(window, at) for window, at in asked.items() if at <= self._reached and window not in self._paths]
        if late:
            endings = Endings(self._connection, self._rules, calendars=self._calendars, paths=paths)
            self._endings = endings.of(late)
        held = {window.instrument for window, figures in self._paths.items() if figures.jump}
        self._newest = newest(self._connection, held, interval=self._rules.market.bars) if held else {}

    def view(self, cohort: Cohort, slot: Slot, mismatched: Mapping[str, str]) -> View:
        """What is known of a unit at a slot."""
        figures: dict[str, Figures] = {}
        endings: dict[str, Ending] = {}
        released = set()
        for case in cohort.cases:
            window = self._windows.get((slot, case.fact))
            if slot.origin == REPORTED:
                found = self._reports.figures(case, slot.horizon)
            else:
                found = self._paths.get(window) if window else None
            if found is not None:
                figures[case.key] = found
                if found.held_until is not None and self._reached_by(case) >= found.held_until:
                    released.add(case.key)
            elif window and window in self._endings:
                endings[case.key] = self._endings[window]
        return View(
            cohort,
            slot,
            figures,
            {case.key: self._ends[slot, case.fact] for case in cohort.cases},
            endings,
            released,
            mismatched,
            reached=self._reached,
            awaited=slot == CLOSE and CLOSE in self._rules.rewards,
            expected=slot.origin == PRICES or (slot == CLOSE and CLOSE in self._rules.rewards),
        )

    def _reached_by(self, case: Case) -> int:
        """How far the bars of its instrument, or the settled sessions, reach."""
        return max(self._newest.get(case.instrument, (0, ""))[0], self._reached)

    def _window(self, case: Case, slot: Slot) -> Window:
        calendar = self._calendars[case.instrument]
        daily = self._rules.interval is None and case.fill_price is None
        barred = slot == BARRIER
        return Window(
            case.instrument,
            calendar.open_of(case.entry) if daily else case.time,
            calendar.close_of(case.entry),
            self._ends[slot, case.fact].at,
            case.sign,
            case.fill_price,
            barred,
            case.stop if barred else None,
            case.target if barred else None,
        )

    def _benchmark(self) -> Benchmark:
        market = self._rules.market
        if market.benchmark is None:
            return Benchmark([])
        listing = Listing(market.benchmark_venue or "", market.benchmark)
        return Benchmark(Instruments(self._connection).eras(self._rules.registry.strategy, listing))
