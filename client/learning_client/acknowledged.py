"""What the broker has acknowledged and may yet lose."""

import time
from collections import deque
from collections.abc import Callable

from learning_client.parcel import Parcel

SECONDS = 5.0
"""An append-only file that is synced each second loses up to two when the machine fails (redis.io, Persistence)."""

MOST_BYTES = 16 << 20


class Acknowledged:
    """The parcels of the last 5 seconds, at most 16 MiB of them, and the newest id in each stream."""

    def __init__(self, *, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._kept: deque[Parcel] = deque()
        self._since: deque[float] = deque()
        self._bytes = 0
        self.newest: dict[str, bytes] = {}

    def add(self, parcel: Parcel, entry: bytes) -> None:
        """The broker has put ``parcel`` into its stream as ``entry``."""
        self._kept.append(parcel)
        self._since.append(self._steady())
        self._bytes += len(parcel.body)
        self.newest[parcel.kind] = entry
        self._forget()

    def take(self) -> list[Parcel]:
        """All that is kept, in the order of their acknowledgement; nothing is kept then.

        However long the broker was away: the last seconds are those before it went.
        """
        parcels = list(self._kept)
        self._kept.clear()
        self._since.clear()
        self._bytes = 0
        self.newest.clear()
        return parcels

    def _forget(self) -> None:
        since = self._steady() - SECONDS
        while self._kept and (self._since[0] < since or self._bytes > MOST_BYTES):
            self._since.popleft()
            self._bytes -= len(self._kept.popleft().body)
