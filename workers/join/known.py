"""What is known of some units: what was reported of them, and what prices did."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection

from schemas.attributed import Origin
from store.awaited import Wait
from store.examples import Examples, Key
from store.instruments import Instruments, Listing
from store.prices import newest
from workers.join.cases import Case, Cohort
from workers.join.endings import Endings
from workers.join.paths import Benchmark, Paths, Window
from workers.join.reports import Reports
from workers.join.rules import BARRIER, CLOSE, End, Rules, Slot
from workers.join.touched import Touched
from workers.join.view import Sight

PRICES, REPORTED = Origin.PRICES.value, Origin.REPORTED.value


class Known:
    """Looks at units slot by slot: ``measure`` first, then ``sight``."""

    def __init__(
        self,
        connection: Connection,
        rules: Rules,
        units: Mapping[str, Cohort],
        reports: Reports,
        stood: Mapping[int, set[str]],
        *,
        waits: Mapping[int, Wait],
        earlier: Collection[Slot],
        reached: int,
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._units = units
        self._earlier = earlier
        self._reports = reports
        self._stood = stood
        self._waits = waits
        self._reached = reached
        self._calendars = {
            case.instrument: rules.calendar_of(case.venue) for cohort in units.values() for case in cohort.cases
        }
        self._sights: dict[Slot, Sight] = {}

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

    def sight(self, slot: Slot) -> Sight:
        """What is known at a slot."""
        found = self._sights.get(slot)
        if found is None:
            awaited = slot == CLOSE and CLOSE in self._rules.rewards
            found = self._sights[slot] = Sight.of(slot, awaited=awaited)
        return found

    def has(self, sight: Sight, case: Case) -> bool:
        """Whether a case has an example at a slot: always, or because trading reports it, or did."""
        slot = sight.slot
        if slot.origin == PRICES:
            return case.fact in sight.windows
        known = case.fact in sight.figures or slot.horizon in self._stood.get(case.fact, ())
        return known or slot in self._rules.slots(case)

    def measure(self, slots: Mapping[str, list[Slot]]) -> None:
        """Find what was reported at the slots, measure every window of prices that they ask for, and say why those
        ended that are given up."""
        before: dict[Key, Case] = {}
        for unit, cohort in self._units.items():
            for slot in slots[unit]:
                sight = self.sight(slot)
                for case in cohort.cases:
                    end = sight.ends[case.fact] = self._rules.end(slot, case)
                    if slot.origin != PRICES:
                        if figures := self._reports.figures(case, slot.horizon):
                            sight.figures[case.fact] = figures
                    elif slot in self._rules.slots(case):
                        sight.windows[case.fact] = self._window(case, slot, end)
                    elif slot != BARRIER:
                        before[case.fact, *slot] = case
        for key in self._stored(before):
            case, sight = before[key], self.sight(Slot(*key[1:]))
            sight.windows[case.fact] = self._window(case, sight.slot, sight.ends[case.fact])
        if sights := [sight for sight in self._sights.values() if sight.windows]:
            self._look(sights)

    def _stored(self, asked: Mapping[Key, object]) -> Iterable[Key]:
        """Of what the registry no longer asks for, the examples of an earlier one: they go on to their end."""
        silent = {key for key in asked if key[0] in self._waits and key[1:] in self._waits[key[0]].dues}
        if left := asked.keys() - silent:
            return silent | Examples(self._connection, self._rules.registry.strategy).get(left).keys()
        return silent

    def _look(self, sights: Sequence[Sight]) -> None:
        paths = Paths(self._connection, self._rules, calendars=self._calendars, benchmark=self._benchmark())
        asked = [(sight, fact, window) for sight in sights for fact, window in sight.windows.items()]
        measured = paths.measured([window for _, _, window in asked])
        late: list[tuple[Sight, int, Window]] = []
        held: list[tuple[Sight, int, Window, int]] = []
        for (sight, fact, window), figures in zip(asked, measured, strict=True):
            if figures is not None:
                sight.figures[fact] = figures
                if figures.held_until is not None:
                    held.append((sight, fact, window, figures.held_until))
            elif sight.ends[fact].lost_at <= self._reached:
                late.append((sight, fact, window))
        self._give_up(late, paths)
        self._release(held)

    def _give_up(self, late: Sequence[tuple[Sight, int, Window]], paths: Paths) -> None:
        """Say why windows ended that nothing came for in time."""
        if late:
            endings = Endings(self._connection, self._rules, calendars=self._calendars, paths=paths)
            found = endings.of((window, sight.ends[fact].lost_at) for sight, fact, window in late)
            for sight, fact, window in late:
                sight.endings[fact] = found[window]

    def _release(self, held: Sequence[tuple[Sight, int, Window, int]]) -> None:
        """Let go what waited after a jump, once the bars of its instrument or the settled sessions have come so far."""
        instruments = {window.instrument for _, _, window, _ in held}
        reached = newest(self._connection, instruments, interval=self._rules.market.bars) if held else {}
        for sight, fact, window, until in held:
            last, _ = reached.get(window.instrument, (0, ""))
            if max(last, self._reached) >= until:
                sight.released.add(fact)

    def _window(self, case: Case, slot: Slot, end: End) -> Window:
        calendar = self._calendars[case.instrument]
        daily = self._rules.interval is None and case.fill_price is None
        barred = slot == BARRIER
        return Window(
            case.instrument,
            calendar.open_of(case.entry) if daily else case.time,
            calendar.close_of(case.entry),
            end.at,
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
