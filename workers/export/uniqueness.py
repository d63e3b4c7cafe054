"""How much of its story each chosen example tells alone."""

from array import array
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from learning.uniqueness import average_uniqueness
from schemas.calendar import Calendar
from store.examples import Key
from store.selections import Window

Integers = NDArray[np.int64]

SLOTS = 2**16
"""There are fewer slots, (horizon, origin), than this: ``close`` and 9999 days, hours and minutes, from two origins."""

AT_ONCE = 200_000
"""About so many windows are weighed together; an instrument at a horizon is never torn apart."""


class Uniqueness:
    """Average uniqueness among the examples that were added: by instrument and slot, in sessions of its calendar.

    A window begins with the session that its entry time lies in and ends with that of its exit time; a moment between
    two sessions belongs to the later one, and what is entered at a close begins after it. Some 40 bytes an example are
    kept, and nothing else grows with their number.
    """

    def __init__(self, calendars: Mapping[int, Calendar]) -> None:
        self._calendars = calendars
        self._slots: dict[tuple[str, str], int] = {}
        self._groups: dict[tuple[int, int], int] = {}
        self._columns = {name: array("q") for name in ("keys", "groups", "entries", "exits")}
        self._keys = np.empty(0, dtype=np.int64)
        self._weights = np.empty(0)

    def add(self, window: Window) -> None:
        """Take an example in, where its times are known and the exit is not before the entry."""
        if window.entry_time is None or window.exit_time is None or window.exit_time < window.entry_time:
            return
        slot = self._slots.setdefault((window.horizon, window.origin), len(self._slots))
        group = self._groups.setdefault((window.instrument, slot), len(self._groups))
        row = (window.fact * SLOTS + slot, group, window.entry_time, window.exit_time)
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def weigh(self) -> None:
        """Compute the uniqueness of everything that was added."""
        keys, groups, entries, exits = (np.frombuffer(column, dtype=np.int64) for column in self._columns.values())
        starts, stops = self._places(groups, entries, exits)
        order = np.argsort(groups, kind="stable")
        weights = np.empty(len(groups))
        for together in _cut(order, groups):
            weights[together] = average_uniqueness(groups[together], starts[together], stops[together])
        by_key = np.argsort(keys)
        self._keys, self._weights = keys[by_key], weights[by_key]
        self._columns.clear()

    def _places(self, groups: Integers, entries: Integers, exits: Integers) -> tuple[Integers, Integers]:
        """The places of the first and the last session of each window, on the calendar of its instrument."""
        starts, stops = np.empty_like(entries), np.empty_like(exits)
        calendars = [self._calendars[instrument] for instrument, _ in self._groups]
        for calendar in dict.fromkeys(calendars):
            mine = np.array([one is calendar for one in calendars])[groups]
            starts[mine] = np.searchsorted(calendar.closes, entries[mine], side="right")
            stops[mine] = np.searchsorted(calendar.closes, exits[mine])
        return np.minimum(starts, stops), stops

    def of(self, key: Key) -> float | None:
        """The uniqueness of an example; None where its times are not known."""
        fact, horizon, origin = key
        slot = self._slots.get((horizon, origin))
        if slot is None:
            return None
        wanted = fact * SLOTS + slot
        place = int(np.searchsorted(self._keys, wanted))
        return float(self._weights[place]) if place < len(self._keys) and self._keys[place] == wanted else None


def _cut(order: Integers, groups: Integers) -> Iterator[Integers]:
    """``order``, by group, in pieces of whole groups."""
    sorted_groups = groups[order]
    start = 0
    while start < len(order):
        last = sorted_groups[min(start + AT_ONCE, len(order)) - 1]
        stop = int(np.searchsorted(sorted_groups, last, side="right"))
        yield order[start:stop]
        start = stop
