"""The books of positions: the fills of an instrument in an account, their round trips, and the lots still open."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Select, Table, and_, bindparam, delete, func, insert, select

from schemas.vocabulary import Action
from store.dialects import rows_of
from store.portions import portions
from store.rows import columns
from store.tables import decisions, fills, open_lots, round_trips

BEGINNING, EVER = -(2**63), 2**63 - 1
"""Before and after any time in microseconds."""

READ_AT_ONCE = 32
"""How many lots are read at once: few fills reach further."""


class Book(NamedTuple):
    """An instrument in an account, which is empty where trading names none."""

    instrument: int
    account: str


class FillRow(NamedTuple):
    """A fill. ``quantity`` has no sign, the side says which way; ``time`` in microseconds, ``fees`` currency."""

    fill_id: str
    decision_id: str | None
    time: int
    rank: int | None
    side: str
    quantity: float
    price: float
    fees: float | None
    multiplier: float


class OpenLot(NamedTuple):
    """What is left of a fill: above 0 long, below 0 short."""

    fill: FillRow
    place: int
    quantity: float


class LotRow(NamedTuple):
    """A row of ``open_lots``."""

    instrument: int
    account: str
    fill: str
    strategy: str
    decision: str | None
    place: int
    quantity: float
    multiplier: float
    price: float
    time: int
    fees: float | None


class TripRow(NamedTuple):
    """A row of ``round_trips``."""

    instrument: int
    account: str
    entry_fill: str
    exit_fill: str
    strategy: str
    entry_decision: str | None
    place: int
    quantity: float
    multiplier: float
    entry_price: float
    exit_price: float
    entry_time: int
    exit_time: int
    gross: float
    fees: float | None
    net: float | None


class Start(NamedTuple):
    """A fill that opened a position when nothing was held."""

    time: int
    fill: str


class Books:
    """The books of one strategy, within a transaction."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self.strategy = strategy
        self._connection = connection

    def fills(self, book: Book, *, since: int = BEGINNING) -> list[FillRow]:
        """The fills of a book from the time ``since`` on, in no order."""
        rows = rows_of(self._connection, _FILLS, **book._asdict(), since=since)
        return [FillRow(*row) for row in rows]

    def trips(self, book: Book, *, since: int = BEGINNING) -> list[TripRow]:
        """The round trips of a book that were entered at the time ``since`` or later, in no order."""
        rows = rows_of(self._connection, _TRIPS, **book._asdict(), since=since)
        return [TripRow(*row) for row in rows]

    def lots(self, book: Book) -> Iterator[OpenLot]:
        """The open lots of a book, oldest first, read as they are asked for."""
        after = -1
        while rows := rows_of(self._connection, _LOTS, **book._asdict(), after=after):
            for *fill, place, quantity in rows:
                yield OpenLot(FillRow(*fill), place, quantity)
                after = place

    def newest_place(self, book: Book) -> int | None:
        """The place of the newest open lot; None where nothing is open."""
        found = rows_of(self._connection, _NEWEST_PLACE, **book._asdict())
        return int(found[0][0]) if found else None

    def last_start(self, book: Book, *, before: int) -> Start | None:
        """The newest fill older than the time ``before`` that opened a position when nothing was held."""
        found = (rows_of(self._connection, chosen, **book._asdict(), before=before) for chosen in _STARTS)
        return max((Start(*row) for rows in found for row in rows), default=None)

    def take_out(self, trips: Iterable[TripRow], lots: Iterable[LotRow]) -> None:
        """Remove round trips and lots."""
        for table, rows in ((round_trips, trips), (open_lots, lots)):
            if keys := [_key(table, row) for row in rows]:
                self._connection.execute(_DELETES[table], keys)

    def put_in(self, trips: Iterable[TripRow], lots: Iterable[LotRow]) -> None:
        """Insert round trips and lots."""
        for table, rows in ((round_trips, trips), (open_lots, lots)):
            if filled := [row._asdict() for row in rows]:
                self._connection.execute(insert(table), filled)

    def named(self, fill_ids: Iterable[str]) -> tuple[set[str], set[str]]:
        """The decisions that these fills name, and the positions of those that name no decision."""
        found_decisions, found_positions = set(), set()
        for portion in portions(sorted(set(fill_ids))):
            for decision, position in rows_of(self._connection, _NAMED, **self._named(portion)):
                if decision is not None:
                    found_decisions.add(decision)
                elif position is not None:
                    found_positions.add(position)
        return found_decisions, found_positions

    def bought(self, positions: Iterable[str]) -> dict[str, str]:
        """The decision that bought each of these positions, where exactly one names it."""
        found: dict[str, str] = {}
        for portion in portions(sorted(set(positions))):
            found.update(dict(rows_of(self._connection, _BOUGHT, **self._named(portion))))
        return found

    def trips_opened(self, *, decisions: Iterable[str], positions: Mapping[str, str]) -> Iterator[tuple[str, TripRow]]:
        """(decision, round trip) of what fills opened that name one of ``decisions``, or no decision and one of
        ``positions``; the values of these are the decisions that they belong to."""
        for portion in portions(sorted(set(decisions))):
            for row in rows_of(self._connection, _TRIPS_OF_DECISIONS, **self._named(portion)):
                yield row[0], TripRow(*row[1:])
        for portion in portions(sorted(positions)):
            for row in rows_of(self._connection, _TRIPS_OF_POSITIONS, **self._named(portion)):
                yield positions[row[0]], TripRow(*row[1:])

    def still_open(self, *, decisions: Iterable[str], positions: Mapping[str, str]) -> set[str]:
        """Those of the decisions, named as in ``trips_opened``, that opened a lot which is still open."""
        found: set[str] = set()
        for portion in portions(sorted(set(decisions))):
            held = rows_of(self._connection, _LOTS_OF_DECISIONS, **self._named(portion))
            found.update(decision for (decision,) in held)
        for portion in portions(sorted(positions)):
            held = rows_of(self._connection, _LOTS_OF_POSITIONS, **self._named(portion))
            found.update(positions[position] for (position,) in held)
        return found

    def _named(self, names: list[str]) -> dict[str, Any]:
        return {"strategy": self.strategy, "names": names}


