"""The exact statistics that arms are compared by, and the journal that they are the sum of."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from schemas.attributed import Contribution
from store.dialects import add_up, insert_new
from store.errors import UnknownRow
from store.rows import columns
from store.tables import journal, sessions, statistics
from store.tallies import Tallies, journalled

Key = tuple[str, str, str, str, str, str, str]
Sums = tuple[int, int, int]

_ZERO: Sums = (0, 0, 0)


class Movements(msgspec.Struct, frozen=True):
    """What one revision of one example adds to the statistics, and what it takes back."""

    added: list[Contribution]
    taken_back: list[Contribution]


class JournalRow(NamedTuple):
    """One revision of one example. ``sequence``: the ingest sequence up to which a cut includes it."""

    example_id: str
    revision: int
    strategy: str
    sequence: int
    added: Sequence[Contribution]
    taken_back: Sequence[Contribution]


class StatisticsRow(NamedTuple):
    """Count, sum (1e-6) and sum of squares (1e-12) of the quantised rewards of one arm in one session."""

    strategy: str
    allocation: str
    session: str
    arm: str
    regime: str
    reward: str
    version: str
    n: int
    total: int
    squares: int


_SUMS = StatisticsRow._fields[7:]


class Journal:
    """Takes each (example, revision) in once, and moves the statistics by it.

    The sums are integers, so neither order nor batches, repeats or revisions can change them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, rows: Sequence[JournalRow]) -> list[bool]:
        """Take the rows in that are new, and say of each whether it was.

        Raises:
            StoreRefused: a sum leaves 64 bits.
        """
        new = insert_new(self._connection, journal, [_journal_values(row) for row in rows])
        for strategy, count in Counter(row.strategy for row, is_new in zip(rows, new, strict=True) if is_new).items():
            Tallies(self._connection).add(journalled(strategy), count)
        moved: dict[Key, Sums] = {}
        for row in (row for row, is_new in zip(rows, new, strict=True) if is_new):
            _move(moved, row.strategy, row.added, sign=1)
            _move(moved, row.strategy, row.taken_back, sign=-1)
        changed = [
            dict(zip(StatisticsRow._fields, key + sums, strict=True))
            for key, sums in sorted(moved.items())
            if any(sums)
        ]
        add_up(self._connection, statistics, changed, sums=_SUMS)
        return new


def statistics_at(connection: Connection, *, strategy: str, cut: int) -> list[StatisticsRow]:
    """The statistics as they were at ``cut``: the sums, less every movement that was dated later.

    Exact integers, in the order of their keys; a row that everything was taken back from is not there.
    """
    now = select(*columns(statistics, StatisticsRow)).where(statistics.c.strategy == strategy)
    sums: dict[Key, Sums] = {tuple(row[:7]): tuple(row[7:]) for row in connection.execute(now)}
    later = select(journal.c.movements).where(journal.c.strategy == strategy, journal.c.sequence > cut)
    for body in connection.execute(later).scalars():
        movements = msgspec.json.decode(body, type=Movements)
        _move(sums, strategy, movements.added, sign=-1)
        _move(sums, strategy, movements.taken_back, sign=1)
    return [StatisticsRow(*key, *row) for key, row in sorted(sums.items()) if any(row)]


def unapplied(connection: Connection, *, strategy: str, cut: int) -> int:
    """How many revisions up to the ``cut`` of a settled session the journal has not yet taken in.

    A cycle waits until this is 0: then ``statistics_at`` that cut is final.

    Raises:
        UnknownRow: no session of the strategy was settled at this cut.
    """
    settled = select(sessions.c.revisions).where(sessions.c.strategy == strategy, sessions.c.cut == cut)
    expected = connection.execute(settled.limit(1)).scalar()
    if expected is None:
        raise UnknownRow(f"strategy {strategy!r} has no settled session with the cut {cut}")
    later = select(func.count()).where(journal.c.strategy == strategy, journal.c.sequence > cut)
    taken = Tallies(connection).value(journalled(strategy)) - int(connection.execute(later).scalar_one())
    return int(expected) - taken


def _journal_values(row: JournalRow) -> dict[str, str | int]:
    movements = Movements(list(row.added), list(row.taken_back))
    return {
        "example_id": row.example_id,
        "revision": row.revision,
        "strategy": row.strategy,
        "sequence": row.sequence,
        "movements": msgspec.json.encode(movements).decode(),
    }


def _move(sums: dict[Key, Sums], strategy: str, contributions: Iterable[Contribution], *, sign: int) -> None:
    for one in contributions:
        key = (strategy, one.allocation, one.session, one.arm, one.regime, one.reward, one.version)
        n, total, squares = sums.get(key, _ZERO)
        sums[key] = (n + sign * one.n, total + sign * one.total, squares + sign * one.squares)
