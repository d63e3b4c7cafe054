"""What prices did after alerts and decisions, many at a time."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.excursions import Bars, excursions
from schemas.calendar import Calendar
from store.prices import Bar, daily_bars
from workers.join.reports import LARGEST, Figures

MARGIN = 10 * 86_400 * 1_000_000
"""How far, in microseconds, the end of a session's bar may lie from its open and close: weekends and holidays."""


class Window(NamedTuple):
    """An instrument from the open of ``entry`` to the close of ``due``, long (1) or short (-1)."""

    instrument: int
    entry: str
    due: str
    sign: float


def measured(connection: Connection, windows: Iterable[Window], *, calendar: Calendar) -> dict[Window, Figures]:
    """The figures of the windows whose first and last bars are there. An entry price of 0 or less has no return.

    Returns are bounded at ``LARGEST`` on both sides, as everything that crosses the wire.
    """
    months: dict[str, set[Window]] = defaultdict(set)
    for window in windows:
        months[window.entry[:7]].add(window)
    found: dict[Window, Figures] = {}
    for month in sorted(months):
        found.update(_Block(connection, sorted(months[month]), calendar=calendar).figures())
    return found


class _Block:
    """The bars of windows that begin near each other: an array of (field, instrument, session)."""

    def __init__(self, connection: Connection, windows: list[Window], *, calendar: Calendar) -> None:
        self._calendar = calendar
        self._windows = windows
        self._first, last = min(w.entry for w in windows), max(w.due for w in windows)
        self._places = {number: place for place, number in enumerate(sorted({w.instrument for w in windows}))}
        bars = daily_bars(
            connection,
            self._places,
            first=self._first,
            last=last,
            since=calendar.open_of(self._first) - MARGIN,
            until=calendar.close_of(last) + MARGIN,
        )
        self._fields = np.full((5, len(self._places), calendar.distance(self._first, last) + 1), np.nan)
        self._fill(list(bars))

    def figures(self) -> Iterator[tuple[Window, Figures]]:
        """Figures, all windows of one length at once."""
        lengths: dict[int, list[Window]] = defaultdict(list)
        for window in self._windows:
            lengths[self._calendar.distance(window.entry, window.due) + 1].append(window)
        for length, windows in lengths.items():
            yield from self._of_length(length, windows)

    def _fill(self, bars: list[Bar]) -> None:
        if bars:
            rows = [self._places[bar.instrument] for bar in bars]
            columns = [self._calendar.distance(self._first, bar.session) for bar in bars]
            self._fields[:, rows, columns] = np.array([bar[2:] for bar in bars], dtype=np.float64).T

    def _of_length(self, length: int, windows: list[Window]) -> Iterator[tuple[Window, Figures]]:
        rows = np.array([[self._places[window.instrument]] for window in windows])
        starts = np.array([[self._calendar.distance(self._first, window.entry)] for window in windows])
        bars = Bars(*(field[rows, starts + np.arange(length)] for field in self._fields))
        made = excursions(bars, signs=np.array([window.sign for window in windows]))
        prices = (bars.opens[:, 0], bars.closes[:, -1])
        fractions = (made.returns, made.mfe, made.mae, made.volatility)
        columns = map(_known, (*prices, *(np.clip(column, -LARGEST, LARGEST) for column in fractions)))
        there = ~np.isnan(bars.opens[:, 0]) & ~np.isnan(bars.closes[:, -1])
        for window, is_there, *numbers in zip(windows, there.tolist(), *columns, strict=True):
            if is_there:
                yield window, self._figures(window, *numbers)

    def _figures(self, window: Window, *numbers: float | None) -> Figures:
        entry_price, exit_price, return_, mfe, mae, volatility = numbers
        return Figures(
            entry_price=entry_price,
            exit_price=exit_price,
            return_=return_,
            mfe=mfe,
            mae=mae,
            volatility=volatility,
            entry_time=self._calendar.open_of(window.entry),
            exit_time=self._calendar.close_of(window.due),
            time=self._calendar.close_of(window.due),
        )


def _known(column: NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(number) else number for number in column.tolist()]
