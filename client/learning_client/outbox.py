"""What was told and is not yet at the broker."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from threading import RLock

from learning_client.buffer import Buffer
from learning_client.disk import PATIENCE_SECONDS, Disk
from learning_client.guard import Troubles
from learning_client.ids import Ids
from learning_client.letter import Writer
from learning_client.parcel import Parcel
from learning_client.portions import FEW, in_portions
from learning_client.spool import Spool
from learning_client.tally import Tally
from learning_client.told import Told


class Outbox:
    """Events between those who tell them and the broker: in memory, on disk where there is a spool, and in hand.

    Any thread adds; the sending thread takes in hand and settles. Where it is busy, who closes may put all that
    waits aside in its place. What is on disk leaves before what is in memory alone, because it was told before. A disk
    that hangs is done without: what waits in memory stays there and leaves from there.

    Args:
        open_spool: opens the spool, on the thread of the disk.
        dropped: counts what had to go, by kind.
        begins: called before the first event is kept.
        ids: of events.

    Attributes:
        tell: keeps an event; None where it is closed. Never waits.
        next_order: gives a place after everything that was told so far.
    """

    def __init__(
        self,
        *,
        capacity: int,
        writer: Writer,
        open_spool: Callable[[], Spool] | None,
        dropped: Tally,
        troubles: Troubles,
        begins: Callable[[], object],
        ids: Ids,
    ) -> None:
        self._capacity = capacity
        self._writer = writer
        self._open_spool = open_spool
        self._asked = open_spool is None
        self._dropped = dropped
        self._troubles = troubles
        self._buffer = Buffer(capacity, ids=ids, gone=dropped.add, begins=begins)
        self.tell = self._buffer.tell
        self.next_order = self._buffer.next_order
        self._disk = Disk()
        self._spool: Spool | None = None
        self._settled: list[Parcel] = []
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
    def withheld(self) -> bool:
        """Whether the disk has not given what waits on it."""
        return self._disk.hangs or (self._spool is not None and len(self._spool) > 0)

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

    def end(self) -> None:
        """Keep nothing that comes from now on; what was told before is still here."""
        self._buffer.end()

    def find_spool(self) -> None:
        """Open the spool, where there is one and nobody has tried; or see to what the disk owes since it hung."""
        with self._moving:
            if not self._asked:
                self.take_over()
            elif self._disk.hangs:
                self._try("the disk has failed", self._disk.catch_up)
                self._look_at_oldest()

    def note_overflow(self) -> None:
        """Note that events had to go, where some had to since this was called last."""
        if self._buffer.overflowed:
            self._buffer.overflowed = False
            self._troubles.note(
                "the buffer is full", f"{self._capacity} events wait; the oldest go, prices first: stats().dropped"
            )

    def fill_hand(self, limit: int) -> None:
        """Take up to ``limit`` of those that were told first in hand, where nothing is that was told before them."""
        with self._moving:
            spool = self._spool
            self.spill()
            if spool is not None and len(spool) and all(parcel.segment is None for parcel in self._parcels):
                self._try("the spool gives nothing", partial(self._disk.do, partial(spool.take, limit), self._taken))
            self._parcels = self._parcels or self._packed(limit)
            self._look_at_oldest()

    def spill(self) -> None:
        """Put aside what is more than half of the capacity; what is being sent goes along, and may come twice."""
        with self._moving:
            if len(self._buffer) > self._capacity // 2:
                self._move(None, down_to=self._capacity // 2)

    def hand(self, limit: int) -> Sequence[Parcel]:
        """What is to be sent next, at most ``limit`` events."""
        return self._parcels[:limit]

    def hand_in(self, told: Told) -> None:
        """Take ``told`` in hand before what is there."""
        parcel = self._parcel(told)
        with self._moving:
            self._parcels = [parcel, *self._parcels] if parcel else self._parcels
            self._look_at_oldest()

    def hand_again(self, lost: Sequence[Parcel]) -> None:
        """Take in hand, before what is there, what the broker had and may have lost."""
        with self._moving:
            self._parcels = [*lost, *self._parcels]

    def write_ahead(self) -> None:
        """Write what waits and is not written, for who has time for it."""
        for _ in in_portions(range(self._buffer.unwritten)):
            with self._moving:
                self._buffer.write(self._parcel)

    def settle(self, settled: Sequence[Parcel]) -> list[Parcel]:
        """The broker has these, or has refused them for good. Given back is what is done with by this: the others it
        had before, or they were put aside meanwhile and leave once more."""
        with self._moving:
            gone = {id(parcel) for parcel in settled}
            done = [parcel for parcel in self._parcels if id(parcel) in gone and not parcel.again]
            self._parcels = [parcel for parcel in self._parcels if id(parcel) not in gone]
            self._settled += [parcel for parcel in settled if parcel.segment is not None]
            if self._spool is not None and self._settled:
                work = partial(self._spool.settle, tuple(self._settled))
                then = partial(self._emptied, len(self._settled))
                self._try("the spool is not emptied", partial(self._disk.do, work, then))
            self._look_at_oldest()
            return done

    def take_over(self) -> None:
        """Open the spool where it is not open, else add what processes that are gone have left on disk."""
        with self._moving:
            self._asked = True
            if self._spool is not None:
                work = partial(self._disk.do, self._spool.take_over, self._nothing)
                self._try("what other processes left cannot be taken over", work)
            elif self._open_spool is not None:
                self._try("there is no spool", partial(self._disk.do, self._open_spool, self._found))
            self._look_at_oldest()

    def put_aside(self, *, until: float | None = None) -> None:
        """Move what waits in memory behind what waits on disk.

        Args:
            until: by the monotonic clock, for who closes; by default as long as the disk answers.
        """
        if not self._moving.acquire(timeout=-1 if until is None else max(0.0, until - time.monotonic())):
            return
        try:
            if not self._left:
                self._move(until)
        finally:
            self._moving.release()

    def leave(self) -> None:
        """Put aside what waits, and let go of the spool. What is told from now on is not kept."""
        with self._moving:
            if self._left:
                return
            self._left = True
            self._buffer.end()
            if self._disk.hangs:  # or it had too little time: who closes may have had none to give
                late_until = time.monotonic() + PATIENCE_SECONDS
                self._try("the disk has failed", partial(self._disk.catch_up, until=late_until))
            self._move(None)
            if self._spool is not None:
                self._try("the spool is not closed", partial(self._disk.do, self._spool.close, self._nothing))
            self._disk.end()

    def let_go(self) -> None:
        """For a forked child: the parent sends what is here."""
        if self._spool is not None:
            self._spool.let_go()

    def _move(self, until: float | None, *, down_to: int = -1) -> None:
        """Put aside what is in memory alone, until no more than ``down_to`` wait in the buffer, or all of it. What is
        told meanwhile is left: where that is more than the disk takes, this would never end."""
        spool, told_by_now = self._spool, self.next_order()
        if spool is None:
            return

        def all_of_it() -> None:
            while (
                (until is None or time.monotonic() < until)
                and len(self._buffer) > down_to
                and self._oldest_in_memory() < told_by_now
                and (waiting := self._only_in_memory())
            ):
                self._disk.do(partial(spool.append, waiting), partial(self._moved, waiting), until=until)

        self._try("the spool takes nothing", all_of_it)
        self._look_at_oldest()

    def _try(self, trouble: str, work: Callable[[], object]) -> None:
        self._disk.attempt(work, trouble=trouble, troubles=self._troubles)

    def _found(self, spool: Spool) -> None:
        self._spool = spool

    def _taken(self, parcels: list[Parcel]) -> None:
        again = [parcel for parcel in self._parcels if parcel.again]
        self._parcels = [*again, *parcels, *(parcel for parcel in self._parcels if not parcel.again)]

    def _moved(self, waiting: list[Parcel], count: int) -> None:
        moved = {id(parcel) for parcel in waiting[:count]}
        self._parcels = [parcel for parcel in self._parcels if id(parcel) not in moved]

    def _emptied(self, count: int, _: object) -> None:
        del self._settled[:count]

    def _nothing(self, _: object) -> None:
        """What the disk gives is of no use."""

    def _only_in_memory(self) -> list[Parcel]:
        """What is in hand and not on disk; where there is nothing, the next that was told."""
        found = [parcel for parcel in self._parcels if parcel.segment is None]
        if not found:
            found = self._packed(FEW)
            self._parcels += found
        return found

    def _oldest_in_memory(self) -> float:
        return min(
            self._buffer.oldest(), *(parcel.order for parcel in self._parcels if parcel.segment is None), math.inf
        )

    def _packed(self, limit: int) -> list[Parcel]:
        self._in_hand = min(self._in_hand, self._buffer.oldest())
        return [parcel for taken in in_portions(self._buffer.take(limit)) if (parcel := self._parcel(taken))]

    def _parcel(self, taken: Told | Parcel) -> Parcel | None:
        if isinstance(taken, Parcel):
            return taken
        try:
            return Parcel(taken.order, taken.kind, self._writer.write(taken))
        except Exception as error:  # noqa: BLE001 - callers hand over any object, one must not stop the rest
            self._troubles.note(f"{taken.kind} cannot be written", error)
            self._dropped.add(taken.kind)
            return None

    def _look_at_oldest(self) -> None:
        on_disk = self._spool is not None and len(self._spool) > 0
        self._in_hand = -1 if on_disk else min((parcel.order for parcel in self._parcels), default=math.inf)
