"""What new bars may change."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from schemas.calendar import Calendar, NoSession
from schemas.spans import sessions_of, span_of
from store.awaited import Awaited
from store.books import horizons
from store.examples import Examples
from store.facts import Facts
from store.instruments import Instruments, Listing
from store.prices import newest
from workers.join.fact_rows import Row
from workers.join.rules import BARRIER, Rules, Slot, sessions_spanned
from workers.join.touched import Touched


class Run(NamedTuple):
    """Bars of sessions that lie close together, as places in a calendar.

    ``since`` is where the bars before them end, because a hole may have closed; ``told_again``: one of them is no
    longer final.
    """

    first: int
    last: int
    since: int
    told_again: bool


class Stirred:
    """Finds the examples that bars complete or revise.

    A bar that is the next of its instrument, in a session that is not settled yet, can only complete what is
    pending. Every other one (late, told again, after a hole) may change whatever was measured, or given up, near it.
    """

    def __init__(self, connection: Connection, rules: Rules, *, settled: str) -> None:
        self._connection = connection
        self._rules = rules
        self._settled = settled
        self._facts = Facts(connection, rules.registry.strategy)
        self._before: dict[int, tuple[int, str]] = {}

    def before(self, rows: Iterable[Row]) -> None:
        """Note how far the bars of these instruments reach before the rows are kept."""
        instruments = {row["instrument"] for row in rows if self._counts(row)}
        if instruments:
            self._before = newest(self._connection, instruments, interval=self._rules.market.bars)

    def by(self, rows: Iterable[Row], touched: Touched) -> None:
        """Note what the rows touch: those that now stand where they did not before."""
        bars: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if self._counts(row) or not row["final"]:
                bars[row["instrument"]].append(row)
        ends: dict[int, int] = {}
        late: dict[Calendar, dict[Run, set[int]]] = defaultdict(lambda: defaultdict(set))
        for instrument, mine in bars.items():
            in_order = sorted(mine, key=lambda row: int(row["time"]))
            if self._is_next(instrument, in_order):
                ends[instrument] = in_order[-1]["time"]
            else:
                calendar = self._calendar(instrument)
                for run in self._runs(calendar, in_order, since=self._before.get(instrument)):
                    late[calendar][run].add(instrument)
        self._ripe(ends, touched)
        for calendar, runs in late.items():
            for run, instruments in runs.items():
                self._entered(calendar, instruments, run, touched)
                self._doubtful(calendar, instruments, run, touched)
        self._held({instrument for runs in late.values() for mine in runs.values() for instrument in mine}, touched)
        self._compared(bars, touched)

    def _ripe(self, ends: dict[int, int], touched: Touched) -> None:
        """What bars complete, which are the next of their instruments; ``ends``: by instrument, where they end."""
        strategy = self._rules.registry.strategy
        for wait in Awaited(self._connection, strategy).maturing(ends):
            due = wait.due_by(ends[wait.place.instrument])
            if priced := [slot for slot in due if slot[1] == BARRIER.origin]:
                touched.waiting(wait, priced)
        for pending in Examples(self._connection, strategy).maturing(ends):
            touched.standing(pending)

    @cached_property
    def _earlier(self) -> set[Slot]:
        """What an earlier registry asked for: its examples are revised too."""
        return self._rules.before(horizons(self._connection, self._rules.registry.strategy))

    @cached_property
    def _spans(self) -> dict[Slot, int]:
        """How many sessions each horizon spans, those of earlier registries among them."""
        slots = (*self._rules.fixed, *self._rules.judged, *self._earlier)
        return {slot: sessions_spanned(slot.horizon) for slot in slots}

    @cached_property
    def _reach(self) -> int:
        """How many sessions the longest window of prices spans."""
        return max([self._rules.reach, *self._spans.values()])

    def _counts(self, row: Row) -> bool:
        return bool(row["final"]) and row["interval"] == self._rules.market.bars

    def _is_next(self, instrument: int, rows: Sequence[Row]) -> bool:
        """Whether the bars follow what was there without a hole, and none of them lies in a settled session."""
        if instrument not in self._before or not all(row["final"] for row in rows):
            return False
        last, session = self._before[instrument]
        calendar = self._calendar(instrument)
        for row in rows:
            if row["time"] <= last or row["session"] <= self._settled or calendar.distance(session, row["session"]) > 1:
                return False
            last, session = row["time"], row["session"]
        return True

    def _runs(self, calendar: Calendar, rows: Sequence[Row], *, since: tuple[int, str] | None = None) -> Iterable[Run]:
        """The stretches of sessions that bars lie in, which are in order; ``since``: the instrument's newest bar
        before them. Those that lie closer together than windows are long are taken as one."""
        runs: list[Run] = []
        places = np.searchsorted(calendar.closes, [row["time"] for row in rows]).tolist()
        for row, place in zip(rows, places, strict=True):
            told_again = not row["final"]
            if runs and place - runs[-1].last <= self._reach:
                runs[-1] = runs[-1]._replace(last=place, told_again=runs[-1].told_again or told_again)
            else:
                runs.append(Run(place, place, place, told_again))
        if since is not None:
            newest_place = int(np.searchsorted(calendar.closes, since[0]))
            runs = [run._replace(since=min(run.since, newest_place)) for run in runs]
        return runs

    def _entered(self, calendar: Calendar, instruments: set[int], run: Run, touched: Touched) -> None:
        """What is measured over one of the sessions; one more on both sides, for what ends or begins between two."""
        first, last = _sessions(calendar, run.first - self._reach, run.last + 1)
        for unit, entry in self._facts.entered(instruments, first=first, last=last):
            back = run.first - calendar.place(entry)
            touched.slots(unit, self._reaching(back))
        for unit in self._facts.units_barred(instruments, first=first, last=last):
            touched.slots(unit, [BARRIER])

    def _reaching(self, sessions: int) -> list[Slot]:
        """The horizons that may reach so many sessions on."""
        return [slot for slot, spanned in self._spans.items() if spanned >= sessions]

    def _ends(self, slot: Slot, *, by: int) -> bool:
        """Whether a horizon may have ended so many sessions on; one in hours may end in its first."""
        return self._spans[slot] <= by or span_of(slot.horizon) is not None

    def _doubtful(self, calendar: Calendar, instruments: set[int], run: Run, touched: Touched) -> None:
        """What was given up, or waits after a jump, and may have it otherwise now.

        Before the bars: why it ended, and whether it is waited any longer. After them: that no bar had come at all.
        """
        market = self._rules.market
        examples = Examples(self._connection, self._rules.registry.strategy)
        back = self._reach + market.lost_after + market.jump_hold
        behind = _sessions(calendar, run.since - back, run.last)
        ahead = _sessions(calendar, run.last + 1, run.last + market.gap_sessions)
        for (first, last), lost_only in ((behind, False), (ahead, not run.told_again)):
            for one in examples.doubtful(instruments, first=first, last=last, lost_only=lost_only):
                touched.slots(one.unit, [Slot(one.horizon, one.origin)])

    def _held(self, instruments: set[int], touched: Touched) -> None:
        """What was bought to be held longer than any horizon reaches."""
        for unit in self._facts.units_held_long(instruments, longer=self._rules.reach):
            touched.slots(unit, [BARRIER])

    def _compared(self, bars: dict[int, list[Row]], touched: Touched) -> None:
        """What was measured before its benchmark's bar came is measured again."""
        market = self._rules.market
        if market.benchmark is None:
            return
        strategy = self._rules.registry.strategy
        instruments = Instruments(self._connection)
        compared = instruments.eras(strategy, Listing(market.benchmark_venue or "", market.benchmark))
        for number in {number for _, number in compared} & bars.keys():
            rows = sorted(bars[number], key=lambda row: int(row["time"]))
            others = set(instruments.of_strategy(strategy)) - {number}
            ahead = newest(self._connection, others, interval=market.bars)
            behind = {other for other, (last, _) in ahead.items() if last >= rows[0]["time"]}
            if not behind:
                continue
            plain = all(row["factor"] is None and row["final"] for row in rows)
            if plain and self._is_next(number, rows):
                self._ending(behind, rows, touched)
            else:
                self._compared_with(behind, rows, touched, plain=plain)
            self._held(behind, touched)

    def _compared_with(self, instruments: set[int], rows: Sequence[Row], touched: Touched, *, plain: bool) -> None:
        """What a benchmark's bars may change in others: where they begin or end a window, and with a factor, or told
        again, anywhere within it."""
        examples = Examples(self._connection, self._rules.registry.strategy)
        for calendar, mine in self._by_calendar(instruments):
            for run in self._runs(calendar, rows):
                first, last = _sessions(calendar, run.first - self._reach, run.last + 1)
                for unit, entry in self._facts.entered(mine, first=first, last=last):
                    back = run.first - calendar.place(entry)
                    inside = not plain or back <= 1
                    over = back + run.last - run.first + 2
                    touched.slots(unit, [slot for slot in self._reaching(back) if inside or self._ends(slot, by=over)])
                for unit in self._facts.units_barred(mine, first=first, last=last):
                    touched.slots(unit, [BARRIER])
                for one in examples.doubtful(mine, first=first, last=last, lost_only=False):
                    touched.slots(one.unit, [Slot(one.horizon, one.origin)])

    def _ending(self, instruments: set[int], rows: Sequence[Row], touched: Touched) -> None:
        """What ends with these bars, in the sessions of what is compared."""
        slots = list(self._spans)
        for calendar, mine in self._by_calendar(instruments):
            entries = {
                entry
                for earliest, latest in self._ended(calendar, rows)
                for entry in self._entries(calendar, earliest, latest, slots)
            }
            for first, last in sorted(entries):
                for unit, _ in self._facts.entered(mine, first=first, last=last):
                    touched.slots(unit, slots)
            for run in self._runs(calendar, rows):
                first, last = _sessions(calendar, run.first - self._reach, run.last + 1)
                for unit in self._facts.units_barred(mine, first=first, last=last):
                    touched.slots(unit, [BARRIER])

    def _ended(self, calendar: Calendar, rows: Iterable[Row]) -> set[tuple[int, int]]:
        """The places of the sessions that the bars may end: a bar may reach less than its length beyond a close.

        Where the calendar ends before, nothing is measured any more.
        """
        found = set()
        for row in rows:
            with suppress(NoSession):
                back = (calendar.session_of(row["time"] - self._rules.width), calendar.session_of(row["time"] - 1))
                found.add((calendar.place(back[0]), calendar.place(back[1])))
        return found

    def _entries(
        self, calendar: Calendar, earliest: int, latest: int, slots: Iterable[Slot]
    ) -> Iterator[tuple[str, str]]:
        """The first and the last session in which something was entered that ends within those at these places.

        What is told during a session has the next one for its own, and may end before that with bars of minutes.
        """
        for horizon in {slot.horizon for slot in slots}:
            if (span := span_of(horizon)) is None:
                back = sessions_of(horizon) - 1
                first, last = earliest - back, latest - back
            else:
                first, last = self._told_in(calendar, earliest, span), latest + 1
            if last >= 0:
                yield calendar.sessions[max(0, first)], calendar.sessions[min(last, len(calendar.sessions) - 1)]

    def _told_in(self, calendar: Calendar, place: int, span: int) -> int:
        """The place of the first session that had something told which ends ``span`` later in the one at ``place``."""
        opens = int(calendar.opens[place])
        while place > 0 and calendar.after(int(calendar.closes[place - 1]), span) + self._rules.width > opens:
            place -= 1
        return place

    def _by_calendar(self, instruments: set[int]) -> Iterable[tuple[Calendar, set[int]]]:
        if not self._rules.market.venues:
            return [(self._rules.calendar, instruments)]
        found: dict[Calendar, set[int]] = defaultdict(set)
        for number, venue in Instruments(self._connection).venues(instruments).items():
            found[self._rules.calendar_of(venue)].add(number)
        return found.items()

    def _calendar(self, instrument: int) -> Calendar:
        if not self._rules.market.venues:
            return self._rules.calendar
        return self._rules.calendar_of(Instruments(self._connection).venues([instrument])[instrument])


def _sessions(calendar: Calendar, first: int, last: int) -> tuple[str, str]:
    """The sessions at two places, no further than the calendar reaches."""
    newest_place = len(calendar.sessions) - 1
    return calendar.sessions[min(max(0, first), newest_place)], calendar.sessions[min(max(0, last), newest_place)]
