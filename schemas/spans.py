"""Horizons and the lengths of bars, as time."""

from bisect import bisect_left

import numpy as np

from schemas.calendar import Calendar

SECOND = 1_000_000
DAY = 86_400 * SECOND
_LENGTHS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND}


def span_of(text: str) -> int | None:
    """The length of ``4h``, ``30m`` or ``10s`` in microseconds; None for ``close``, and for ``5d``: days are sessions.

    >>> span_of("4h")
    14400000000
    """
    length = _LENGTHS.get(text[-1])
    return int(text[:-1]) * length if length is not None and text[:-1].isdigit() else None


def sessions_of(text: str) -> int:
    """How many sessions ``5d`` is."""
    return int(text.removesuffix("d"))


def places_of(horizon: str, calendar: Calendar, *, entry_session: str) -> tuple[int, int]:
    """The places of the first and the last session of a horizon that is entered with the open of a session.

    Facts outlive registries: a date that is no session of a venue's new calendar counts as the next one.

    >>> nyse = Calendar.named("XNYS")
    >>> [nyse.sessions[place] for place in places_of("5d", nyse, entry_session="2024-03-28")]
    ['2024-03-28', '2024-04-04']
    """
    first = bisect_left(calendar.sessions, entry_session)
    if (span := span_of(horizon)) is None:
        return first, first + sessions_of(horizon) - 1
    end = calendar.after(int(calendar.opens[first]), span)
    return first, int(np.searchsorted(calendar.closes, end))
