"""What units earned that two allocations assigned at once, by the arms of both."""

from collections.abc import Collection, Iterable
from itertools import combinations
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from schemas.attributed import Contribution
from store.statistics import Movements
from store.tables import journal


class CrossedRow(NamedTuple):
    """Count, sum (1e-6) and sum of squares (1e-12) of one session's units with these two arms.

    ``first`` and ``second`` are ids of allocations, the first one the lesser.
    """

    first: str
    second: str
    reward: str
    session: str
    first_arm: str
    second_arm: str
    n: int
    total: int
    squares: int


Key = tuple[str, str, str, str, str, str]
Sums = tuple[int, int, int]


def crossed_at(
    connection: Connection, *, strategy: str, allocations: Collection[str], since: str, after: int, cut: int
) -> list[CrossedRow]:
    """The cells of every two of ``allocations`` as they were at ``cut``, from the journal: exact, and without what was
    taken back. Only assignment sessions from ``since`` on; ``after`` is a number of the ingest sequence that none of
    their movements is dated before.
    """
    chosen = select(journal.c.movements).where(
        journal.c.strategy == strategy, journal.c.sequence > after, journal.c.sequence <= cut
    )
    wanted, sums = frozenset(allocations), dict[Key, Sums]()
    for body in connection.execute(chosen).scalars():
        movements = msgspec.json.decode(body, type=Movements)
        _move(sums, (one for one in movements.added if one.session >= since), wanted, sign=1)
        _move(sums, (one for one in movements.taken_back if one.session >= since), wanted, sign=-1)
    return [CrossedRow(*key, *row) for key, row in sorted(sums.items()) if any(row)]


def _move(sums: dict[Key, Sums], contributions: Iterable[Contribution], wanted: frozenset[str], *, sign: int) -> None:
    ours = sorted(one for one in contributions if one.allocation in wanted)
    for one, other in combinations(ours, 2):
        if one.reward == other.reward and one.allocation != other.allocation:
            key = (one.allocation, other.allocation, one.reward, one.session, one.arm, other.arm)
            n, total, squares = sums.get(key, (0, 0, 0))
            sums[key] = (n + sign * one.n, total + sign * one.total, squares + sign * one.squares)
