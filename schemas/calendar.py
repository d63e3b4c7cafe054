"""When an exchange is open."""

import difflib
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
from exchange_calendars.errors import InvalidCalendarName
from numpy.typing import NDArray

from schemas.errors import EngineError, InvalidRegistry

FIRST, LAST = date(1990, 1, 1), date(2035, 12, 31)
"""The dates that a calendar covers; fixed, so that no clock decides what a session is."""


class NoSession(EngineError):
    """A date on which the exchange does not trade, or a moment outside of 1990 to 2035."""


class Calendar:
    """The sessions of one exchange from 1990 to 2035, in memory, never changed.

    A session is named by its date in the exchange's time zone, ``2024-01-31``. Moments are int64
    microseconds since 1970 in UTC. ``24/7`` is open from midnight to midnight UTC, every day.

        >>> nyse = Calendar.named("XNYS")
        >>> nyse.shift("2024-03-28", 1)
        '2024-04-01'
    """

    def __init__(self, name: str, *, timezone: str, sessions: list[str], opens: list[int], closes: list[int]) -> None:
        self.name = name
        self.timezone = timezone
        self.sessions = tuple(sessions)
        self._place = {session: place for place, session in enumerate(sessions)}
        self._opens = np.asarray(opens, dtype=np.int64)
        self._closes = np.asarray(closes, dtype=np.int64)
        zone = ZoneInfo(timezone)
        self._begins = _midnight(date.fromisoformat(sessions[0]), zone)
        self._ends: NDArray[np.int64] = np.asarray(
            [_midnight(date.fromisoformat(session) + timedelta(days=1), zone) for session in sessions], dtype=np.int64
        )

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
        place = int(np.searchsorted(self._ends, time, side="right"))
        if time < self._begins or place == len(self.sessions):
            raise self._outside(time)
        return self.sessions[place]

    def first_open_at_or_after(self, time: int) -> str:
        """The first session that opens at ``time`` or later.

        Raises:
            NoSession: the moment lies before the first or after the last session.
        """
        place = int(np.searchsorted(self._opens, time, side="left"))
        if time < self._begins or place == len(self.sessions):
            raise self._outside(time)
        return self.sessions[place]

    def shift(self, session: str, by: int) -> str:
        """The session ``by`` sessions later, or earlier where ``by`` is negative.

        Raises:
            NoSession: ``session`` is none, or the calendar ends before.
        """
        place = self._index(session) + by
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
        return self._index(later) - self._index(earlier)

    def open_of(self, session: str) -> int:
        """When the session opens, microseconds in UTC. Raises NoSession."""
        return int(self._opens[self._index(session)])

    def close_of(self, session: str) -> int:
        """When the session closes, microseconds in UTC; early closes are known. Raises NoSession."""
        return int(self._closes[self._index(session)])

    def is_session(self, day: str) -> bool:
        """Whether the exchange trades on that date."""
        return day in self._place

    def _index(self, session: str) -> int:
        try:
            return self._place[session]
        except KeyError:
            raise NoSession(
                f"{session!r} is not a session of {self.name} between {self.sessions[0]} and {self.sessions[-1]}; "
                "a session is a date such as '2024-01-31' on which the exchange trades"
            ) from None

    def _outside(self, time: int) -> NoSession:
        moment = np.datetime64(time, "us")
        return NoSession(f"{moment}Z is outside of {self.name}, {self.sessions[0]} to {self.sessions[-1]}")


@lru_cache
def _named(name: str) -> Calendar:
    # A range that every calendar covers tells how far this one reaches; without a range a clock would be read.
    try:
        probe = exchange_calendars.get_calendar(name, start="2022-01-01", end="2022-12-31")
    except InvalidCalendarName:
        raise InvalidRegistry(_unknown(name)) from None
    first, last = probe.bound_min(), probe.bound_max()
    start = FIRST if first is None else max(FIRST, first.date())
    end = LAST if last is None else min(LAST, last.date())
    found = exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())
    return Calendar(
        name,
        timezone=str(found.tz),
        sessions=list(found.sessions.strftime("%Y-%m-%d")),
        opens=(found.opens_nanos // 1_000).tolist(),
        closes=(found.closes_nanos // 1_000).tolist(),
    )


def _unknown(name: str) -> str:
    known = exchange_calendars.get_calendar_names()
    near = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else "write an ISO 10383 code such as XNYS, or 24/7"
    return f"[market] calendar {name!r} is not known; {advice}"


def _midnight(day: date, zone: ZoneInfo) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
