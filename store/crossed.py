"""What units earned that two allocations assigned at once, by the arms of both."""

from collections.abc import Collection, Iterable
from itertools import combinations
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, and_, or_, select

from schemas.attributed import Contribution
from store.statistics import Movements
from store.tables import journal

AT_ONCE = 2_000
"""How many rows are fetched together."""


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

_MOVEMENTS = msgspec.json.Decoder(Movements)


def crossed_at(
    connection: Connection, *, strategy: str, pairs: Collection[tuple[str, str]], cut: int
) -> list[CrossedRow]:
    """The cells of ``pairs`` of allocations, each with the lesser id first, as they were at ``cut``, from the journal:
    exact, and without what was taken back.

    All of the journal is looked through, as a session that is settled late was told of long before; what names no two
    of them is passed over by the database.
    """
    movements = journal.c.movements
    chosen = select(movements).where(
        journal.c.strategy == strategy,
        journal.c.sequence <= cut,
        or_(*(and_(*(movements.contains(_text(one), autoescape=True) for one in pair)) for pair in pairs)),
    )
    wanted, sums = frozenset(pairs), dict[Key, Sums]()
    for body in connection.execute(chosen.execution_options(yield_per=AT_ONCE)).scalars():
        moved = _MOVEMENTS.decode(body)
        _move(sums, moved.added, wanted, sign=1)
        _move(sums, moved.taken_back, wanted, sign=-1)
    return [CrossedRow(*key, *row) for key, row in sorted(sums.items()) if any(row)]


def _text(allocation: str) -> str:
    return msgspec.json.encode(allocation).decode()


def _move(
    sums: dict[Key, Sums], contributions: Iterable[Contribution], wanted: frozenset[tuple[str, str]], *, sign: int
) -> None:
    for one, other in combinations(sorted(contributions), 2):
        if one.reward == other.reward and (one.allocation, other.allocation) in wanted:
            key = (one.allocation, other.allocation, one.reward, one.session, one.arm, other.arm)
            n, total, squares = sums.get(key, (0, 0, 0))
            sums[key] = (n + sign * one.n, total + sign * one.total, squares + sign * one.squares)
