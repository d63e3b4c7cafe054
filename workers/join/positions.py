"""What the fills of a strategy made of its positions, and of the decisions that opened them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any, NamedTuple

from sqlalchemy import Connection

from learning.fifo import Fill, Lot, RoundTrip, match
from schemas.vocabulary import Side
from store.positions import BEGINNING, EVER, Book, Books, FillRow, LotRow, OpenLot, TripRow


class Closing(NamedTuple):
    """How the lots that a decision opened were closed, all of them.

    Prices are means by quantity, in currency; ``return_`` and ``net`` fractions of the entry value, as the position
    earned them; amounts are currency; times microseconds, of the first entry and the last exit. ``net`` and
    ``fees_amount`` are None where one of the fills did not tell its fees.
    """

    entry_price: float
    exit_price: float
    return_: float
    net: float | None
    gross_amount: float
    fees_amount: float | None
    quantity: float
    entry_time: int
    exit_time: int


class Rows(NamedTuple):
    """Round trips and open lots, of one book or of many."""

    trips: set[TripRow]
    lots: set[LotRow]

    def without(self, others: "Rows") -> "Rows":
        """Those that are not among the others."""
        return Rows(self.trips - others.trips, self.lots - others.lots)


class Change(NamedTuple):
    """Rows of a book as they were and as they are now; what stands in both has not changed."""

    before: Rows
    after: Rows


class Positions:
    """Keeps the books of one strategy in line with its fills, within a transaction.

    A book is an instrument in an account. Fills that are newer than all others of their book go on from the lots that
    are open. One that comes late makes its book anew, from the last time before it at which nothing was held.
    Either way the rows are those that all fills at once would make. After fills moved from one book to another, both
    are to be rebuilt; fills that are taken before that find their place then.
    """

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._strategy = strategy
        self._books = Books(connection, strategy)

    def take(self, rows: Sequence[Mapping[str, Any]]) -> set[str]:
        """Bring the books in line with ``rows``, fills that were just inserted, and return the ids of the decisions
        whose closing may have changed."""
        new: dict[Book, dict[str, int]] = defaultdict(dict)
        for row in rows:
            new[Book(row["instrument"], row["account"])][row["fill_id"]] = row["time"]
        return self._write([self._taken(book, times) for book, times in new.items()])

    def rebuild(self, books: Iterable[tuple[int, str]]) -> set[str]:
        """Make whole books (instrument, account) anew, as when fills moved from one to another; returns as ``take``."""
        return self._write([self._anew(Book(*book), before=BEGINNING) for book in sorted(set(books))])

    def _taken(self, book: Book, new: Mapping[str, int]) -> Change:
        first = min(new.values())
        told = _ordered(self._books.fills(book, since=first))
        fresh = [fill for fill in told if fill.id in new]
        if told[len(told) - len(fresh) :] != fresh or self._never_made(book, fresh):
            return self._anew(book, before=first)
        return self._gone_on(book, fresh)

    def _never_made(self, book: Book, fresh: Sequence[Fill]) -> bool:
        """Whether the book has older fills and no rows: they were told before books were kept."""
        if self._books.newest_place(book) is not None or self._books.last_start(book, before=EVER) is not None:
            return False
        return len(self._books.fills(book)) > len(fresh)

    def _gone_on(self, book: Book, fills: Sequence[Fill]) -> Change:
        newest = self._books.newest_place(book)
        lots = map(_lot, self._books.lots(book))
        matched = match(fills, lots=lots, place=0 if newest is None else newest + 1)
        return Change(self._rows(book, lots=matched.reached), self._rows(book, matched.trips, lots=matched.lots))

    def _anew(self, book: Book, *, before: int) -> Change:
        start = self._books.last_start(book, before=before)
        since = start.time if start else BEGINNING
        told = _ordered(self._books.fills(book, since=since))
        names = [fill.id for fill in told]
        if start and start.fill not in names:
            return self._anew(book, before=BEGINNING)
        first = names.index(start.fill) if start else 0
        untouched = set(names[:first])
        trips = {trip for trip in self._books.trips(book, since=since) if trip.entry_fill not in untouched}
        lots = self._rows(book, lots=map(_lot, self._books.lots(book))).lots
        matched = match(told[first:])
        return Change(Rows(trips, lots), self._rows(book, matched.trips, lots=matched.lots))

    def _rows(self, book: Book, trips: Iterable[RoundTrip] = (), *, lots: Iterable[Lot]) -> Rows:
        return Rows(
            {_trip_row(trip, book=book, strategy=self._strategy) for trip in trips},
            {_lot_row(lot, book=book, strategy=self._strategy) for lot in lots},
        )

    def _write(self, changes: Sequence[Change]) -> set[str]:
        gone = _together(change.before.without(change.after) for change in changes)
        new = _together(change.after.without(change.before) for change in changes)
        self._books.take_out(gone.trips, gone.lots)
        self._books.put_in(new.trips, new.lots)
        return self._owners(
            {trip.entry_fill for trip in gone.trips | new.trips} | {lot.fill for lot in gone.lots | new.lots}
        )

    def _owners(self, fill_ids: Iterable[str]) -> set[str]:
        """The decisions that what these fills opened belongs to."""
        decisions, positions = self._books.named(fill_ids)
        return decisions | set(self._books.bought(positions).values())


def closings(connection: Connection, strategy: str, decisions: Mapping[str, str | None]) -> dict[str, Closing]:
    """How the lots that these decisions opened were closed: only of those that opened any, and hold none any more.

    The keys are ids of decisions, the values the positions that these name. What a fill opened belongs to the
    decision that the fill names; where it names none, to the one that bought the position that it names, if there
    is exactly one. A decision whose entries were worth nothing has no fractions, and is left out.
    """
    books = Books(connection, strategy)
    bought = books.bought(position for position in decisions.values() if position is not None)
    positions = {position: decision for position, decision in bought.items() if decision in decisions}
    trips: dict[str, list[TripRow]] = defaultdict(list)
    for decision, trip in books.trips_opened(decisions=decisions, positions=positions):
        trips[decision].append(trip)
    held = books.still_open(decisions=trips, positions=positions)
    made = {decision: _closing(found) for decision, found in trips.items() if decision not in held}
    return {decision: closing for decision, closing in made.items() if closing is not None}


def _closing(trips: Sequence[TripRow]) -> Closing | None:
    sizes = [abs(trip.quantity) for trip in trips]
    value = fsum(abs(trip.quantity * trip.entry_price * trip.multiplier) for trip in trips)
    if not value:
        return None
    quantity = fsum(sizes)
    gross = fsum(trip.gross for trip in trips)
    told = [trip.fees for trip in trips if trip.fees is not None]
    fees = fsum(told) if len(told) == len(trips) else None
    return Closing(
        entry_price=fsum(size * trip.entry_price for size, trip in zip(sizes, trips, strict=True)) / quantity,
        exit_price=fsum(size * trip.exit_price for size, trip in zip(sizes, trips, strict=True)) / quantity,
        return_=gross / value,
        net=None if fees is None else (gross - fees) / value,
        gross_amount=gross,
        fees_amount=fees,
        quantity=quantity,
        entry_time=min(trip.entry_time for trip in trips),
        exit_time=max(trip.exit_time for trip in trips),
    )


def _together(rows: Iterable[Rows]) -> Rows:
    trips: set[TripRow] = set()
    lots: set[LotRow] = set()
    for one in rows:
        trips |= one.trips
        lots |= one.lots
    return Rows(trips, lots)


def _ordered(rows: Iterable[FillRow]) -> list[Fill]:
    return sorted(map(_fill, rows), key=lambda fill: fill.order)


def _fill(row: FillRow) -> Fill:
    return Fill(
        id=row.fill_id,
        time=row.time,
        quantity=row.quantity if row.side == Side.BUY.value else -row.quantity,
        price=row.price,
        fees=row.fees,
        multiplier=row.multiplier,
        rank=row.rank,
        decision=row.decision_id,
    )


def _lot(stored: OpenLot) -> Lot:
    return Lot(_fill(stored.fill), stored.place, stored.quantity)


def _lot_row(lot: Lot, *, book: Book, strategy: str) -> LotRow:
    return LotRow(
        instrument=book.instrument,
        account=book.account,
        fill=lot.fill.id,
        strategy=strategy,
        decision=lot.fill.decision,
        place=lot.place,
        quantity=lot.quantity,
        multiplier=lot.fill.multiplier,
        price=lot.fill.price,
        time=lot.fill.time,
        fees=lot.fees,
    )


def _trip_row(trip: RoundTrip, *, book: Book, strategy: str) -> TripRow:
    return TripRow(
        instrument=book.instrument,
        account=book.account,
        entry_fill=trip.entry.id,
        exit_fill=trip.exit.id,
        strategy=strategy,
        entry_decision=trip.entry.decision,
        place=trip.place,
        quantity=trip.quantity,
        multiplier=trip.entry.multiplier,
        entry_price=trip.entry.price,
        exit_price=trip.exit.price,
        entry_time=trip.entry.time,
        exit_time=trip.exit.time,
        gross=trip.gross,
        fees=trip.fees,
        net=trip.net,
    )
