"""What the learners of a strategy look back on: read from the store up to the cut, as arrays; bars up to the moment
of settling, as they bear no number of the ingest sequence."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.excursions import Bars
from schemas.attributed import Origin
from schemas.calendar import Calendar
from schemas.learner import Learner, LearnerKind
from schemas.parameters import Registry
from schemas.spans import places_of
from schemas.vocabulary import Direction
from store.prices import Bar, bars
from store.scored_units import ScoredUnit, scored_units
from store.sized_positions import SizedPosition, sized_positions

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CLOSE = "close"
"""The horizon of what trading reports at the end of a position."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Units with their scores, one a row, by session.

    ``sessions`` and ``ends`` (units,) are the places, on the strategy's calendar, of the assignment and of the last
    session in which anything of the outcome happens; ``features`` (units, weights) are NaN where they were not told.
    ``unknown`` counts units that were left out because what followed them is not known.
    """

    sessions: Integers
    ends: Integers
    scores: Floats
    features: Floats
    unknown: int


@dataclass(frozen=True, slots=True, eq=False)
class Units(Scored):
    """Units with their ``returns`` (units,), fractions before costs, signed as a position would have earned them."""

    returns: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Scored):
    """Units with all bars of their longest hold; ``signs`` (units,) are 1 long and -1 short, ``bars`` begin with the
    session of the entry."""

    signs: Floats
    bars: Bars


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Positions with a known size and net return, one a row, and as many more whose return is ``unknown``."""

    sessions: Integers
    ends: Integers
    sizes: Floats
    returns: Floats
    unknown: int


History = Units | Entries | Positions


class Reach(NamedTuple):
    """How far a cycle sees: the session and moment at which it settled, the cut, and what was pending then.

    Facts and examples are there up to the ``cut``. Bars are by the clock, if recorded by ``settled_at``, microseconds:
    one of a turn that began before then and ended later comes into a cycle that is run again.
    """

    session: str
    settled_at: int
    cut: int
    pending: Mapping[str, Sequence[str]]


def read_history(connection: Connection, registry: Registry, learner: Learner, reach: Reach) -> History:
    """What ``learner`` looks back on: so many sessions, those left out of which something is still pending."""
    reader = _Reader(connection, registry, learner, reach)
    if learner.kind is LearnerKind.EXITS:
        return reader.entries()
    if learner.kind is LearnerKind.POSITION_SIZE:
        return reader.positions()
    return reader.units()


