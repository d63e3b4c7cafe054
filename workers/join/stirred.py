"""What new bars may change."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property

import numpy as np
from sqlalchemy import Connection

from schemas.calendar import Calendar, NoSession
from schemas.spans import sessions_of, span_of
from store.books import horizons
from store.examples import Examples
from store.facts import Facts
from store.instruments import Instruments, Listing
from store.prices import newest
from workers.join.fact_rows import Row
from workers.join.rules import BARRIER, Rules, Slot, sessions_spanned
from workers.join.touched import Touched

NEVER = 2**62
"""Later than anything."""


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
        around: dict[tuple[str, str], set[int]] = defaultdict(set)
        for instrument, mine in bars.items():
            in_order = sorted(mine, key=lambda row: int(row["time"]))
            if self._is_next(instrument, in_order):
                ends[instrument] = in_order[-1]["time"]
            else:
                near = self._near(in_order, instrument=instrument, calendar=self._calendar(instrument))
                around[near].add(instrument)
        for pending in Examples(self._connection, self._rules.registry.strategy).maturing(ends):
            touched.slots(pending.unit, [Slot(pending.horizon, pending.origin)])
        for (first, last), instruments in around.items():
            self._entered(instruments, first=first, last=last, touched=touched)
            self._held(instruments, touched)
        self._compared(bars, touched)

    @cached_property
    def _earlier(self) -> set[Slot]:
        """What an earlier registry asked for: its examples are revised too."""
        return self._rules.before(horizons(self._connection, self._rules.registry.strategy))

    @property
    def _reach(self) -> int:
        """How many sessions the longest window of prices spans, those of earlier registries among them."""
        return max([self._rules.reach, *(sessions_spanned(slot.horizon) for slot in self._earlier)])

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

    def _near(self, rows: Sequence[Row], *, instrument: int, calendar: Calendar) -> tuple[str, str]:
        """The first and the last session of a calendar in which something was entered that one of the bars may concern.

        Counted from the instrument's last bar before them on, because a hole may have closed.
        """
        since = min(int(rows[0]["time"]), self._before[instrument][0] if instrument in self._before else NEVER)
        back = self._reach + self._rules.market.lost_after + self._rules.market.jump_hold
        first = int(np.searchsorted(calendar.closes, since)) - back
        last = int(np.searchsorted(calendar.closes, rows[-1]["time"])) + self._rules.market.gap_sessions
        newest_place = len(calendar.sessions) - 1
        return calendar.sessions[min(max(0, first), newest_place)], calendar.sessions[min(last, newest_place)]

    def _entered(self, instruments: set[int], *, first: str, last: str, touched: Touched) -> None:
        slots = (*self._rules.priced, *self._earlier)
        self._touch(instruments, slots, first=first, last=last, touched=touched)

    def _touch(self, instruments: set[int], slots: Iterable[Slot], *, first: str, last: str, touched: Touched) -> None:
        for unit in self._facts.units_entered(instruments, first=first, last=last):
            touched.slots(unit, slots)

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
            if self._is_next(number, rows) and all(row["factor"] is None for row in rows):
                self._ending(behind, rows, touched, instrument=number)
            else:
                for calendar, mine in self._by_calendar(behind):
                    first, last = self._near(rows, instrument=number, calendar=calendar)
                    self._entered(mine, first=first, last=last, touched=touched)
                self._held(behind, touched)

    def _ending(self, instruments: set[int], rows: Sequence[Row], touched: Touched, *, instrument: int) -> None:
        """What ends with these bars, in the sessions of what is compared."""
        slots = (*self._rules.fixed, *self._rules.judged, *self._earlier)
        for calendar, mine in self._by_calendar(instruments):
            entries = {
                entry
                for earliest, latest in self._ended(calendar, rows)
                for entry in self._entries(calendar, earliest, latest, slots)
            }
            for first, last in sorted(entries):
                self._touch(mine, slots, first=first, last=last, touched=touched)
            first, last = self._near(rows, instrument=instrument, calendar=calendar)
            for unit in self._facts.units_barred(mine, first=first, last=last):
                touched.slots(unit, [BARRIER])
        self._held(instruments, touched)

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
