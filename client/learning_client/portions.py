"""Work on events, a few at a time."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

FEW = 50
"""So many events are dealt with in one go: about a millisecond, in which no other thread has the interpreter."""

PAUSE_SECONDS = 0.0005

T = TypeVar("T")


def in_portions(things: Iterable[T]) -> Iterator[T]:
    """All ``things``, with a pause after every 50, in which whoever trades has the interpreter."""
    for place, thing in enumerate(things):
        if place and place % FEW == 0:
            time.sleep(PAUSE_SECONDS)
        yield thing
