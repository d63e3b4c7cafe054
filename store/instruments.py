"""What is traded, by strategy, venue and symbol."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from store.dialects import insert_new
from store.portions import portions
from store.tables import instruments


class Listing(NamedTuple):
    """A symbol at a venue; the venue is empty where trading names none."""

    venue: str
    symbol: str


_LISTED = select(instruments.c.symbol, instruments.c.id).where(
    instruments.c.strategy == bindparam("strategy"),
    instruments.c.venue == bindparam("venue"),
    instruments.c.symbol.in_(bindparam("symbols", expanding=True)),
)


class Instruments:
    """Small numbers for instruments, given out when one is first heard of and never taken back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def numbers(self, strategy: str, listings: Mapping[Listing, str | None]) -> dict[Listing, int]:
        """The number of each listing; the values are their currencies, kept where the listing is new."""
        found = self._known(strategy, listings)
        new = [listing for listing in listings if listing not in found]
        if not new:
            return found
        rows = [{"strategy": strategy, **listing._asdict(), "currency": listings[listing]} for listing in new]
        insert_new(self._connection, instruments, rows)
        return found | self._known(strategy, new)

    def symbols(self, numbers: Iterable[int]) -> dict[int, str]:
        """The symbol of each instrument."""
        found: dict[int, str] = {}
        for portion in portions(sorted(set(numbers))):
            chosen = select(instruments.c.id, instruments.c.symbol).where(instruments.c.id.in_(portion))
            found.update((number, symbol) for number, symbol in self._connection.execute(chosen))
        return found

    def _known(self, strategy: str, listings: Iterable[Listing]) -> dict[Listing, int]:
        venues: dict[str, list[str]] = {}
        for listing in listings:
            venues.setdefault(listing.venue, []).append(listing.symbol)
        found = {}
        for venue, symbols in venues.items():
            for portion in portions(sorted(symbols)):
                named = {"strategy": strategy, "venue": venue, "symbols": portion}
                for symbol, number in self._connection.execute(_LISTED, named).all():
                    found[Listing(venue, symbol)] = number
        return found
