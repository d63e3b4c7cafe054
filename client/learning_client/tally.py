"""Counts by kind."""

from threading import RLock

MOST_KINDS = 200
"""So many are told apart; a program may make ever new ones, such as misspelt fields with a number in their names."""

OTHERS = "others"


class Tally:
    """How often something of each of 200 kinds happened, all others together. Any thread may add, also in a signal's
    handler that comes in between; the lock is never held for I/O."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._counts: dict[str, int] = {}

    def add(self, kind: str, count: int = 1) -> int:
        """Count, and say how many of ``kind`` there are now."""
        with self._lock:
            if kind not in self._counts and len(self._counts) >= MOST_KINDS:
                kind = OTHERS
            self._counts[kind] = total = self._counts.get(kind, 0) + count
        return total

    def counts(self) -> dict[str, int]:
        """A copy of the counts so far."""
        with self._lock:
            return dict(self._counts)