def _in_book(table: Table) -> tuple[Any, ...]:
    return (table.c.instrument == bindparam("instrument"), table.c.account == bindparam("account"))


def _start(table: Table, *, time: str, fill: str) -> Select[Any]:
    chosen = select(table.c[time], table.c[fill]).where(*_in_book(table), table.c.place == 0)
    return chosen.where(table.c[time] < bindparam("before")).order_by(table.c[time].desc()).limit(1)


def _of_decisions(table: Table, decision: str, *more: Any) -> Select[Any]:
    named = table.c[decision].in_(bindparam("names", expanding=True))
    return select(table.c[decision], *more).where(table.c.strategy == bindparam("strategy"), named)


def _of_positions(table: Table, fill: str, *more: Any) -> Select[Any]:
    """Of what was opened by fills that name a position and no decision."""
    same_book = (table.c.instrument == fills.c.instrument, table.c.account == fills.c.account)
    named = fills.c.position_id.in_(bindparam("names", expanding=True))
    chosen = select(fills.c.position_id, *more).join_from(
        fills, table, and_(*same_book, table.c[fill] == fills.c.fill_id)
    )
    return chosen.where(fills.c.strategy == bindparam("strategy"), named, fills.c.decision_id.is_(None))


def _deleting(table: Table) -> Delete:
    return delete(table).where(*(column == bindparam(f"the_{column.name}") for column in table.primary_key))


def _key(table: Table, row: TripRow | LotRow) -> dict[str, Any]:
    return {f"the_{column.name}": getattr(row, column.name) for column in table.primary_key}


_FILLS = select(*columns(fills, FillRow)).where(*_in_book(fills), fills.c.time >= bindparam("since"))
_TRIPS = select(*columns(round_trips, TripRow)).where(
    *_in_book(round_trips), round_trips.c.entry_time >= bindparam("since")
)
_LOTS = (
    select(*columns(fills, FillRow), open_lots.c.place, open_lots.c.quantity)
    .join_from(open_lots, fills, and_(fills.c.strategy == open_lots.c.strategy, fills.c.fill_id == open_lots.c.fill))
    .where(*_in_book(open_lots), open_lots.c.place > bindparam("after"))
    .order_by(open_lots.c.place)
    .limit(READ_AT_ONCE)
)
_NEWEST_PLACE = select(open_lots.c.place).where(*_in_book(open_lots)).order_by(open_lots.c.place.desc()).limit(1)
_STARTS = (
    _start(round_trips, time="entry_time", fill="entry_fill"),
    _start(open_lots, time="time", fill="fill"),
)
_DELETES = {table: _deleting(table) for table in (round_trips, open_lots)}
_NAMED = select(fills.c.decision_id, fills.c.position_id).where(
    fills.c.strategy == bindparam("strategy"), fills.c.fill_id.in_(bindparam("names", expanding=True))
)
_BOUGHT = (
    select(decisions.c.position_id, func.min(decisions.c.decision_id))
    .where(
        decisions.c.strategy == bindparam("strategy"),
        decisions.c.position_id.in_(bindparam("names", expanding=True)),
        decisions.c.action == Action.BUY.value,
    )
    .group_by(decisions.c.position_id)
    .having(func.count() == 1)
)
_TRIPS_OF_DECISIONS = _of_decisions(round_trips, "entry_decision", *columns(round_trips, TripRow))
_TRIPS_OF_POSITIONS = _of_positions(round_trips, "entry_fill", *columns(round_trips, TripRow))
_LOTS_OF_DECISIONS = _of_decisions(open_lots, "decision").distinct()
_LOTS_OF_POSITIONS = _of_positions(open_lots, "fill").distinct()
