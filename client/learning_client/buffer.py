"""What waits to be sent."""

import itertools
import math
from collections import deque
from collections.abc import Callable

from learning_client.ids import LASTS, Ids
from learning_client.parcel import PRICE, Parcel
from learning_client.snapshot import Snapshot
from learning_client.told import Handed, Told


class Buffer:
    """Events in the order in which they were told, at most ``capacity`` of them, until it is closed.

    When full the oldest price makes room, and the oldest event of any kind where no price waits. Adding takes no
    lock and a microsecond or two; one thread at a time takes and writes, any thread adds.

    What waits long is better written: the collector of garbage looks at all that callers handed over, in whichever
    call makes the next one, and at no bytes.

    Args:
        ids: of events.
        gone: called with the kind of each event that had to go, or came too late.
        begins: called before the first event is kept.

    Attributes:
        overflowed: set where an event had to go; whoever has seen it resets it.
    """

    def __init__(self, capacity: int, *, ids: Ids, gone: Callable[[str], object], begins: Callable[[], object]) -> None:
        self._capacity = capacity
        self._ids = ids
        self._gone = gone
        self._begins = begins
        self._order = itertools.count()
        self._prices: deque[Handed] = deque()
        self._facts: deque[Handed] = deque()
        self._written_prices: deque[Parcel] = deque()
        self._written_facts: deque[Parcel] = deque()
        self._being_written = math.inf
        self._full_at = capacity
        self._open = self._closed = self._ended = False
        self.overflowed = False

    def __len__(self) -> int:
        return self.unwritten + (self._being_written < math.inf) + self._written  # in the order in which they move

    def tell(
        self,
        kind: str,
        data: dict[str, object],
        snapshot: Snapshot | None,
        time: int,
        now: int,
        named: str | None,
    ) -> str | None:
        """Keep an event; its id, or None where it is closed.

        Args:
            time: when it happened, nanoseconds UTC.
            now: the present, so too.
            named: what of ``data`` names the thing told of; where it is missing, that is the event's id.
        """
        if not self._open and not self._opens(kind):
            return None
        ids = self._ids
        begins = ids.begins if 0 < ids.until - now <= LASTS else ids.begin(now)
        try:
            event = begins + ids.ends.pop()
        except IndexError:
            event = begins + ids.draw()
        if named is not None and (named not in data or data[named] is None):
            data[named] = event
        told = (next(self._order), kind, event, time, data, snapshot)
        (self._prices if kind == PRICE else self._facts).append(told)
        if told[0] >= self._full_at:
            self._keep_bound(told[0])
        return event if self._open or not self._is_too_late(told) else None

    def next_order(self) -> int:
        """A number above all that were given before."""
        return next(self._order)

    def close(self) -> None:
        """Keep what is there, and nothing that comes."""
        self._closed, self._open = True, False

    def end(self) -> None:
        """Nobody takes any more, but for what is there at this moment."""
        self._ended = True
        self.close()

    def take(self, limit: int) -> list[Told | Parcel]:
        """Up to ``limit`` events from the oldest on."""
        taken: list[Told | Parcel] = []
        while len(taken) < limit and len(self):
            try:
                if min(_written(self._written_facts), _written(self._written_prices)) < self._told_first():
                    taken.append(self._take_written())
                else:
                    taken.append(self._take_told())
            except IndexError:  # a caller's thread has just dropped it
                continue
        return taken

    @property
    def unwritten(self) -> int:
        """How many wait as they were handed over."""
        return len(self._prices) + len(self._facts)

    def write(self, parcel: Callable[[Told], Parcel | None]) -> None:
        """Have the oldest written that is not, if there is one. Where ``parcel`` gives none, the event is gone."""
        self._being_written = self._told_first()
        try:
            told = self._take_told()
            if (written := parcel(told)) is not None:
                (self._written_prices if told.kind == PRICE else self._written_facts).append(written)
        except IndexError:  # there is none, or a caller's thread has just dropped it
            return
        finally:
            self._being_written = math.inf

    def oldest(self) -> float:
        """The order of the oldest event, or infinity."""
        told, being_written = self._told_first(), self._being_written  # in the order in which events move
        return min(told, being_written, _written(self._written_facts), _written(self._written_prices))

    @property
    def _written(self) -> int:
        return len(self._written_prices) + len(self._written_facts)

    def _told_first(self) -> float:
        return min(_told(self._facts), _told(self._prices))

    def _take_told(self) -> Told:
        return Told._make((self._facts if _told(self._facts) < _told(self._prices) else self._prices).popleft())

    def _take_written(self) -> Parcel:
        facts, prices = self._written_facts, self._written_prices
        return (facts if _written(facts) < _written(prices) else prices).popleft()

    def _opens(self, kind: str) -> bool:
        if self._closed:
            self._gone(kind)
            return False
        self._begins()
        self._open = True
        if self._closed:  # at this very moment
            self._open = False
        return True

    def _keep_bound(self, order: int) -> None:
        """Drop what is too much, and say with which event there may be too much again."""
        while (room := self._capacity - len(self)) < 0 and self._made_room():
            pass
        self._full_at = order + max(room, 0) + 1

    def _made_room(self) -> bool:
        for queue in (self._written_prices, self._prices, self._written_facts, self._facts):
            try:
                gone = queue.popleft()
            except IndexError:  # none waits, or the sender has just taken it
                continue
            self._gone(gone.kind if isinstance(gone, Parcel) else gone[1])
            self.overflowed = True
            return True
        return False

    def _is_too_late(self, told: Handed) -> bool:
        """Whether it was kept when nobody took any more; it is gone then."""
        if not (self._ended and self._took_back(told)):
            return False
        self._gone(told[1])
        return True

    def _took_back(self, told: Handed) -> bool:
        queue = self._prices if told[1] == PRICE else self._facts
        while True:
            try:
                queue.remove(told)
            except ValueError:
                return False
            except IndexError:  # somebody takes at the same time
                continue
            return True


def _told(queue: "deque[Handed]") -> float:
    """The order of the first, or infinity."""
    try:
        return queue[0][0]
    except IndexError:
        return math.inf


def _written(queue: "deque[Parcel]") -> float:
    try:
        return queue[0].order
    except IndexError:
        return math.inf
