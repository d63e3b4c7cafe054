"""What prices did after alerts, decisions and theses, many at a time."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.barrier import barriers
from learning.excursions import excursions
from schemas.calendar import Calendar
from schemas.vocabulary import ExitReason
from workers.join.figures import LARGEST, Figures
from workers.join.rules import Rules
from workers.join.tape import Places, Tape

MONTH = 30 * 86_400 * 1_000_000
"""Windows that start within so many microseconds are measured on one tape."""

REASONS = (ExitReason.STOP_LOSS.value, ExitReason.TAKE_PROFIT.value, ExitReason.TIME_EXIT.value)
"""Why a barrier was left, by the kind that ``learning.barrier`` gives."""


class Window(NamedTuple):
    """Where an example is measured: an instrument's bars, from the first that starts at ``start`` or later and
    before ``latest``, to the first that ends at ``end`` or shortly after.

    ``sign`` is 1 long and -1 short, ``fill`` the price paid at ``start`` where it is known. ``stop`` and
    ``target`` make it a triple barrier, which may end earlier; ``barred`` where it has neither, but a longest hold.
    """

    instrument: int
    start: int
    latest: int
    end: int
    sign: float
    fill: float | None = None
    barred: bool = False
    stop: float | None = None
    target: float | None = None


class Benchmark(NamedTuple):
    """What returns are compared with: which instrument its symbol means from which moment on, the newest last."""

    eras: Sequence[tuple[int, int]]

    def at(self, moment: int) -> int | None:
        """The instrument at a moment."""
        return next((number for since, number in reversed(self.eras) if since <= moment), None)


class Paths:
    """Measures windows on the stored bars of one strategy. ``calendars`` are those of the instruments."""

    def __init__(
        self, connection: Connection, rules: Rules, *, calendars: Mapping[int, Calendar], benchmark: Benchmark
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._calendars = calendars
        self._benchmark = benchmark

    def measured(self, windows: Sequence[Window]) -> list[Figures | None]:
        """The figures of each window whose entry and exit are there; of a barrier, whose exit has come.

        An entry price of 0 or less has no fractions. Returns are bounded at ``LARGEST`` on both sides.
        """
        found: list[Figures | None] = [None] * len(windows)
        for places, month in _by_month(windows):
            for place, figures in self._of_month(month):
                found[places[place]] = figures
        return found

    def cut_short(self, windows: Sequence[Window]) -> list[Figures | None]:
        """The figures of each window up to the last bar before its end, where that is not before the entry."""
        shorter = list(windows)
        for places, month in _by_month(windows):
            tape = self._tape(month)
            owners = self._owners(tape, month)
            lasts = tape.before(owners, _column(month, "end"))
            for place, last, owner in zip(places, lasts.tolist(), owners.tolist(), strict=True):
                if last >= 0 and tape.owners[last] == owner:
                    shorter[place] = windows[place]._replace(end=int(tape.ends[last]))
        known = self.measured(shorter)
        return [
            figures if short is not window else None
            for window, short, figures in zip(windows, shorter, known, strict=True)
        ]

    def entered(self, windows: Sequence[Window]) -> list[bool]:
        """Of each window whether the bar is there that it is entered with."""
        found = [False] * len(windows)
        for places, month in _by_month(windows):
            tape = self._tape([window._replace(end=max(window.end, window.latest)) for window in month])
            firsts = self._firsts(tape, month, self._owners(tape, month))
            for place, first in zip(places, firsts.tolist(), strict=True):
                found[place] = first >= 0
        return found

    def _of_month(self, windows: Sequence[Window]) -> Iterator[tuple[int, Figures]]:
        """By their places among the windows."""
        tape = self._tape(windows)
        owners = self._owners(tape, windows)
        firsts = self._firsts(tape, windows, owners)
        ends = _column(windows, "end")
        lasts = tape.ending(owners, ends)
        if len(tape.ends):
            lasts = np.where((lasts >= 0) & (tape.ends[lasts] < ends + self._rules.width), lasts, -1)
        for barred, measure in ((False, self._fixed), (True, self._barred)):
            mine = np.array([window.barred is barred for window in windows]) & (firsts >= 0)
            if mine.any():
                yield from measure(tape, windows, firsts=firsts, lasts=lasts, mine=np.flatnonzero(mine))

    def _owners(self, tape: Tape, windows: Sequence[Window]) -> Places:
        return np.array([tape.place(window.instrument) for window in windows], dtype=np.int64)

    def _firsts(self, tape: Tape, windows: Sequence[Window], owners: Places) -> Places:
        """The entry bar of each window: the first that starts in time, before the entry session closes; else -1."""
        firsts = tape.starting(owners, _column(windows, "start"))
        if not len(tape.ends):
            return firsts
        return np.where((firsts >= 0) & (tape.starts[firsts] < _column(windows, "latest")), firsts, -1)

    def _tape(self, windows: Sequence[Window]) -> Tape:
        starts, ends = [window.start for window in windows], [window.end for window in windows]
        asked = {window.instrument for window in windows}
        compared = {number for start in set(starts) if (number := self._benchmark.at(start)) is not None}
        calendars = {number: self._calendars.get(number, self._rules.calendar) for number in asked | compared}
        until = max(ends) + self._rules.width
        return Tape(self._connection, calendars, rules=self._rules, since=min(starts), until=until)

    def _fixed(
        self, tape: Tape, windows: Sequence[Window], *, firsts: Places, lasts: Places, mine: Places
    ) -> Iterator[tuple[int, Figures]]:
        mine = mine[lasts[mine] >= firsts[mine]]
        lengths = lasts[mine] - firsts[mine] + 1
        for length in np.unique(lengths).tolist():
            chosen = mine[lengths == length]
            group = [windows[place] for place in chosen.tolist()]
            first, last = firsts[chosen], lasts[chosen]
            bars = tape.windows(first, length)
            made = excursions(
                bars,
                signs=_column(group, "sign"),
                entries=_optional(group, "fill"),
                trusted=tape.trusted[first[:, None] + np.arange(length)],
                guard=self._rules.market.jump_guard,
            )
            found = self._made(tape, group, first, last, made, exits=bars.closes[:, -1], reasons=[None] * len(group))
            yield from zip(chosen.tolist(), found, strict=True)

    def _barred(
        self, tape: Tape, windows: Sequence[Window], *, firsts: Places, lasts: Places, mine: Places
    ) -> Iterator[tuple[int, Figures]]:
        complete = lasts[mine] >= 0
        stops = np.where(complete, lasts[mine], tape.before(tape.owners[firsts[mine]], _column(windows, "end")[mine]))
        lengths = stops - firsts[mine] + 1
        for length in np.unique(lengths[lengths > 0]).tolist():
            chosen = mine[lengths == length]
            group = [windows[place] for place in chosen.tolist()]
            first = firsts[chosen]
            fills = _optional(group, "fill")
            told = np.where(np.isnan(fills), np.nan_to_num(tape.factors[first], nan=1.0), 1.0)
            made = barriers(
                tape.windows(first, length),
                signs=_column(group, "sign"),
                entries=fills,
                stops=_optional(group, "stop") * told,
                targets=_optional(group, "target") * told,
                trusted=tape.trusted[first[:, None] + np.arange(length)],
                guard=self._rules.market.jump_guard,
                complete=complete[lengths == length],
            )
            reasons = [REASONS[kind] if kind >= 0 else None for kind in made.kinds.tolist()]
            last = first + np.maximum(made.exits, 0)
            found = self._made(tape, group, first, last, made, exits=made.prices, reasons=reasons)
            for place, figures, kind in zip(chosen.tolist(), found, made.kinds.tolist(), strict=True):
                if kind >= 0:
                    yield place, figures

    def _made(
        self,
        tape: Tape,
        windows: Sequence[Window],
        first: Places,
        last: Places,
        made: Any,
        *,
        exits: NDArray[np.float64],
        reasons: Sequence[str | None],
    ) -> Iterator[Figures]:
        fills = _optional(windows, "fill")
        entries = np.where(np.isnan(fills), tape.opens[first], fills)
        entered = np.where(np.isnan(fills), tape.starts[first], _column(windows, "start"))
        peaks = np.where(made.peaks >= 0, tape.ends[first + np.maximum(made.peaks, 0)] - entered, 0)
        jumped = np.where(made.jumps >= 0, tape.ends[first + np.maximum(made.jumps, 0)], -1)
        fractions = (made.returns, self._compared(tape, windows, first, last), made.mfe, made.mae, made.volatility)
        columns = (*map(_known, (entries, exits)), *(_known(np.clip(each, -LARGEST, LARGEST)) for each in fractions))
        moments = (entered.tolist(), tape.ends[last].tolist(), peaks.tolist(), jumped.tolist())
        for window, reason, entry, exit_, return_, benchmark, mfe, mae, volatility, start, end, peak, jump in zip(
            windows, reasons, *columns, *moments, strict=True
        ):
            yield Figures(
                start,
                end,
                entry,
                exit_,
                return_,
                None,
                benchmark,
                mfe,
                mae,
                volatility,
                None if mfe is None else peak,
                reason,
                end,
                jump >= 0,
                self._held(window, jump) if jump >= 0 else None,
            )

    def _compared(self, tape: Tape, windows: Sequence[Window], first: Places, last: Places) -> NDArray[np.float64]:
        """What the benchmark did from the start of the entry bar to the end of the exit bar; NaN where unknown."""
        unknown = np.full(len(windows), np.nan)
        if not self._benchmark.eras:
            return unknown
        eras = [self._benchmark.at(window.start) for window in windows]
        if not len(tape.ends) or all(era is None for era in eras):
            return unknown
        owners = np.array([-1 if era is None else tape.place(era) for era in eras], dtype=np.int64)
        begin, end = tape.starting(owners, tape.starts[first]), tape.ending(owners, tape.ends[last])
        there = (owners >= 0) & (begin >= 0) & (end >= begin)
        there &= (tape.starts[begin] == tape.starts[first]) & (tape.ends[end] == tape.ends[last])
        paid = tape.opens[begin] * tape.growth(begin, end)
        there &= paid > 0
        return np.where(there, tape.closes[end] / np.where(there, paid, 1.0) - 1, unknown)

    def _held(self, window: Window, jumped: int) -> int:
        calendar = self._calendars.get(window.instrument, self._rules.calendar)
        place = min(
            int(np.searchsorted(calendar.closes, jumped)) + self._rules.market.jump_hold, len(calendar.closes) - 1
        )
        return int(calendar.closes[place])


def _by_month(windows: Sequence[Window]) -> Iterator[tuple[list[int], list[Window]]]:
    """The windows that start within one month, each month with their places."""
    months: dict[int, list[int]] = defaultdict(list)
    for place, window in enumerate(windows):
        months[window.start // MONTH].append(place)
    for _, places in sorted(months.items()):
        yield places, [windows[place] for place in places]


def _column(windows: Sequence[Window], name: str) -> NDArray[Any]:
    return np.array([getattr(window, name) for window in windows])


def _optional(windows: Sequence[Window], name: str) -> NDArray[np.float64]:
    return np.array([getattr(window, name) for window in windows], dtype=np.float64)


def _known(column: NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(number) else number for number in column.tolist()]
