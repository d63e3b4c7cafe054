"""When an exchange is open."""

import difflib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from schemas.errors import EngineError, InvalidRegistry
from schemas.trading_hours import TradingHours, known_calendars, trading_hours


class NoSession(EngineError):
    """A date on which the exchange does not trade, or a moment outside of 1990 to 2035."""


class Calendar:
    """The sessions of one exchange from 1990 to 2035, in memory, never changed.

    A session is named by its date in the exchange's time zone, ``2024-01-31``. Moments are int64
    microseconds since 1970 in UTC. ``24/7`` is open from midnight to midnight UTC, every day. A pause at noon,
    where an exchange has one, lies inside of its session and is not open time.

    Attributes:
        sessions: their dates, in order; a session's *place* is its place here.
        opens, closes: int64 (sessions,), read-only; when each opens and closes.

        >>> nyse = Calendar.named("XNYS")
        >>> nyse.shift("2024-03-28", 1)
        '2024-04-01'
    """

    def __init__(self, name: str, hours: TradingHours) -> None:
        self.name = name
        self.timezone = hours.timezone
        self.sessions = tuple(hours.sessions)
        self._place = {session: place for place, session in enumerate(hours.sessions)}
        self.opens, self.closes = _frozen(hours.opens), _frozen(hours.closes)
        self._opens, self._closes = tuple(hours.opens), tuple(hours.closes)
        self._begins, self._ends = tuple(hours.begins), tuple(hours.ends)
        # Open time runs in stretches; _reached is how much of it there has been by the end of each.
        self._starts = tuple(sorted([*hours.opens, *(end for _, end in hours.pauses)]))
        self._stops = tuple(sorted([*hours.closes, *(start for start, _ in hours.pauses)]))
        self._reached = tuple(accumulate(stop - start for start, stop in zip(self._starts, self._stops, strict=True)))

    @classmethod
    def named(cls, name: str) -> "Calendar":
        """The calendar of an exchange by its ISO 10383 code (``XNYS``), or ``24/7``; made once a process.

        Raises:
            InvalidRegistry: nobody knows a calendar of that name; the nearest ones are shown.
        """
        return _named(name)

    def session_of(self, time: int) -> str:
        """The session that a moment belongs to, as part of a unit.

        That is the session whose date is the moment's date in the exchange's time zone, before the open
        and after the close too; on a date without a session it is the next one.

        Raises:
            NoSession: the moment lies before the first or after the last session.
        """
        return self.sessions[self._within(bisect_right(self._ends, time), time)]

    def first_open_at_or_after(self, time: int) -> str:
        """The first session that opens at ``time`` or later.

        Raises:
            NoSession: the moment lies before the first or after the last session.
        """
        return self.sessions[self._within(bisect_left(self._opens, time), time)]

    def last_closed(self, time: int) -> str | None:
        """The newest session that has closed at ``time``; None before the close of the first."""
        place = bisect_right(self._closes, time) - 1
        return self.sessions[place] if place >= 0 else None

    def after(self, time: int, span: int) -> int:
        """When the exchange has been open for ``span`` microseconds since ``time``.

        Time in which it is closed counts nothing: what a session has not left is carried over into the next. Where
        the span ends with a session it is that close, not the next open.

        Raises:
            NoSession: ``time`` lies before the first session, or the calendar ends before.
        """
        place = bisect_right(self._starts, time) - 1
        reached = self._reached[place] - max(0, self._stops[place] - time) if place >= 0 else 0
        last = bisect_left(self._reached, reached + span)
        if time < self._begins[0] or last == len(self._reached):
            raise self._outside(time, f" + {span} µs of open time")
        return max(time, self._stops[last] - (self._reached[last] - reached - span))

    def shift(self, session: str, by: int) -> str:
        """The session ``by`` sessions later, or earlier where ``by`` is negative.

        Raises:
            NoSession: ``session`` is none, or the calendar ends before.
        """
        place = self.place(session) + by
        if not 0 <= place < len(self.sessions):
            raise NoSession(
                f"{self.name}: {by:+d} sessions from {session} is outside of {self.sessions[0]} to {self.sessions[-1]}"
            )
        return self.sessions[place]

    def distance(self, earlier: str, later: str) -> int:
        """How many sessions ``later`` comes after ``earlier``; negative when it comes before.

        Raises:
            NoSession: one of the two is none.
        """
        return self.place(later) - self.place(earlier)

    def open_of(self, session: str) -> int:
        """When the session opens, microseconds in UTC. Raises NoSession."""
        return self._opens[self.place(session)]

    def close_of(self, session: str) -> int:
        """When the session closes, microseconds in UTC; early closes are known. Raises NoSession."""
        return self._closes[self.place(session)]

    def begin_of(self, session: str) -> int:
        """When the session's date begins in the exchange's time zone, microseconds in UTC. Raises NoSession."""
        return self._begins[self.place(session)]

    def is_session(self, day: str) -> bool:
        """Whether the exchange trades on that date."""
        return day in self._place

    def ends_week(self, session: str) -> bool:
        """Whether the next session lies in another ISO week, Monday to Sunday. Raises NoSession."""
        following = self.shift(session, 1)
        return date.fromisoformat(session).isocalendar()[:2] != date.fromisoformat(following).isocalendar()[:2]

    def place(self, session: str) -> int:
        """Where the session stands among ``sessions``. Raises NoSession."""
        try:
            return self._place[session]
        except KeyError:
            raise NoSession(
                f"{session!r} is not a session of {self.name} between {self.sessions[0]} and {self.sessions[-1]}; "
                "a session is a date such as '2024-01-31' on which the exchange trades"
            ) from None

    def _within(self, place: int, time: int) -> int:
        if time < self._begins[0] or place == len(self.sessions):
            raise self._outside(time)
        return place

    def _outside(self, time: int, later: str = "") -> NoSession:
        moment = np.datetime64(time, "us")
        return NoSession(f"{moment}Z{later} is outside of {self.name}, {self.sessions[0]} to {self.sessions[-1]}")


def unknown_calendar(name: str) -> str | None:
    """Where nobody knows a calendar of that name: a sentence that says so, with the nearest ones."""
    try:
        Calendar.named(name)
    except InvalidRegistry as unknown:
        return str(unknown)
    return None


@lru_cache
def _named(name: str) -> Calendar:
    if (hours := trading_hours(name)) is not None:
        return Calendar(name, hours)
    near = difflib.get_close_matches(name.upper(), known_calendars(), n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else "write an ISO 10383 code such as XNYS, or 24/7"
    raise InvalidRegistry(f"calendar {name!r} is not known; {advice}")


def _frozen(moments: Sequence[int]) -> NDArray[np.int64]:
    frozen = np.asarray(moments, dtype=np.int64)
    frozen.setflags(write=False)
    return frozen
