"""The bars of some instruments in a stretch of time, as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.excursions import Bars
from schemas.calendar import Calendar
from store.prices import bar_rows
from workers.join.rules import Rules

Places = NDArray[np.int64]
Moments = NDArray[np.int64]


class Tape:
    """Final bars by instrument and end; all arrays have shape (bars,), moments in microseconds.

    A daily bar starts with its session and ends with it. A shorter one starts its length before its end, but not
    before the open of the session that it ends in: the first hour of a day may be half an hour. Highs and lows are as
    told. ``owners`` are the places of their instruments; ``trusted``: the bar bears a factor, or another source
    confirms it.
    """

    def __init__(
        self, connection: Connection, calendars: Mapping[int, Calendar], *, rules: Rules, since: int, until: int
    ) -> None:
        market = rules.market
        rows = bar_rows(
            connection, calendars, interval=market.bars, since=since, until=until, precedence=market.price_sources
        )
        numbers, ends, _, opens, highs, lows, closes, volumes, factors, confirmed = (
            zip(*rows, strict=True) if rows else ((),) * 10
        )
        self._calendars = calendars
        self._place = {number: place for place, number in enumerate(sorted(calendars))}
        self.owners = np.array([self._place[number] for number in numbers], dtype=np.int64)
        self.ends = np.array(ends, dtype=np.int64)
        self.starts = self._starts(rules.interval)
        self.opens, self.highs, self.lows, self.closes, self.volumes, self.factors = (
            np.array(column, dtype=np.float64) for column in (opens, highs, lows, closes, volumes, factors)
        )
        self.trusted = np.array(confirmed, dtype=np.bool_) | ~np.isnan(self.factors)
        self._base = min(since, int(self.starts.min())) if rows else since
        self._span = until - self._base + 2
        self._start_keys = self.owners * self._span + (self.starts - self._base)
        self._end_keys = self.owners * self._span + (self.ends - self._base)
        self._growth = np.concatenate([[1.0], np.cumprod(np.where(np.isnan(self.factors), 1.0, self.factors))])

    def place(self, instrument: int) -> int:
        """Where an instrument stands among those of the tape."""
        return self._place[instrument]

    def starting(self, owners: Places, since: Moments) -> Places:
        """The first bar of each owner that starts at ``since`` or later; -1 where none is there."""
        return self._first(self._start_keys, owners, since)

    def ending(self, owners: Places, since: Moments) -> Places:
        """The first bar of each owner that ends at ``since`` or later; -1 where none is there."""
        return self._first(self._end_keys, owners, since)

    def before(self, owners: Places, moments: Moments) -> Places:
        """The newest bar of each owner that ends before its moment; a place before the owner's bars where none does."""
        found = self.ending(owners, moments)
        return np.where(found >= 0, found - 1, self.last(owners))

    def last(self, owners: Places) -> Places:
        """The newest bar of each owner; -1 where none is there."""
        found = np.searchsorted(self.owners, owners, side="right") - 1
        return np.where((found >= 0) & (self.owners[found] == owners), found, -1) if len(self.owners) else found

    def windows(self, firsts: Places, length: int) -> Bars:
        """Rows of ``length`` bars from each of ``firsts`` on."""
        at = firsts[:, None] + np.arange(length)
        return Bars(self.opens[at], self.highs[at], self.lows[at], self.closes[at], self.factors[at])

    def growth(self, firsts: Places, lasts: Places) -> NDArray[np.float64]:
        """The product of the factors after each first bar, up to its last."""
        return np.asarray(self._growth[lasts + 1] / self._growth[firsts + 1], dtype=np.float64)

    def _first(self, keys: Moments, owners: Places, since: Moments) -> Places:
        if not len(keys):
            return np.full(len(owners), -1, dtype=np.int64)
        found = np.searchsorted(keys, owners * self._span + np.clip(since - self._base, 0, self._span - 1))
        there = (found < len(keys)) & (self.owners[np.minimum(found, len(keys) - 1)] == owners)
        return np.where(there, found, -1)

    def _starts(self, interval: int | None) -> Moments:
        starts = np.empty_like(self.ends)
        for calendar, mine in self._by_calendar():
            ends = self.ends[mine]
            opens = calendar.opens[np.minimum(np.searchsorted(calendar.closes, ends), len(calendar.closes) - 1)]
            if interval is None:
                starts[mine] = opens
            else:
                starts[mine] = np.where(opens < ends, np.maximum(ends - interval, opens), ends - interval)
        return starts

    def _by_calendar(self) -> Sequence[tuple[Calendar, NDArray[np.bool_]]]:
        by_name: dict[str, list[int]] = {}
        for number, calendar in self._calendars.items():
            by_name.setdefault(calendar.name, []).append(self._place[number])
        return [(Calendar.named(name), np.isin(self.owners, places)) for name, places in by_name.items()]
