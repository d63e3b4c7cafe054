"""Counts by kind."""

from threading import Lock


class Tally:
    """How often something of each kind happened. Any thread may add; the lock is never held for I/O."""

    def __init__(self) -> None:
        self._lock = Lock()
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
