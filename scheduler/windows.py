"""Over which sessions the reward of each assigned unit is measured: so it is known how much of it is its own."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from learning.uniqueness import average_uniqueness, effective_n
from schemas.calendar import Calendar
from schemas.parameters import Market, Registry
from schemas.spans import places_of
from schemas.version import Version
from store.assigned import AssignedUnit, assigned_units
from store.splits import splits
from store.statistics import StatisticsRow


class Window(NamedTuple):
    """One unit of an arm: its assignment session, its instrument, and the places of its first and last session."""

    session: str
    arm: str
    instrument: int
    first: int
    last: int


def read_windows(
    connection: Connection,
    registry: Registry,
    version: Version | None,
    *,
    cohorts: Iterable[StatisticsRow],
    session: str,
    cut: int,
) -> dict[str, list[Window]]:
    """The windows of the units of each allocation in force, assigned since its first of ``cohorts`` began.

    A unit belongs to the arm that its own version gave it. Its window begins with the session in which it could be
    entered, ``session`` at the latest, and has as many sessions as the horizon of the reward; at the close
    ``close_after``, the most it can take.
    """
    if version is None:
        return {}
    in_force = {allocation.id for allocation in version.allocations}
    since = min((row.session for row in cohorts if row.allocation in in_force), default=session)
    calendar = Calendar.named(registry.market.calendar)
    before = calendar.sessions[max(0, calendar.place(since) - 1)]
    units = assigned_units(connection, version.strategy, first=before, last=session, cut=cut)
    arms = _arms(connection, version, units)
    found: dict[str, list[Window]] = {}
    for allocation in version.allocations:
        measured = _Measured(registry.market, registry.reward_of(allocation.parameters[0]).horizon)
        found[allocation.id] = [
            Window(unit.session, arm, unit.instrument, *measured.places(unit.venue, unit.entry_session))
            for unit, arm in zip(units, arms[allocation.id], strict=True)
            if arm is not None
        ]
    return found


def mean_uniqueness(windows: Iterable[Window], *, arm: str, sessions: Collection[str]) -> float | None:
    """The average uniqueness of the arm's windows of these assignment sessions, among each other; None without any."""
    chosen = [window[2:] for window in windows if window.arm == arm and window.session in sessions]
    if not chosen:
        return None
    instruments, first, last = np.array(chosen, dtype=np.int64).T
    return effective_n(average_uniqueness(instruments, first, last)) / len(chosen)


def _arms(connection: Connection, version: Version, units: Collection[AssignedUnit]) -> Mapping[str, list[str | None]]:
    """By allocation in force, the key of each unit's arm; None where its version did not have that allocation."""
    known = splits(connection, version.strategy, {unit.version for unit in units})
    return {
        allocation.id: [
            split.arm_of(unit.unit) if (split := known.get((unit.version, allocation.id))) is not None else None
            for unit in units
        ]
        for allocation in version.allocations
    }


class _Measured:
    """Finds the first and the last session of windows of one horizon, each on the calendar of its venue."""

    def __init__(self, market: Market, horizon: str) -> None:
        self._market = market
        self._horizon = horizon
        self.places = cache(self._places)

    def _places(self, venue: str, entry_session: str) -> tuple[int, int]:
        calendar = Calendar.named(self._market.venues.get(venue, self._market.calendar))
        horizon = f"{self._market.close_after}d" if self._horizon == "close" else self._horizon
        return places_of(horizon, calendar, entry_session=entry_session)
