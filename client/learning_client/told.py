"""An event as the caller handed it over."""

from typing import NamedTuple

from learning_client.snapshot import Snapshot


class Told(NamedTuple):
    """``data`` belongs to us; ``time`` is nanoseconds UTC; ``order`` is its place among all that this process told.

    Callers hand over a plain tuple of these: where nothing of it is in the processor's caches, to make one of a class
    of our own costs them microseconds more.
    """

    order: int
    kind: str
    id: str
    time: int
    data: dict[str, object]
    snapshot: Snapshot | None


Handed = tuple[int, str, str, int, dict[str, object], Snapshot | None]
"""What ``Told`` names."""
