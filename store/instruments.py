"""What is traded: instruments, and which of them a symbol means from which moment on."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, Connection, bindparam, delete, insert, select, update

from store.dialects import insert_new, rows_of
from store.portions import portions
from store.rows import columns
from store.tables import instruments, listings, symbol_changes


class Listing(NamedTuple):
    """A symbol at a venue; the venue is empty where trading names none."""

    venue: str
    symbol: str


class Meaning(NamedTuple):
    """Which instrument a symbol means from ``since`` on (microseconds), and why: a row of ``listings``."""

    venue: str
    symbol: str
    since: int
    instrument: int
    because: str


class SymbolChange(NamedTuple):
    """From ``session`` on a symbol is no longer what it was; that goes on as ``renamed_to``, if it does."""

    venue: str
    symbol: str
    session: str
    renamed_to: str | None


class Instruments:
    """Small numbers for instruments, given out when one is first heard of and never taken back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def venues(self, numbers: Iterable[int]) -> dict[int, str]:
        """The venue of each instrument."""
        return self._told(instruments.c.venue, numbers)

    def currencies(self, numbers: Iterable[int]) -> dict[int, str | None]:
        """The currency of each instrument, None where nobody told it."""
        return self._told(instruments.c.currency, numbers)

    def of_strategy(self, strategy: str) -> list[int]:
        """Every instrument of a strategy."""
        chosen = select(instruments.c.id).where(instruments.c.strategy == strategy).order_by(instruments.c.id)
        return list(self._connection.execute(chosen).scalars())

    def eras(self, strategy: str, listing: Listing) -> list[tuple[int, int]]:
        """(since, instrument) of a symbol, rising."""
        return [(meaning.since, meaning.instrument) for meaning in self.meanings(strategy, [listing]).get(listing, [])]

    def meanings(self, strategy: str, named: Iterable[Listing]) -> dict[Listing, list[Meaning]]:
        """What the symbols that were heard of mean, since rising."""
        venues: dict[str, list[str]] = {}
        for listing in named:
            venues.setdefault(listing.venue, []).append(listing.symbol)
        found: dict[Listing, list[Meaning]] = {}
        for venue, symbols in venues.items():
            for portion in portions(sorted(symbols)):
                rows = rows_of(self._connection, _MEANINGS, strategy=strategy, venue=venue, symbols=portion)
                for row in map(Meaning._make, rows):
                    found.setdefault(Listing(row.venue, row.symbol), []).append(row)
        return found

    def names(self, numbers: Iterable[int]) -> dict[int, list[tuple[int, str]]]:
        """(since, symbol) of what instruments were called, since rising; of those that ever had another symbol."""
        found: dict[int, list[tuple[int, str]]] = {}
        for portion in portions(sorted(set(numbers))):
            for number, since, symbol in rows_of(self._connection, _NAMES, numbers=portion):
                found.setdefault(number, []).append((since, symbol))
        return {number: names for number, names in found.items() if len(names) > 1}

    def changes(self, strategy: str, venue: str) -> list[SymbolChange]:
        """Every change of a symbol at a venue, by session and symbol."""
        chosen = select(*columns(symbol_changes, SymbolChange)).where(
            symbol_changes.c.strategy == strategy, symbol_changes.c.venue == venue
        )
        in_order = chosen.order_by(symbol_changes.c.session, symbol_changes.c.symbol)
        return [SymbolChange._make(row) for row in self._connection.execute(in_order)]

    def add(self, strategy: str, new: Sequence[tuple[Listing, str | None]]) -> list[int]:
        """New instruments with the symbols that they have first, and their currencies; their numbers in that order."""
        rows = [{"strategy": strategy, **listing._asdict(), "currency": currency} for listing, currency in new]
        made = insert(instruments).returning(instruments.c.id, sort_by_parameter_order=True)
        return list(self._connection.execute(made, rows).scalars()) if rows else []

    def tell_currency(self, number: int, currency: str) -> None:
        """The currency of an instrument is known now."""
        self._connection.execute(update(instruments).where(instruments.c.id == number).values(currency=currency))

    def mean(self, strategy: str, rows: Iterable[Meaning]) -> None:
        """Symbols mean something from a moment on."""
        insert_new(self._connection, listings, [{"strategy": strategy, **row._asdict()} for row in rows])

    def forget(self, strategy: str, rows: Iterable[Meaning]) -> None:
        """They do not after all."""
        gone = [{"of": strategy, "at": row.venue, "named": row.symbol, "from": row.since} for row in rows]
        if gone:
            self._connection.execute(_FORGET, gone)

    def _told(self, column: Column[Any], numbers: Iterable[int]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for portion in portions(sorted(set(numbers))):
            chosen = select(instruments.c.id, column).where(instruments.c.id.in_(portion))
            found.update((number, told) for number, told in self._connection.execute(chosen))
        return found


_SYMBOLS: BindParameter[Any] = bindparam("symbols", expanding=True)

_MEANINGS = (
    select(*columns(listings, Meaning))
    .where(
        listings.c.strategy == bindparam("strategy"),
        listings.c.venue == bindparam("venue"),
        listings.c.symbol.in_(_SYMBOLS),
    )
    .order_by(listings.c.symbol, listings.c.since)
)

_NAMES = (
    select(listings.c.instrument, listings.c.since, listings.c.symbol)
    .where(listings.c.instrument.in_(bindparam("numbers", expanding=True)))
    .order_by(listings.c.since)
)

_FORGET = delete(listings).where(
    listings.c.strategy == bindparam("of"),
    listings.c.venue == bindparam("at"),
    listings.c.symbol == bindparam("named"),
    listings.c.since == bindparam("from"),
)
