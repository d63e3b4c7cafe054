"""The symbols of a venue that renames connect: what they mean, and what they should mean."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from schemas.calendar import Calendar
from store.bar_ends import Ends
from store.instruments import Meaning
from store.moves import Move
from workers.join.eras import Change, Era, Name, at, cut, lines

END = 2**63 - 1
"""After any moment."""


class Gap(NamedTuple):
    """A line of bars is interrupted: whatever is from ``since`` on is of another instrument, whose first bar ends at
    ``next``."""

    line: Name
    since: int
    next: int


class Arrangement(NamedTuple):
    """What a family's symbols should mean. ``numbers`` are the instruments that are there already, by their first
    names; ``missing`` those that are not, with the one that bore the symbol before."""

    eras: Mapping[str, Sequence[Era]]
    numbers: Mapping[Name, int]
    missing: Mapping[Name, int]


class Family:
    """Symbols with their meanings as stored, since rising, and all their changes. Moments of bars are their ends."""

    def __init__(
        self, meanings: Mapping[str, Sequence[Meaning]], changes: Iterable[Change], *, calendar: Calendar, longest: int
    ) -> None:
        self.meanings = meanings
        self._lines = lines(meanings, changes)
        self._calendar = calendar
        self._longest = longest

    @property
    def instruments(self) -> set[int]:
        """Every instrument that one of the symbols means, or meant."""
        return {row.instrument for rows in self.meanings.values() for row in rows}

    def all_gaps(self, bars: Mapping[int, Iterable[int]]) -> Iterator[Gap]:
        """The gaps between all bars of the family's instruments."""
        told: dict[Name, set[int]] = {}
        for number, times in bars.items():
            for time in times:
                told.setdefault(self._line(number, time), set()).add(time)
        for line, times_of_line in told.items():
            yield from self._gaps(line, pairwise(sorted(times_of_line)))

    def gaps(self, spans: Mapping[int, Ends], within: Mapping[int, Sequence[int]]) -> Iterator[Gap]:
        """The gaps where no symbol has changed: between instruments of one line, and ``within`` some of them, of which
        all bars are given."""
        told: dict[Name, list[tuple[int, int]]] = {}
        for number in self.instruments:
            first, last = spans[number]
            if first is not None and last is not None:
                told.setdefault(self._line(number, first), []).append((first, last))
                yield from self._gaps(self._line(number, first), pairwise(within.get(number, ())))
        for line, stretches in told.items():
            in_order = sorted(stretches)
            yield from self._gaps(line, ((one[1], other[0]) for one, other in pairwise(in_order)))

    def arranged(self, gaps: Sequence[Gap]) -> Arrangement:
        """What the symbols should mean. An instrument keeps its number where its first name is the same, or where it
        had the first bar after a gap: that gaps grow and shrink moves little."""
        moments: dict[Name, set[int]] = {}
        for gap in gaps:
            moments.setdefault(gap.line, set()).add(gap.since)
        eras = cut(self._lines, moments)
        wanted = {era.name for rows in eras.values() for era in rows}
        names = self._names()
        numbers = {name: number for number, name in names.items() if name in wanted}
        taken = set(numbers.values())
        for gap in sorted(gaps):
            number = self._bearer(gap)
            name = at(eras[self._symbol(gap.line, gap.since)], gap.since).name
            if name not in numbers and number not in taken and names[number].symbol == name.symbol:
                numbers[name] = number
                taken.add(number)
        missing = {name: _meant(self.meanings[name.symbol], name.since - 1) for name in wanted - numbers.keys()}
        return Arrangement(eras, numbers, missing)

    def _gaps(self, line: Name, neighbours: Iterable[tuple[int, int]]) -> Iterator[Gap]:
        for before, after in neighbours:
            place = self._place(before)
            if self._place(after) - place > self._longest:
                yield Gap(line, self._calendar.open_of(self._calendar.sessions[place + self._longest]), after)

    def _place(self, end: int) -> int:
        return self._calendar.place(self._calendar.session_of(end - 1))

    def _line(self, number: int, end: int) -> Name:
        """The line that a stored bar is of: it was told by the one symbol that meant its instrument."""
        symbol = next(symbol for symbol, rows in self.meanings.items() if _meant(rows, end - 1) == number)
        return at(self._lines[symbol], end - 1).name

    def _symbol(self, line: Name, time: int) -> str:
        return next(symbol for symbol, eras in self._lines.items() if at(eras, time).name == line)

    def _bearer(self, gap: Gap) -> int:
        """The instrument that the first bar after a gap is stored for."""
        return _meant(self.meanings[self._symbol(gap.line, gap.next - 1)], gap.next - 1)

    def _names(self) -> dict[int, Name]:
        """The first name of each instrument."""
        rows = sorted((row.since, row.symbol, row.instrument) for rows in self.meanings.values() for row in rows)
        return {number: Name(symbol, since) for since, symbol, number in reversed(rows)}


def moves(before: Sequence[Meaning], after: Sequence[Meaning]) -> Iterator[Move]:
    """What moves when a symbol's meanings change; what it meant first, it always did."""
    moments = sorted({row.since for row in (*before, *after)})
    for since, until in pairwise([*moments, END]):
        old, new = _meant(before, since), _meant(after, since)
        if old != new:
            yield Move(old, new, since, until)


def _meant(rows: Sequence[Meaning], time: int) -> int:
    return rows[max(0, bisect_right(rows, time, key=lambda row: row.since) - 1)].instrument