class _Reader:
    def __init__(self, connection: Connection, registry: Registry, learner: Learner, reach: Reach) -> None:
        self._connection = connection
        self._registry = registry
        self._learner = learner
        self._reach = reach
        self._market = registry.market
        self._calendar = Calendar.named(self._market.calendar)
        self._last = self._calendar.place(reach.session)
        self._first = max(0, self._last - learner.sessions + 1)
        self._end = cache(self._ending)

    def units(self) -> Units:
        horizon = self._learner.horizon or self._market.primary_horizon
        units = self._scored(horizon)
        known = [unit for unit in units if unit.return_ is not None]
        return Units(
            **self._scores(known, horizon),
            returns=np.array([unit.return_ for unit in known], dtype=np.float64),
            unknown=len(units) - len(known),
        )

    def entries(self) -> Entries:
        length = self._longest()
        horizon = f"{length}d"
        ripe = [
            unit for unit in self._scored("") if self._end(f"{length}d", unit.venue, unit.entry_session) <= self._last
        ]
        tapes = self._tapes(ripe, length)
        found = [tapes[unit.instrument].start(unit.entry_session) for unit in ripe]
        known = [unit for unit, start in zip(ripe, found, strict=True) if start is not None]
        windows = [
            tapes[unit.instrument].window(start) for unit, start in zip(ripe, found, strict=True) if start is not None
        ]
        table = np.array(windows, dtype=np.float64).reshape(len(known), length, 5)
        return Entries(
            **self._scores(known, horizon),
            signs=np.array([1.0 if unit.direction == Direction.LONG.value else -1.0 for unit in known]),
            bars=Bars(*np.moveaxis(table, 2, 0)),
            unknown=len(ripe) - len(known),
        )

    def positions(self) -> Positions:
        horizon = self._learner.horizon or CLOSE
        origin = Origin.REPORTED if horizon == CLOSE else Origin.PRICES
        rows = sized_positions(
            self._connection,
            self._registry.strategy,
            horizon=horizon,
            origin=origin.value,
            first=self._calendar.sessions[self._first],
            last=self._reach.session,
            cut=self._reach.cut,
        )
        pending = self._reach.pending.get(f"{horizon}/{origin.value}", ())
        earned = [(row, self._earned(row)) for row in rows if row.session not in pending]
        known = [(row, net) for row, net in earned if net is not None]
        window = f"{self._market.close_after}d" if horizon == CLOSE else horizon
        return Positions(
            sessions=_integers(self._place(row.session) for row, _ in known),
            ends=_integers(self._end(window, row.venue, row.entry_session) for row, _ in known),
            sizes=np.array([row.size for row, _ in known], dtype=np.float64),
            returns=np.array([net for _, net in known], dtype=np.float64),
            unknown=len(earned) - len(known),
        )

    def _earned(self, row: SizedPosition) -> float | None:
        """What was left after costs: at the close as it was reported, else by the learner's own."""
        if self._learner.horizon in (None, CLOSE):
            return row.net
        return None if row.return_ is None else row.return_ - self._learner.costs

    def _scored(self, horizon: str) -> list[ScoredUnit]:
        """The units of all sessions that are looked at, but for those of which something is pending."""
        found = scored_units(
            self._connection,
            self._registry.strategy,
            features=list(self._learner.weights.values()),
            horizon=horizon,
            first=self._calendar.sessions[self._first],
            last=self._reach.session,
            cut=self._reach.cut,
        )
        pending = set(self._reach.pending.get(f"{horizon}/{Origin.PRICES.value}", ()))
        return [unit for unit in found if unit.session not in pending]

    def _scores(self, units: Sequence[ScoredUnit], horizon: str) -> dict[str, Any]:
        shape = len(units), len(self._learner.weights)
        return {
            "sessions": _integers(self._place(unit.session) for unit in units),
            "ends": _integers(self._end(horizon, unit.venue, unit.entry_session) for unit in units),
            "scores": np.array([unit.score for unit in units], dtype=np.float64),
            "features": np.array([unit.features for unit in units], dtype=np.float64).reshape(shape),
        }

    def _tapes(self, units: Sequence[ScoredUnit], length: int) -> dict[int, "_Tape"]:
        """The bars of the units' instruments, since the first of them could be entered."""
        venues = {unit.instrument: unit.venue for unit in units}
        if not units:
            return {}
        found = bars(
            self._connection,
            venues,
            interval=self._market.bars,
            since=self._calendar.begin_of(self._calendar.sessions[self._first]),
            until=self._calendar.close_of(self._reach.session),
            precedence=self._market.price_sources,
            told_by=self._reach.settled_at,
        )
        by_instrument: dict[int, list[Bar]] = {number: [] for number in venues}
        for bar in found:
            by_instrument[bar.instrument].append(bar)
        return {
            number: _Tape(by_instrument[number], self._calendar_of(venue), length) for number, venue in venues.items()
        }

    def _longest(self) -> int:
        hold = self._registry.parameters[self._learner.roles["max_hold"]]
        assert hold.max is not None, "a learnable number has bounds"
        return int(hold.max)

    def _place(self, session: str) -> int:
        """Facts outlive registries: a date that is no session of a new calendar counts as the next one."""
        return bisect_left(self._calendar.sessions, session)

    def _ending(self, horizon: str, venue: str, entry_session: str) -> int:
        calendar = self._calendar_of(venue)
        _, last = places_of(horizon, calendar, entry_session=entry_session)
        return last if calendar is self._calendar else self._place(calendar.sessions[last])

    def _calendar_of(self, venue: str) -> Calendar:
        return Calendar.named(self._market.venues.get(venue, self._market.calendar))


class _Tape:
    """The bars of one instrument, and where windows without a gap begin."""

    def __init__(self, found: Sequence[Bar], calendar: Calendar, length: int) -> None:
        self._length = length
        self._rows = [(bar.open, bar.high, bar.low, bar.close, _or_nan(bar.factor)) for bar in found]
        self._at = {bar.session: row for row, bar in enumerate(found)}
        self._places = [calendar.place(bar.session) for bar in found]

    def start(self, session: str) -> int | None:
        """The row of the session's bar, where there is one in each session of a whole window from there on."""
        row = self._at.get(session)
        if row is None or row + self._length > len(self._rows):
            return None
        whole = self._places[row + self._length - 1] - self._places[row] == self._length - 1
        return row if whole else None

    def window(self, row: int) -> list[tuple[float, float, float, float, float]]:
        """Open, high, low, close and factor of the window's bars."""
        return self._rows[row : row + self._length]


def _or_nan(factor: float | None) -> float:
    return np.nan if factor is None else factor


def _integers(numbers: Iterable[int]) -> Integers:
    return np.fromiter(numbers, dtype=np.int64)
