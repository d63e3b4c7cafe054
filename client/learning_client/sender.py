"""Takes what waits and brings it to the broker."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event

from redis.exceptions import NoPermissionError

from learning_client.background import Background
from learning_client.breaker import Breaker
from learning_client.guard import Troubles
from learning_client.ids import Ids
from learning_client.letter import Writer
from learning_client.link import Link
from learning_client.outbox import Outbox
from learning_client.parcel import Parcel
from learning_client.portions import FEW, in_portions
from learning_client.spool import Spool
from learning_client.tally import Tally
from learning_client.told import Told

REPORT_SECONDS = 60.0

SHORTEST_NAP, LONGEST_NAP = 0.001, 0.032
"""Seconds between looks at what was told: so much later it leaves at the most."""

GATHER_SECONDS = 0.01
"""Between two pipelines, where few events wait."""

DISK_SECONDS = 0.25
"""So often what waits is moved to the disk while the broker is away, and a disk is asked again that has not given what
it holds.
"""

BLOCKS_AHEAD = 2
"""Of random bits, twenty times a second while the broker does not answer: ids for 2,500 events a second."""

MOVING_SECONDS = 0.5
"""Of the time for closing, so much is kept for moving events to the disk."""


class Sender:
    """Sends events from an outbox, in order, in pipelines of 50, or up to 200 where answers take long, on a thread of
    its own.

    Where the connection fails, the same pipeline is sent again, byte for byte, until the broker has answered:
    an event may come twice, and its id makes that harmless. Events that the broker refuses for good (a key of another
    type, no permission) are dropped and counted. While the broker is away all that waits is put into the spool, where
    there is one. A broker that answers and takes no event is away, until it takes one.

    Args:
        report: makes the event that tells the engine how this client is; sent every minute and at the end.
        allowed: whether anything may be sent now.
        spool: opens the spool, given what counts dropped events by kind and unreadable ones by file; called again in a
            forked child.
        clock: nanoseconds since 1970 UTC.

    Attributes:
        ids: of events; they are made ahead where the thread has time.
        tell: keeps an event until it is sent; its id, or None when closed. Never waits.
        next_order: gives a place after everything that was told so far.
    """

    def __init__(  # noqa: PLR0913 - its only caller has all of these
        self,
        url: str,
        *,
        writer: Writer,
        prefix: str,
        capacity: int,
        report: Callable[[], Told],
        allowed: Callable[[], bool],
        troubles: Troubles,
        spool: Callable[[Tally, Tally], Spool] | None,
        clock: Callable[[], int],
    ) -> None:
        self._url = url
        self._writer = writer
        self._prefix = prefix
        self._capacity = capacity
        self._report = report
        self._allowed = allowed
        self._troubles = troubles
        self._open_spool = spool
        self._clock = clock
        self.breaker = Breaker()
        self._of_parents: object = None
        self._background = Background(
            "learning-client-events",
            self._turn,
            finished=self._finished,
            troubles=troubles,
            breaker=self.breaker,
            meanwhile=self._use_time,
            ended=self._leave,
        )
        self._begin()

    def _begin(self) -> None:
        self.ids = Ids(self._clock)
        self.sent = Tally()
        self.dropped = Tally()
        self.unreadable = Tally()
        opener = self._open_spool
        self._outbox = Outbox(
            capacity=self._capacity,
            writer=self._writer,
            open_spool=None if opener is None else partial(opener, self.dropped, self.unreadable),
            dropped=self.dropped,
            troubles=self._troubles,
            begins=self._background.ensure,
            ids=self.ids,
        )
        if self._background.stopping.is_set():
            self._outbox.close()
        self.tell = self._outbox.tell
        self.next_order = self._outbox.next_order
        self._link = Link(self._url, prefix=self._prefix, lost=self._outbox.hand_again, meanwhile=self._do_ahead)
        self._wake = Event()
        self._reported_last = False
        self._next_report = time.monotonic() + REPORT_SECONDS
        self._next_aside = 0.0

    def renew(self) -> None:
        """For a forked child: the parent sends what it holds; here everything begins empty.

        What is the parent's is not freed: that would copy every page of it, while parent and child share a core.
        """
        self._outbox.let_go()
        self._link.hang_up()
        self._of_parents = (self._of_parents, self._outbox, self._link, self.ids)
        self._begin()
        self._background.renew()

    @property
    def queued(self) -> int:
        """How many events wait in memory alone, those in the pipeline that is being sent included."""
        return self._outbox.queued

    @property
    def spooled(self) -> dict[str, int]:
        """How many events of each kind wait on disk, those in the pipeline that is being sent included."""
        return self._outbox.spooled

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which this clock is ahead of the broker's; None where that is not known."""
        return self._link.clock_offset

    @property
    def connected(self) -> bool:
        """Whether the broker answered last time."""
        return self._background.connected

    def start(self) -> None:
        """Begin in the background."""
        self._background.ensure()

    def flush(self, timeout: float) -> bool:
        """Wait until everything told before has left, at most ``timeout`` seconds, and say whether it has."""
        mark = self.next_order()
        self._wake.set()
        return self._background.wait_for(lambda: self._outbox.oldest() > mark, timeout)

    def close(self, timeout: float) -> bool:
        """Send what is left and a last report, at most ``timeout`` seconds; say whether nothing was left behind, which
        nobody knows while the disk does not say what it holds.

        What is left when half a second of it is left, or half of it, goes into the spool.
        """
        until = time.monotonic() + timeout
        moving = 0.0 if self._open_spool is None else min(MOVING_SECONDS, timeout / 2)
        self._outbox.close()
        self._background.stopping.set()
        self._wake.set()
        ended = self._background.stop(timeout - moving)
        if ended:
            self._outbox.leave()
        else:  # the thread waits for the broker, and may do so until the program has left
            self._outbox.put_aside(until=until)
        return ended and not self.queued and not self.spooled and not self._outbox.withheld

    def _turn(self) -> None:
        self._outbox.note_overflow()
        if not self._allowed():
            self._background.stopping.wait(0.5)
            return
        self._outbox.find_spool()
        if self.breaker.shut:
            self._put_aside()
            self.breaker.probes()
            self._link.open()
        waited = self._outbox.told
        self._pack()
        if self._outbox.has_work:
            self._send()
            self._gather()
        elif not waited:  # else nothing of it could be written, and whoever waits for that must hear it
            self._rest()

    def _use_time(self) -> None:
        self._outbox.note_overflow()
        self._put_aside_in_time()
        self._do_ahead()

    def _do_ahead(self) -> None:
        """What would else be done when it is sent, or by callers."""
        if self.breaker.shut:
            self._put_aside_in_time()
        self._outbox.spill()
        self._outbox.write_ahead()
        for _ in range(BLOCKS_AHEAD):
            self._make_ids()

    def _make_ids(self) -> None:
        try:
            self.ids.make_ahead()
        except Exception as error:  # noqa: BLE001 - the clock is the caller's, and sending goes on without it
            self._troubles.note("the clock gives no time", error)

    def _put_aside_in_time(self) -> None:
        if time.monotonic() >= self._next_aside:
            self._put_aside()

    def _put_aside(self) -> None:
        self._next_aside = time.monotonic() + DISK_SECONDS
        self._outbox.put_aside()

    def _leave(self) -> None:
        self._outbox.leave()

    def _finished(self) -> bool:
        if not self._allowed():
            return True
        if not self._reported_last or self._outbox.has_work:
            return False
        self._outbox.end()  # before the last look: a call that had begun when it was closed ends about now
        return not self._outbox.told

    def _gather(self) -> None:
        """Let a few be told before the next pipeline: each one takes the interpreter from who trades, and what is in
        the processor's caches."""
        if self._outbox.told < FEW and not self._outbox.withheld and not self._background.stopping.is_set():
            self._wake.wait(GATHER_SECONDS)

    def _rest(self) -> None:
        """Look for what was told, ever more seldom. To wake this thread would cost callers more than all else."""
        nap = SHORTEST_NAP
        stopping = self._background.stopping
        until = min(self._next_report, time.monotonic() + (DISK_SECONDS if self._outbox.withheld else REPORT_SECONDS))
        while not self._outbox.told and not stopping.is_set() and time.monotonic() < until:
            self._make_ids()
            if self._wake.wait(nap):
                self._wake.clear()  # here alone, or who wakes while this begins is not heard
                return
            nap = min(LONGEST_NAP, nap * 2)

    def _pack(self) -> None:
        """Take in hand what was told first, and a report where it is time for one, or nothing else to probe with."""
        self._outbox.fill_hand(self._link.together)
        idle = not self._outbox.has_work
        last = idle and self._background.stopping.is_set() and not self._outbox.told
        if last or (idle if self.breaker.shut else time.monotonic() >= self._next_report):
            self._reported_last = last
            self._next_report = time.monotonic() + REPORT_SECONDS
            if not self._background.stopping.is_set():
                self._outbox.take_over()
            self._outbox.hand_in(self._report())

    def _send(self) -> None:
        """One pipeline. What is not acknowledged stays in hand, and the turn raises."""
        taken: list[Parcel] = []
        refused: list[Parcel] = []
        trouble: Exception | None = None
        for parcel, answer in in_portions(self._link.send(self._outbox.hand)):
            if not isinstance(answer, Exception):
                taken.append(parcel)
                self._link.acknowledge(parcel, answer)
            elif _for_good(answer):
                refused.append(parcel)
                self._troubles.note(f"{parcel.kind} is refused by the broker", answer)
            else:
                trouble = answer
        for parcels, tally in ((taken, self.sent), (refused, self.dropped)):
            for parcel in self._outbox.settle(parcels):
                tally.add(parcel.kind)
        if trouble is not None:
            self._link.hang_up()
            raise trouble
        self._background.reached()


def _for_good(answer: Exception) -> bool:
    """Whether the broker would refuse the same event tomorrow too: no permission, or a key of another type."""
    return isinstance(answer, NoPermissionError) or str(answer).startswith("WRONGTYPE")
