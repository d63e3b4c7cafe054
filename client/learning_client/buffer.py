"""What waits to be sent."""

import itertools
import math
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from learning_client.parcel import PRICE
from learning_client.snapshot import Snapshot


class Told(Struct, gc=False):
    """One event as the caller handed it over. ``data`` belongs to us; ``time`` is microseconds UTC.

    Without ``gc``: thousands of them may wait, and the collector runs in whichever call makes the next one. What it
    counts are the dictionaries; they are gone once ``body`` is what goes on the wire, which is empty where ``data``
    cannot be written.
    """

    order: int
    kind: str
    id: str
    time: int
    data: dict[str, object]
    snapshot: Snapshot | None
    body: bytes | None = None

    def written(self, body: bytes) -> None:
        """Keep the body in the place of what was handed over."""
        self.body, self.data, self.snapshot = body, NOTHING, None


NOTHING: dict[str, object] = {}


class Buffer:
    """Events in the order in which they were told, at most ``capacity`` of them, until it is closed.

    When full the oldest price makes room, and the oldest event of any kind where no price waits. Adding takes no
    lock and about half a microsecond; one thread takes, any thread adds.

    Args:
        gone: called with the kind of each event that had to go, or came too late.
        begins: called before the first event is kept.

    Attributes:
        next_order: gives a number above all that it gave before.
        overflowed: set where an event had to go; whoever has seen it resets it.
    """

    def __init__(self, capacity: int, *, gone: Callable[[str], object], begins: Callable[[], object]) -> None:
        self._capacity = capacity
        self._gone = gone
        self._begins = begins
        self.next_order: Callable[[], int] = itertools.count().__next__
        self._prices: deque[Told] = deque()
        self._facts: deque[Told] = deque()
        self._open = self._closed = self._ended = False
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._prices) + len(self._facts)

    def add(self, told: Told) -> bool:
        """Keep ``told``; False where it is closed."""
        if not self._open and not self._opens(told.kind):
            return False
        prices, facts = self._prices, self._facts
        (prices if told.kind == PRICE else facts).append(told)
        if len(prices) + len(facts) > self._capacity:
            self._make_room()
        return self._open or not self._is_too_late(told)

    def close(self) -> None:
        """Keep what is there, and nothing that comes."""
        self._closed, self._open = True, False

    def end(self) -> None:
        """Nobody takes any more, but for what is there at this moment."""
        self._ended = True
        self.close()

    def _is_too_late(self, told: Told) -> bool:
        """Whether it was kept when nobody took any more; it is gone then."""
        if not (self._ended and self._took_back(told)):
            return False
        self._gone(told.kind)
        return True

    def _opens(self, kind: str) -> bool:
        if self._closed:
            self._gone(kind)
            return False
        self._begins()
        self._open = True
        if self._closed:  # at this very moment
            self._open = False
        return True

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

    def unwritten(self) -> list[Told]:
        """Events without a body, from the newest back to the first that has one."""
        found: list[Told] = []
        for queue in (self._facts, self._prices):
            for place in range(1, len(queue) + 1):
                try:
                    told = queue[-place]
                except IndexError:  # a caller's thread has just dropped one
                    break
                if told.body is not None:
                    break
                found.append(told)
        return found

    def _make_room(self) -> None:
        for queue in (self._prices, self._facts):
            try:
                gone = queue.popleft()
            except IndexError:  # none waits, or the sender has just taken it
                continue
            self._gone(gone.kind)
            self.overflowed = True
            return

    def _took_back(self, told: Told) -> bool:
        queue = self._prices if told.kind == PRICE else self._facts
        while True:
            try:
                queue.remove(told)
            except ValueError:
                return False
            except IndexError:  # somebody takes at the same time
                continue
            return True

    def oldest(self) -> float:
        """The order of the oldest event, or infinity."""
        return min(_first(self._facts), _first(self._prices))


def _first(queue: "deque[Told]") -> float:
    try:
        return queue[0].order
    except IndexError:
        return math.inf
