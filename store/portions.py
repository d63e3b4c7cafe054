"""Long lists of values, cut into pieces that one statement can hold."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

MOST = 500
"""How many values go into one IN list."""


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in their order, at most 500 at a time; nothing where there are none."""
    left = iter(values)
    while portion := list(islice(left, MOST)):
        yield portion
