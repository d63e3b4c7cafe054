"""Statistics that fade by the day: whole numbers first, so that neither order nor batches can change a bit."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError
from learning.rewards import SCALE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST = 2.0**62
"""What the absolute values of one column of cells may sum to, or 64 bits would not hold every partial sum."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows of statistics, each field of shape (cells,), int64.

    ``groups`` are codes 0, 1, ... of whatever is kept apart (allocation, arm, regime), ``ages`` days since the
    assignment session (0 is today). ``n``, ``totals`` and ``squares`` are those of a ``RewardSum`` (1, 1e-6, 1e-12).
    Several cells of one group and age are added up; one that takes back what another added has its negative numbers.
    """

    groups: Integers
    ages: Integers
    n: Integers
    totals: Integers
    squares: Integers

    def __post_init__(self) -> None:
        """Refuse columns that do not fit each other or what 64 bits hold."""
        columns = [getattr(self, field.name) for field in fields(self)]
        if any(column.ndim != 1 or len(column) != len(self.n) for column in columns):
            raise LearningError(f"cells need columns of one shape (cells,), not {[each.shape for each in columns]}")
        if any(column.dtype != np.int64 for column in columns):
            raise LearningError(f"cells are whole numbers of 64 bits, not {[str(each.dtype) for each in columns]}")
        if len(self.n) and self.ages.min() < 0:
            raise LearningError(f"an age of {self.ages.min()} days lies in the future; leave that cell out")
        if any(_could_overflow(column) for column in columns[2:]):
            raise LearningError("these cells hold more than 64 bits can sum; scale rewards down or fold in parts")

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Cells:
        """The cells where ``chosen`` (cells,) is true."""
        return Cells(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class AgedSums:
    """Faded count, total and squares of each group, of shape (groups,), as of cells that are ``age`` days old.

    ``n``, ``totals`` and ``squares`` are in units of 1, 1e-6 and 1e-12, so that without fading they are whole
    numbers; ``s1`` and ``s2`` are the sums of rewards and of their squares in reward units.
    """

    n: Floats
    totals: Floats
    squares: Floats
    age: int = 0

    @property
    def s1(self) -> Floats:
        """Sum of rewards, in reward units."""
        return self.totals / SCALE

    @property
    def s2(self) -> Floats:
        """Sum of squared rewards, in squared reward units."""
        return self.squares / SCALE**2

    def later(self, days: int) -> AgedSums:
        """The same sums when ``days`` more have passed: nothing fades until they are read."""
        if days < 0:
            raise LearningError(f"days only pass: {days} is no number of days to add to an age")
        return replace(self, age=self.age + days)


def aged(cells: Cells, *, groups: int, fading: float, folded: AgedSums | None = None) -> AgedSums:
    """Sum over days d of fading**d (n, total, squares) for each of ``groups`` groups, as of today (age 0).

    Discounted statistics (Raj and Kalyani 2017) with the calendar's time, not that of pulls. Cells of a group and age
    are added as whole numbers, then from the oldest day to the newest: faded by a day, plus that day. So neither the
    order of cells, nor how they are split, nor the other groups change a bit. With ``fading`` 1 the whole numbers are
    summed to the end and rounded once; they are exact as floats below 2**53.

    Args:
        folded: what ``fold`` made of older cells, all older than ``cells``; it is read as one cell of its age.

    Raises:
        LearningError: fading outside (0, 1], a code outside 0 ... groups - 1, a negative count, or a cell as old as
            what is folded already.

    >>> one = Cells(*(np.array(column) for column in ([0, 0], [1, 0], [2, 1], [30_000, 20_000], [5 * 10**8] * 2)))
    >>> aged(one, groups=1, fading=0.5).n, aged(one, groups=1, fading=0.5).s1
    (array([2.]), array([0.035]))
    """
    return _summed(cells, groups=groups, fading=fading, folded=folded, until=0)


def fold(
    cells: Cells, *, groups: int, fading: float, age: int, folded: AgedSums | None = None
) -> tuple[AgedSums, Cells]:
    """Everything at least ``age`` days old as one cell of that age, and the cells that are younger.

    Choose ``age`` above the largest at which a revision can come. Reading the two with ``aged``, today or after
    ``later`` days, gives the same bits as reading all cells, because the days are gone through in the same order. With
    fading 1 that holds as long as the folded sums stay below 2**53 (1e-12 squared: 9,007 units of reward 1, or 22
    million of 2 %), and beyond to 1e-15 relative.

    Raises:
        LearningError: as ``aged``; or what was folded before is younger than ``age``.
    """
    if folded is not None and folded.age < age:
        raise LearningError(f"what is folded at {folded.age} days cannot be folded again at {age}, it would age twice")
    old = cells.ages >= age
    return _summed(cells[old], groups=groups, fading=fading, folded=folded, until=age), cells[~old]


def _summed(cells: Cells, *, groups: int, fading: float, folded: AgedSums | None, until: int) -> AgedSums:
    _check(cells, groups=groups, fading=fading, folded=folded)
    days, columns = _by_day(cells, groups)
    nothing = np.zeros(groups)
    start = folded or AgedSums(nothing, nothing, nothing, int(days[-1]) if len(days) else until)
    n, totals, squares = (
        column.sum(axis=0) + carried
        if fading == 1
        else _faded(column, days, carried, fading=fading, age=start.age, until=until)
        for column, carried in zip(columns, (start.n, start.totals, start.squares), strict=True)
    )
    return AgedSums(n, totals, squares, until)


def _could_overflow(column: Integers) -> bool:
    """Whether some partial sum could leave 64 bits; a bound from the extremes nearly always says no at once."""
    if not len(column) or max(-float(column.min()), float(column.max())) * len(column) <= LARGEST:
        return False
    return bool(np.abs(column.astype(np.float64)).sum() > LARGEST)


def _by_day(cells: Cells, groups: int) -> tuple[Integers, list[Integers]]:
    """The ages that there are, ascending, and n, totals and squares as tables (ages, groups) of whole numbers."""
    present = np.bincount(cells.ages) > 0
    days = np.flatnonzero(present)
    places = (present.cumsum() - 1)[cells.ages] * groups + cells.groups
    tables = []
    for column in (cells.n, cells.totals, cells.squares):
        table = np.zeros(len(days) * groups, dtype=np.int64)
        np.add.at(table, places, column)
        tables.append(table.reshape(len(days), groups))
    if (tables[0] < 0).any():
        day, group = np.argwhere(tables[0] < 0)[0]
        raise LearningError(
            f"group {group} has a negative count {tables[0][day, group]} at {days[day]} days: "
            "more was taken back than was ever added"
        )
    return days, tables


def _faded(table: Integers, days: Integers, carried: Floats, *, fading: float, age: int, until: int) -> Floats:
    """Horner's scheme, a day at a time also over days without cells, so that a pause in between changes no bit."""
    total = carried.copy()
    for day, row in zip(days[::-1].tolist(), table[::-1], strict=True):
        for _ in range(age - day):
            total *= fading
        total += row
        age = day
    for _ in range(age - until):
        total *= fading
    return total


def _check(cells: Cells, *, groups: int, fading: float, folded: AgedSums | None) -> None:
    if not 0 < fading <= 1:
        raise LearningError(f"fading is what a day leaves, above 0 and at most 1, not {fading}")
    if len(cells.n) and not 0 <= cells.groups.min() <= cells.groups.max() < groups:
        raise LearningError(f"codes {cells.groups.min()} to {cells.groups.max()} do not fit {groups} groups")
    if folded is None:
        return
    if folded.n.shape != (groups,):
        raise LearningError(f"what is folded has shape {folded.n.shape}, not ({groups},)")
    if len(cells.n) and cells.ages.max() >= folded.age:
        raise LearningError(
            f"a cell of {cells.ages.max()} days is as old as what is folded at {folded.age}: fold later than revisions"
        )
