"""What was told and is not yet at the broker."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from threading import RLock

from learning_client.buffer import Buffer, Told
from learning_client.guard import Troubles
from learning_client.letter import Writer
from learning_client.parcel import Parcel
from learning_client.spool import Spool
from learning_client.tally import Tally

BATCH = 500
"""So many events leave together."""


class Outbox:
    """Events between those who tell them and the broker: in memory, on disk where there is a spool, and in hand.

    Any thread adds; the sending thread takes in hand and settles. Where it is busy, who closes may put all that
    waits aside in its place.

    Args:
        open_spool: called by ``find_spool()``.
        dropped: counts what had to go, by kind.
        begins: called before the first event is kept.

    Attributes:
        add: keeps an event; False where it is closed. Never waits.
        next_order: gives a place after everything that was told so far.
    """

    def __init__(
        self,
        *,
        capacity: int,
        writer: Writer,
        open_spool: Callable[[Tally], Spool] | None,
        dropped: Tally,
        troubles: Troubles,
        begins: Callable[[], object],
    ) -> None:
        self._capacity = capacity
        self._writer = writer
        self._to_open = open_spool
        self._dropped = dropped
        self._troubles = troubles
        self._buffer = Buffer(capacity, gone=dropped.add, begins=begins)
        self.add = self._buffer.add
        self.next_order = self._buffer.next_order
        self._spool: Spool | None = None
        self._parcels: list[Parcel] = []
        self._in_hand = math.inf if open_spool is None else -1
        self._moving = RLock()
        self._left = False

    @property
    def queued(self) -> int:
        """How many events wait in memory alone, those in hand included."""
        return len(self._buffer) + sum(parcel.segment is None for parcel in self._parcels)

    @property
    def spooled(self) -> dict[str, int]:
        """How many events of each kind wait on disk, those in hand included."""
        waiting = Counter(parcel.kind for parcel in self._parcels if parcel.segment is not None)
        if self._spool is not None:
            waiting.update(self._spool.counts())
        return dict(waiting)

    @property
    def told(self) -> int:
        """How many events wait that nobody has taken in hand or put aside."""
        return len(self._buffer)

    @property
    def has_work(self) -> bool:
        """Whether something is in hand."""
        return bool(self._parcels)

    def oldest(self) -> float:
        """The order of the oldest event that has not left, or infinity; one on disk is older than all."""
        return min(self._buffer.oldest(), self._in_hand)

    def close(self) -> None:
        """Take no more."""
        self._buffer.close()

    def find_spool(self) -> None:
        """Open the spool, where there is one that was not opened yet."""
        if self._to_open is not None:
            opener, self._to_open = self._to_open, None
            try:
                self._spool = opener(self._dropped)
            except OSError as error:
                self._troubles.note("there is no spool", error)
            self._look_at_oldest()

    def fill_hand(self) -> None:
        """Take up to 500 of those that were told first in hand, where nothing is."""
        with self._moving:
            spooled = self._spool.take(BATCH) if self._spool is not None else []
            if spooled and len(self._buffer) > self._capacity // 2:
                self.put_aside()
            self._parcels = [*spooled, *self._parcels] or self._packed(BATCH)
        self._look_at_oldest()

    def hand(self) -> Sequence[Parcel]:
        """What is to be sent next."""
        return self._parcels[:BATCH]

    def hand_in(self, told: Told) -> None:
        """Take ``told`` in hand after what is there."""
        if parcel := self._parcel(told):
            self._parcels = [*self._parcels, parcel]
        self._look_at_oldest()

    def hand_again(self, lost: Sequence[Parcel]) -> None:
        """Take in hand what the broker had and may have lost."""
        with self._moving:
            self._parcels = [*self._parcels, *lost]

    def settle(self, settled: Sequence[Parcel]) -> None:
        """The broker has these, or has refused them for good."""
        with self._moving:
            if self._spool is not None:
                for parcel in settled:
                    self._spool.settle(parcel)
            gone = {id(parcel) for parcel in settled}
            self._parcels = [parcel for parcel in self._parcels if id(parcel) not in gone]
            self._look_at_oldest()

    def take_over(self) -> None:
        """Add what processes that are gone have left on disk."""
        if self._spool is not None:
            try:
                self._spool.take_over()
            except OSError as error:
                self._troubles.note("what other processes left cannot be taken over", error)

    def put_aside(self, *, patience: float = -1) -> None:
        """Move what waits in memory behind what waits on disk.

        Args:
            patience: seconds to wait for a thread that does so at this moment; without it as long as that takes.
        """
        if not self._moving.acquire(timeout=patience):
            return
        try:
            if self._spool is None or self._left:
                return
            try:
                while waiting := self._only_in_memory():
                    self._move(waiting, self._spool)
            except OSError as error:
                self._troubles.note("the spool takes nothing", error)
            self._look_at_oldest()
        finally:
            self._moving.release()

    def leave(self) -> None:
        """Put aside what waits, and let go of the spool."""
        with self._moving:
            self._parcels = [parcel._replace(again=False) for parcel in self._parcels]
            self.put_aside()
            self._left = True
            if self._spool is not None:
                self._spool.close()

    def let_go(self) -> None:
        """For a forked child: the parent sends what is here."""
        if self._spool is not None:
            self._spool.close()

    def _move(self, waiting: list[Parcel], spool: Spool) -> None:
        moved: set[int] = set()
        try:
            for parcel in waiting:
                spool.append([parcel])
                moved.add(id(parcel))
        finally:
            self._parcels = [parcel for parcel in self._parcels if id(parcel) not in moved]

    def _only_in_memory(self) -> list[Parcel]:
        """What is in hand and not on disk; where there is nothing, the next that was told."""
        found = [parcel for parcel in self._parcels if parcel.segment is None and not parcel.again]
        if not found:
            found = self._packed(BATCH)
            self._parcels += found
        return found

    def _packed(self, limit: int) -> list[Parcel]:
        self._in_hand = min(self._in_hand, self._buffer.oldest())
        return [parcel for told in self._buffer.take(limit) if (parcel := self._parcel(told))]

    def _parcel(self, told: Told) -> Parcel | None:
        try:
            return Parcel(told.order, told.kind, self._writer.write(told))
        except Exception as error:  # noqa: BLE001 - callers hand over any object, one must not stop the rest
            self._troubles.note(f"{told.kind} cannot be written", error)
            self._dropped.add(told.kind)
            return None

    def _look_at_oldest(self) -> None:
        on_disk = self._spool is not None and len(self._spool) > 0
        self._in_hand = -1 if on_disk else min((parcel.order for parcel in self._parcels), default=math.inf)
