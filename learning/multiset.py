"""How often each value came, so that the least and the greatest are known even after some were taken back."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

from learning.errors import LearningError

Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True)
class Multiset(Generic[Key]):
    """Values and their counts, in the order of the values; equal contents are equal values, whatever came first.

    Exact, and not free: one pair for every distinct value is kept, and all pairs are copied by an addition, which
    looks for each value that is added. A count may be below 0 for a while, when a value is taken back before it was
    added.

    >>> Multiset.of(3) + Multiset.of(1) + Multiset.of(3) - Multiset.of(1)
    Multiset(counts=((3, 2),))
    """

    counts: tuple[tuple[Key, int], ...] = ()

    @classmethod
    def of(cls, value: Key) -> Multiset[Key]:
        """One value, once."""
        return cls(((value, 1),))

    def __add__(self, other: Multiset[Key]) -> Multiset[Key]:
        return self._with(other, 1)

    def __sub__(self, other: Multiset[Key]) -> Multiset[Key]:
        """Take back what is in ``other``."""
        return self._with(other, -1)

    @property
    def least(self) -> Key | None:
        """The smallest value, or None where there is none.

        Raises:
            LearningError: more was taken back than was ever added.
        """
        return self._checked()[0][0] if self.counts else None

    @property
    def greatest(self) -> Key | None:
        """The largest value, or None where there is none.

        Raises:
            LearningError: more was taken back than was ever added.
        """
        return self._checked()[-1][0] if self.counts else None

    def _with(self, other: Multiset[Key], sign: int) -> Multiset[Key]:
        counts = list(self.counts)
        for value, count in other.counts:
            place = bisect_left(counts, value, key=itemgetter(0))
            known = place < len(counts) and counts[place][0] == value
            left = sign * count + (counts[place][1] if known else 0)
            counts[place : place + known] = [(value, left)] if left else []
        return Multiset(tuple(counts))

    def _checked(self) -> tuple[tuple[Key, int], ...]:
        for value, count in self.counts:
            if count < 0:
                raise LearningError(f"{value!r} was taken back {-count} times more than it was ever added")
        return self.counts
