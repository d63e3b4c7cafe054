"""As how many independent ones judged things count: those of one instrument at one time see the same prices."""

from array import array
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.uniqueness import average_uniqueness, effective_n
from schemas.spans import places_of
from store.facts import AlertRow, DecisionRow
from store.judged import JudgedAlert, JudgedThesis
from workers.join.rules import Rules

Integers = NDArray[np.int64]

NOBODY = -1
"""Stands for the instrument of reports about nothing that is known."""


class Worth(NamedTuple):
    """What ``n`` judged things count for.

    ``uniqueness`` is the part of its window that each has to itself, on average; ``n_eff``, their sum, is as how many
    windows without any overlap they count.
    """

    n: int
    n_eff: float
    uniqueness: float


class Windows:
    """Gathers the windows of judged things, in sessions of the calendar of each one's venue.

    What is known to have been entered and left runs from the one to the other; all else runs from its entry session on
    for as many sessions as ``horizon`` has. 24 bytes of each are kept.
    """

    def __init__(self, rules: Rules, horizon: str) -> None:
        self._rules = rules
        self._horizon = horizon
        self._columns: dict[str, tuple[array[int], ...]] = defaultdict(lambda: tuple(array("q") for _ in range(3)))

    def __len__(self) -> int:
        return sum(len(instruments) for instruments, _, _ in self._columns.values())

    def measured(self, judged: JudgedAlert | JudgedThesis) -> None:
        """Take in what prices have judged."""
        if judged.entry_time is None or judged.exit_time is None:
            self.told(judged)
        else:
            self.add(judged.instrument, judged.venue, entry_time=judged.entry_time, exit_time=judged.exit_time)

    def told(self, about: JudgedAlert | JudgedThesis | AlertRow | DecisionRow | None) -> None:
        """Take in what trading has judged; all that is about nothing known (None) counts as one."""
        if about is None:
            self.add(NOBODY, "", entry_time=0, exit_time=1)
            return
        calendar = self._rules.calendar_of(about.venue)
        first, last = places_of(self._horizon, calendar, entry_session=about.entry_session)
        times = {"entry_time": int(calendar.opens[first]), "exit_time": int(calendar.closes[last])}
        self.add(about.instrument, about.venue, **times)

    def add(self, instrument: int, venue: str, *, entry_time: int, exit_time: int) -> None:
        """Take in a window in microseconds, of which the exit must be after the entry."""
        for column, value in zip(self._columns[venue], (instrument, entry_time, exit_time), strict=True):
            column.append(value)

    def worth(self) -> Worth | None:
        """What all of them count for; None where there are none."""
        if not len(self):
            return None
        found = [self._places(venue) for venue in sorted(self._columns)]
        instruments, first, last = (np.concatenate(column) for column in zip(*found, strict=True))
        n_eff = effective_n(average_uniqueness(instruments, first, last))
        return Worth(len(instruments), n_eff, n_eff / len(instruments))

    def _places(self, venue: str) -> tuple[Integers, Integers, Integers]:
        """Instruments, and the places of first and last sessions. What is entered at a close begins after it."""
        instruments, entries, exits = (np.array(column, dtype=np.int64) for column in self._columns[venue])
        closes = self._rules.calendar_of(venue).closes
        return instruments, np.searchsorted(closes, entries, side="right"), np.searchsorted(closes, exits)
