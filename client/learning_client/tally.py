"""Counts by kind."""

from threading import RLock


class Tally:
    """How often something of each kind happened. Any thread may add, also in a signal's handler that comes in between;
    the lock is never held for I/O."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._counts: dict[str, int] = {}

    def add(self, kind: str, count: int = 1) -> int:
        """Count, and say how many of ``kind`` there are now."""
        with self._lock:
            self._counts[kind] = total = self._counts.get(kind, 0) + count
        return total

    def counts(self) -> dict[str, int]:
        """A copy of the counts so far."""
        with self._lock:
            return dict(self._counts)
