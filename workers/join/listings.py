"""Which instrument a symbol means: known for every fact, and put right when bars or changes say otherwise."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import structlog

from schemas.calendar import Calendar
from store.bar_ends import ends, neighbours, spans
from store.instruments import Instruments, Listing, Meaning
from store.moves import Move, Moves, units_of
from store.work import Work
from workers.join.eras import FIRST, Change, Name, families
from workers.join.family import Arrangement, Family, Gap, moves
from workers.join.rules import Rules

log = structlog.get_logger()

Told = tuple[Listing, int, str | None]
"""A listing, the moment at which a fact names it, and the currency that the fact names, if any."""

Row = Mapping[str, Any]


class Listings:
    """The instruments of one strategy's symbols, for one batch.

    A symbol means one instrument until it changes, or until it has had no bar for longer than the registry's
    ``gap_sessions``: whatever bears it afterwards is another one. What symbols mean is a function of the stored
    changes and final bars of ``market.bars``: when these come late, everything stored moves to where it belongs;
    ``touched_units`` are then to be measured anew, and ``touched_books`` (instrument, account) to be made anew.
    """

    def __init__(self, work: Work, rules: Rules) -> None:
        self.touched_units: set[str] = set()
        self.touched_books: set[tuple[int, str]] = set()
        self._connection = work.connection
        self._rules = rules
        self._interval = rules.market.bars
        self._longest = rules.market.gap_sessions
        self._strategy = rules.registry.strategy
        self._instruments = Instruments(work.connection)
        self._known: dict[Listing, list[Meaning]] = {}
        self._currencies: dict[int, str | None] = {}
        self._told: dict[int, Listing] = {}

    def numbers(self, told: Sequence[Told]) -> list[int | str]:
        """The number of the instrument that each listing means at its moment, or why the fact is refused.

        The moment of a bar is its end less a microsecond. A currency that was not known becomes known; one that
        differs is refused, because books are never mixed.
        """
        self._hear({listing: currency for listing, _, currency in reversed(told)})
        meant = [self._meant(listing, time) for listing, time, _ in told]
        self._told.update(zip(meant, (listing for listing, _, _ in told), strict=True))
        asked = {number for number, (_, _, currency) in zip(meant, told, strict=True) if currency is not None}
        if unknown := asked - self._currencies.keys():
            self._currencies |= self._instruments.currencies(unknown)
        return [
            self._refusal(number, listing, currency) or number
            for number, (listing, _, currency) in zip(meant, told, strict=True)
        ]

    def change(self, rows: Iterable[Row]) -> None:
        """Symbols have changed, as these new rows of ``symbol_changes`` say."""
        venues: dict[str, set[str]] = {}
        for row in rows:
            venues.setdefault(row["venue"], set()).update({row["symbol"], row["renamed_to"] or row["symbol"]})
        for venue, symbols in venues.items():
            found = self._families(venue, symbols)
            bars = ends(self._connection, _instruments(found), interval=self._interval)
            mine = ({number: bars[number] for number in family.instruments & bars.keys()} for family in found)
            self._arrange(venue, {family: list(family.all_gaps(own)) for family, own in zip(found, mine, strict=True)})

    def bars_came(self, rows: Iterable[Row]) -> None:
        """Final bars were stored, or told anew, as these rows of ``prices`` say, with the instruments that ``numbers``
        gave in this batch. Where they are the next ones of their instruments that costs one query."""
        new: dict[int, set[int]] = {}
        for row in rows:
            if row["interval"] == self._interval and row["final"]:
                new.setdefault(row["instrument"], set()).add(row["time"])
        if not new:
            return
        ranges = {number: (min(times), max(times)) for number, times in new.items()}
        near = neighbours(self._connection, ranges, interval=self._interval)
        symbols: dict[str, set[str]] = {}
        gapped: set[int] = set()
        for number, times in new.items():
            listing, beside = self._told[number], near[number]
            if self._has_gap(listing.venue, [beside.first, *sorted(times), beside.last]):
                gapped.add(number)
            elif not self._at_an_edge(number, listing, first=beside.first is None, last=beside.last is None):
                continue
            symbols.setdefault(listing.venue, set()).add(listing.symbol)
        for venue, suspected in symbols.items():
            self._look_again(venue, suspected, gapped)

    def _look_again(self, venue: str, symbols: Iterable[str], gapped: set[int]) -> None:
        """Whether gaps have appeared, moved or closed; of the instruments that are ``gapped`` all bars are read."""
        found = self._families(venue, symbols)
        numbers = _instruments(found)
        edges = spans(self._connection, numbers, interval=self._interval)
        within = ends(self._connection, numbers & gapped, interval=self._interval)
        self._arrange(venue, {family: list(family.gaps(edges, within)) for family in found})

    def _has_gap(self, venue: str, beside: Iterable[int | None]) -> bool:
        calendar = self._rules.calendar_of(venue)
        places = [calendar.place(calendar.session_of(end - 1)) for end in beside if end is not None]
        return any(after - before > self._longest for before, after in pairwise(places))

    def _at_an_edge(self, number: int, listing: Listing, *, first: bool, last: bool) -> bool:
        """Whether bars at the edge of what an instrument has may move the gap before or after it."""
        meanings = self._known[listing]
        began_later = any(meaning.since > 0 for meaning in meanings if meaning.instrument == number)
        return (first and began_later) or (last and meanings[-1].instrument != number)

    def _arrange(self, venue: str, gaps: Mapping[Family, Sequence[Gap]]) -> None:
        """Make the symbols of families mean what they should, and move what is stored accordingly."""
        arranged = {family: family.arranged(mine) for family, mine in gaps.items()}
        new = self._added(venue, arranged.values())
        gone: list[Meaning] = []
        made: list[Meaning] = []
        moved: list[Move] = []
        for family, arrangement in arranged.items():
            for symbol, before in family.meanings.items():
                after = [
                    Meaning(venue, symbol, era.since, arrangement.numbers.get(era.name) or new[era.name], era.because)
                    for era in arrangement.eras[symbol]
                ]
                gone.extend(row for row in before if row not in after)
                made.extend(row for row in after if row not in before)
                moved.extend(moves(before, after))
                self._known[Listing(venue, symbol)] = after
        if gone or made:
            self._instruments.forget(self._strategy, gone)
            self._instruments.mean(self._strategy, made)
            symbols = sorted({row.symbol for row in (*gone, *made)})
            log.info("listings.changed", strategy=self._strategy, venue=venue, count=len(symbols), first=symbols[0])
        self._move(moved)

    def _added(self, venue: str, arranged: Iterable[Arrangement]) -> dict[Name, int]:
        """The instruments that are missing; each has the currency of what its symbol meant before."""
        missing = {name: number for one in arranged for name, number in one.missing.items()}
        if not missing:
            return {}
        currencies = self._instruments.currencies(missing.values())
        added = [(Listing(venue, name.symbol), currencies[number]) for name, number in sorted(missing.items())]
        return dict(zip(sorted(missing), self._instruments.add(self._strategy, added), strict=True))

    def _move(self, moved: Sequence[Move]) -> None:
        if moved:
            concerned = Moves(self._connection).make(moved)
            self.touched_units |= units_of(self._connection, concerned.instruments)
            self.touched_books |= concerned.books

    def _families(self, venue: str, symbols: Iterable[str]) -> list[Family]:
        """The families of these symbols; whatever a change names is an instrument from then on."""
        calendar = self._rules.calendar_of(venue)
        changes = [
            Change(_begin(calendar, one.session), one.symbol, one.renamed_to)
            for one in self._instruments.changes(self._strategy, venue)
        ]
        found = families(symbols, changes)
        self._hear({Listing(venue, symbol): None for family in found for symbol in sorted(family)})
        return [
            Family(
                {symbol: self._known[Listing(venue, symbol)] for symbol in sorted(family)},
                [change for change in changes if change.symbol in family],
                calendar=calendar,
                longest=self._longest,
            )
            for family in found
        ]

    def _hear(self, told: Mapping[Listing, str | None]) -> None:
        """Know what these listings mean; a new one means a new instrument, of the currency beside it."""
        asked = [listing for listing in told if listing not in self._known]
        if not asked:
            return
        found = self._instruments.meanings(self._strategy, asked)
        new = [listing for listing in asked if listing not in found]
        numbers = self._instruments.add(self._strategy, [(listing, told[listing]) for listing in new])
        rows = {listing: [Meaning(*listing, 0, number, FIRST)] for listing, number in zip(new, numbers, strict=True)}
        self._instruments.mean(self._strategy, [row for made in rows.values() for row in made])
        self._known |= found | rows

    def _meant(self, listing: Listing, time: int) -> int:
        rows = self._known[listing]
        if len(rows) == 1:
            return rows[0].instrument
        return rows[max(0, bisect_right(rows, time, key=lambda row: row.since) - 1)].instrument

    def _refusal(self, number: int, listing: Listing, currency: str | None) -> str | None:
        """Why a fact in this currency is refused; the first currency that is told of an instrument is its own."""
        if currency is None or (known := self._currencies[number]) == currency:
            return None
        if known is None:
            self._currencies[number] = currency
            self._instruments.tell_currency(number, currency)
            return None
        return (
            f"currency is {currency!r}, but {listing.symbol!r} was told in {known!r} before; books are never mixed: "
            "send one currency, or name the venue of each listing"
        )


def _instruments(found: Iterable[Family]) -> set[int]:
    return {number for family in found for number in family.instruments}


def _begin(calendar: Calendar, session: str) -> int:
    """When the date of a change begins where its exchange is; a date without a session is the next one."""
    place = min(bisect_left(calendar.sessions, session), len(calendar.sessions) - 1)
    return calendar.begin_of(calendar.sessions[place])
