"""Facts and bars that belong to another instrument than was thought when they came."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from store.portions import portions
from store.tables import alerts, awaited, decisions, examples, fills, outcomes, prices, theses

SUBJECTS = (alerts, decisions, theses)
"""What examples are about."""


class Move(NamedTuple):
    """What was of instrument ``old`` from ``since`` to before ``until`` (microseconds) is of ``new``."""

    old: int
    new: int
    since: int
    until: int


Stretches = Mapping[tuple[int, int], Mapping[int, int]]
"""The new instrument by the old one, by the stretch of time from which it takes."""


class Moved(NamedTuple):
    """What moved facts and bars concern: instruments, and their books (instrument, account)."""

    instruments: set[int]
    books: set[tuple[int, str]]


class Moves:
    """Moves what is stored, within a transaction.

    Everything that moves is found before anything is moved: two instruments may well change places. A bar lies where
    its last moment lies, so that one which ends with a day is not of the next.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._moved = Moved(set(), set())

    def make(self, moves: Iterable[Move]) -> Moved:
        """Move facts, the examples of them, and bars."""
        stretches: dict[tuple[int, int], dict[int, int]] = {}
        for move in moves:
            stretches.setdefault((move.since, move.until), {})[move.old] = move.new
        facts = {table: list(self._facts(table, stretches)) for table in (*SUBJECTS, fills, outcomes)}
        bars = list(self._bars(stretches))
        for table, found in facts.items():
            self._put(table, table.c.sequence, found)
            if table in SUBJECTS:
                for about in (examples, awaited):
                    self._put(about, about.c.fact, found)
        if bars:
            self._connection.execute(insert(prices), bars)
        return self._moved

    def _facts(self, table: Table, stretches: Stretches) -> Iterator[tuple[int, int]]:
        """The facts that move, and the instrument that each is of."""
        account = (fills.c.account,) if table is fills else ()
        for (since, until), targets in stretches.items():
            for portion in portions(sorted(targets)):
                chosen = select(table.c.sequence, table.c.instrument, *account).where(
                    table.c.instrument.in_(portion), table.c.time >= since, table.c.time < until
                )
                for sequence, old, *accounts in self._connection.execute(chosen):
                    self._moved.instruments.update((old, targets[old]))
                    self._moved.books.update((book, one) for book in (old, targets[old]) for one in accounts)
                    yield sequence, targets[old]

    def _bars(self, stretches: Stretches) -> Iterator[dict[str, Any]]:
        """The bars that move, as they will be; they are taken out."""
        for (since, until), targets in stretches.items():
            for portion in portions(sorted(targets)):
                mine = (prices.c.instrument.in_(portion), prices.c.time > since, prices.c.time <= until)
                rows = self._connection.execute(select(prices).where(*mine)).mappings().all()
                if rows:
                    self._connection.execute(delete(prices).where(*mine))
                for row in rows:
                    self._moved.instruments.update((row["instrument"], targets[row["instrument"]]))
                    yield {**row, "instrument": targets[row["instrument"]]}

    def _put(self, table: Table, column: ColumnElement[int], found: Iterable[tuple[int, int]]) -> None:
        """Rows by what names them, each to its instrument."""
        by_target: dict[int, list[int]] = {}
        for name, new in found:
            by_target.setdefault(new, []).append(name)
        for new, names in by_target.items():
            for portion in portions(names):
                self._connection.execute(update(table).where(column.in_(portion)).values(instrument=new))


def units_of(connection: Connection, instruments: Iterable[int]) -> set[str]:
    """The units of everything that is about these instruments."""
    found: set[str] = set()
    for portion in portions(sorted(set(instruments))):
        for table in SUBJECTS:
            chosen = select(table.c.unit).where(table.c.instrument.in_(portion)).distinct()
            found.update(connection.execute(chosen).scalars())
    return found
