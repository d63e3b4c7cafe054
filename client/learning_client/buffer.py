"""What waits to be sent."""

import itertools
import math
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from learning_client.parcel import PRICE
from learning_client.snapshot import Snapshot


class Told(Struct, frozen=True, gc=False):
    """One event as the caller handed it over. ``data`` belongs to us; ``time`` is microseconds UTC."""

    order: int
    kind: str
    id: str
    time: int
    data: dict[str, object]
    snapshot: Snapshot | None


class Buffer:
    """Events in the order in which they were told, at most ``capacity`` of them.

    When full the oldest price makes room, and the oldest event of any kind where no price waits. Adding takes no
    lock and about half a microsecond; one thread takes, any thread adds.

    Attributes:
        next_order: gives a number above all that it gave before.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.next_order: Callable[[], int] = itertools.count().__next__
        self._prices: deque[Told] = deque()
        self._facts: deque[Told] = deque()

    def __len__(self) -> int:
        return len(self._prices) + len(self._facts)

    def add(self, told: Told) -> str | None:
        """Keep ``told``; the kind of the event that had to go for it, if any."""
        prices, facts = self._prices, self._facts
        (prices if told.kind == PRICE else facts).append(told)
        if len(prices) + len(facts) > self._capacity:
            return self._make_room()
        return None

    def take(self, limit: int) -> list[Told]:
        """Up to ``limit`` events from the oldest on."""
        taken: list[Told] = []
        while len(taken) < limit and len(self):
            queue = self._facts if _first(self._facts) < _first(self._prices) else self._prices
            try:
                taken.append(queue.popleft())
            except IndexError:  # a caller's thread has just dropped it
                continue
        return taken

    def _make_room(self) -> str | None:
        for queue in (self._prices, self._facts):
            try:
                return queue.popleft().kind
            except IndexError:  # none waits, or the sender has just taken it
                continue
        return None

    def oldest(self) -> float:
        """The order of the oldest event, or infinity."""
        return min(_first(self._facts), _first(self._prices))


def _first(queue: "deque[Told]") -> float:
    try:
        return queue[0].order
    except IndexError:
        return math.inf
