"""Takes what waits and brings it to the broker."""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from threading import Event, RLock
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from learning_client.acknowledged import Acknowledged
from learning_client.background import Background
from learning_client.breaker import Breaker
from learning_client.buffer import Buffer, Told
from learning_client.connection import Connection, connection_to
from learning_client.guard import Troubles
from learning_client.ids import Ids
from learning_client.letter import Writer
from learning_client.parcel import Parcel
from learning_client.snapshot import Snapshot
from learning_client.spool import Spool
from learning_client.tally import Tally

log = logging.getLogger("learning_client")

BATCH = 500
REPORT_SECONDS = 60.0

SHORTEST_NAP, LONGEST_NAP = 0.001, 0.032
"""Seconds between looks at what was told: so much later it leaves at the most."""

MOVING_SECONDS = 0.5
"""Who closes waits so long at most for a thread that moves events to the disk."""

QUIET_SECONDS = 0.02
"""After so long it is seen first whether the broker is still the same: none starts anew sooner."""


class Sender:
    """Sends events from a bounded buffer, in order, in pipelines of at most 500, on a thread of its own.

    Where the connection fails, the same pipeline is sent again, byte for byte, until the broker has answered:
    an event may come twice, and its id makes that harmless. Events that the broker refuses for good (a key of another
    type, no permission) are dropped and counted. While the broker is away all that waits is put into the spool, where
    there is one. A broker that was started anew, or whose streams end before what it acknowledged, gets the events of
    the last seconds again.

    Args:
        report: makes the event that tells the engine how this client is; sent every minute and at the end.
        allowed: whether anything may be sent now.
        spool: opens the spool; called on the sending thread, and again in a forked child.

    Attributes:
        ids: of events; random bits for them are drawn ahead where the thread has time.
    """

    def __init__(
        self,
        url: str,
        *,
        writer: Writer,
        prefix: str,
        capacity: int,
        report: Callable[[], Told],
        allowed: Callable[[], bool],
        troubles: Troubles,
        spool: Callable[[Tally], Spool] | None,
    ) -> None:
        self._url = url
        self._writer = writer
        self._prefix = prefix
        self._capacity = capacity
        self._report = report
        self._allowed = allowed
        self._troubles = troubles
        self.breaker = Breaker()
        self.ids = Ids()
        self._open_spool = spool
        self._background = Background(
            "learning-client-events",
            self._turn,
            finished=self._finished,
            troubles=troubles,
            breaker=self.breaker,
            meanwhile=self._put_aside,
            ended=self._leave,
        )
        self._spool: Spool | None = None
        self._begin()

    def _begin(self) -> None:
        self.sent = Tally()
        self.dropped = Tally()
        self.clock_offset: float | None = None
        self._buffer = Buffer(self._capacity)
        if self._spool is not None:
            self._spool.close()
        self._spool, self._to_open = None, self._open_spool
        self._parcels: list[Parcel] = []
        self._acknowledged = Acknowledged()
        self._run_id: str | None = None
        self._answered = 0.0
        self._in_hand = math.inf if self._open_spool is None else -1
        self._connection: Connection | None = None
        self._moving = RLock()
        self._left = False
        self._wake = Event()
        self._reported_last = False
        self._next_report = time.monotonic() + REPORT_SECONDS

    def renew(self) -> None:
        """For a forked child: the parent sends what it holds; here everything begins empty."""
        self.ids.renew()
        self._begin()
        self._background.renew()

    @property
    def queued(self) -> int:
        """How many events wait in memory alone, those in the pipeline that is being sent included."""
        return len(self._buffer) + sum(parcel.segment is None for parcel in self._parcels)

    @property
    def spooled(self) -> dict[str, int]:
        """How many events of each kind wait on disk, those in the pipeline that is being sent included."""
        waiting = Counter(parcel.kind for parcel in self._parcels if parcel.segment is not None)
        if self._spool is not None:
            waiting.update(self._spool.counts())
        return dict(waiting)

    def next_order(self) -> int:
        """A place after everything that was told so far."""
        return self._buffer.next_order()

    @property
    def connected(self) -> bool:
        """Whether the broker answered last time."""
        return self._background.connected

    def start(self) -> None:
        """Begin in the background."""
        self._background.ensure()

    def put(self, kind: str, data: dict[str, Any], *, name: str, time: int, snapshot: Snapshot | None = None) -> bool:
        """Keep an event, called ``name``, until it is sent; False when closed. Never waits."""
        if self._background.stopping.is_set():
            self.dropped.add(kind)
            return False
        gone = self._buffer.add(Told(self._buffer.next_order(), kind, name, time, data, snapshot))
        if gone is not None:
            self.dropped.add(gone)
        self._background.ensure()
        return True

    def flush(self, timeout: float) -> bool:
        """Wait until everything told before has left, at most ``timeout`` seconds, and say whether it has."""
        mark = self._buffer.next_order()
        self._wake.set()
        return self._background.wait_for(lambda: min(self._buffer.oldest(), self._in_hand) > mark, timeout)

    def close(self, timeout: float) -> bool:
        """Send what is left and a last report, at most ``timeout`` seconds; say whether nothing was left behind.

        What is left then goes into the spool.
        """
        self._background.stopping.set()
        self._wake.set()
        ended = self._background.stop(timeout)
        if not ended and self._moving.acquire(timeout=MOVING_SECONDS):
            # The thread waits for the broker, and may do so until the program has left.
            try:
                self._put_aside()
            finally:
                self._moving.release()
        return ended and not self.queued and not self.spooled

    def _turn(self) -> None:
        if not self._allowed():
            self._background.stopping.wait(0.5)
            return
        self._find_spool()
        if self.breaker.shut:
            self._put_aside()
            self.breaker.probes()
            self._connection = self._connection or self._connect()
            self._background.reached()
        if not self._parcels:
            self._pack()
        if self._parcels:
            self._send()
        else:
            self._rest()

    def _find_spool(self) -> None:
        if self._to_open is not None:
            opener, self._to_open = self._to_open, None
            try:
                self._spool = opener(self.dropped)
            except OSError as error:
                self._troubles.note("there is no spool", error)
            self._look_at_oldest()

    def _leave(self) -> None:
        with self._moving:
            self._parcels = [parcel._replace(again=False) for parcel in self._parcels]
            self._put_aside()
            self._left = True
            if self._spool is not None:
                self._spool.close()

    def _put_aside(self) -> None:
        """Move what waits in memory behind what waits on disk; who closes may do so while the thread is busy."""
        with self._moving:
            if self._spool is None or self._left:
                return
            try:
                while waiting := self._only_in_memory():
                    self._move(waiting, self._spool)
            except OSError as error:
                self._troubles.note("the spool takes nothing", error)
            self._look_at_oldest()

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

    def _finished(self) -> bool:
        return not self._allowed() or (self._reported_last and not self._parcels)

    def _rest(self) -> None:
        """Look for what was told, ever more seldom. To wake this thread would cost callers more than all else."""
        self._wake.clear()
        nap = SHORTEST_NAP
        while not len(self._buffer) and not self._background.stopping.is_set() and time.monotonic() < self._next_report:
            self.ids.draw_ahead()
            if self._wake.wait(nap):
                return
            nap = min(LONGEST_NAP, nap * 2)

    def _pack(self) -> None:
        """Take up to 500 of those that were told first, and a report where it is time for one."""
        with self._moving:
            spooled = self._spool.take(BATCH) if self._spool is not None else []
            if spooled and len(self._buffer) > self._capacity // 2:
                self._put_aside()
            self._parcels = [*spooled, *self._parcels] or self._packed(BATCH)
        last = self._background.stopping.is_set() and not self._parcels and not len(self._buffer)
        if last or time.monotonic() >= self._next_report:
            self._reported_last = last
            self._next_report = time.monotonic() + REPORT_SECONDS
            self._take_over()
            if parcel := self._parcel(self._report()):
                self._parcels = [*self._parcels, parcel]
        self._look_at_oldest()

    def _take_over(self) -> None:
        if self._spool is not None and not self._background.stopping.is_set():
            try:
                self._spool.take_over()
            except OSError as error:
                self._troubles.note("what other processes left cannot be taken over", error)

    def _packed(self, limit: int) -> list[Parcel]:
        self._in_hand = min(self._in_hand, self._buffer.oldest())
        return [parcel for told in self._buffer.take(limit) if (parcel := self._parcel(told))]

    def _look_at_oldest(self) -> None:
        """The order of the oldest event between buffer and broker; one on disk is older than all."""
        on_disk = self._spool is not None and len(self._spool) > 0
        self._in_hand = -1 if on_disk else min((parcel.order for parcel in self._parcels), default=math.inf)

    def _parcel(self, told: Told) -> Parcel | None:
        try:
            return Parcel(told.order, told.kind, self._writer.write(told))
        except Exception as error:  # noqa: BLE001 - callers hand over any object, one must not stop the rest
            self._troubles.note(f"{told.kind} cannot be written", error)
            self.dropped.add(told.kind)
            return None

    def _send(self) -> None:
        """One pipeline. What is not acknowledged stays in ``_parcels``, and the turn raises."""
        connection = self._connection or self._connect()
        self._connection = None  # a connection that fails is not used again
        if time.monotonic() - self._answered > QUIET_SECONDS:
            with suppress(ResponseError):
                connection.ask("TIME")
        self._remind(connection)
        sent = self._parcels[:BATCH]
        commands = [("XADD", self._prefix + parcel.kind, "*", "event", parcel.body) for parcel in sent]
        answers = connection.ask_all(commands)
        self._answered = time.monotonic()
        self._remind(connection)
        self._settle(sent, answers)
        self._connection = connection

    def _settle(self, sent: list[Parcel], answers: list[Any]) -> None:
        kept: list[Parcel] = []
        trouble: Exception | None = None
        for parcel, answer in zip(sent, answers, strict=True):
            if not isinstance(answer, Exception):
                self._is_there(parcel, answer)
            elif _for_good(answer):
                self._troubles.note(f"{parcel.kind} is refused by the broker", answer)
                self.dropped.add(parcel.kind)
                self._off_disk(parcel)
            else:
                kept.append(parcel)
                trouble = answer
        with self._moving:
            settled = {id(parcel) for parcel in sent} - {id(parcel) for parcel in kept}
            self._parcels = [parcel for parcel in self._parcels if id(parcel) not in settled]
            self._look_at_oldest()
        if trouble is not None:
            raise trouble
        self._background.reached()

    def _is_there(self, parcel: Parcel, entry: bytes) -> None:
        if not parcel.again:
            self.sent.add(parcel.kind)
        self._acknowledged.add(parcel._replace(again=True, segment=None), entry)
        self._off_disk(parcel)

    def _off_disk(self, parcel: Parcel) -> None:
        if self._spool is not None:
            self._spool.settle(parcel)

    def _connect(self) -> Connection:
        """A new connection, on which the clocks are compared; the offset is unknown where TIME is not permitted."""
        connection = connection_to(self._url)
        before = time.time()
        with suppress(ResponseError):
            seconds, micros = connection.ask("TIME")
            self.clock_offset = (before + time.time()) / 2 - (int(seconds) + int(micros) / 1e6)
        self._remind(connection)
        return connection

    def _remind(self, connection: Connection) -> None:
        """Where the connection is a new one, see whether the broker still has what it acknowledged."""
        if connection.is_new() and self._has_forgotten(connection):
            lost = self._acknowledged.take()
            with self._moving:
                self._parcels = [*self._parcels, *lost]
            with suppress(Exception):  # whatever handlers the program's log has
                log.warning("the broker may have lost the last seconds: %d events are sent again", len(lost))

    def _has_forgotten(self, connection: Connection) -> bool:
        """Whether it is not the server of before, or one of its streams ends before what it has acknowledged."""
        before, self._run_id = self._run_id, _run_id(connection) or self._run_id
        if before is not None and before != self._run_id:
            return True
        with suppress(ResponseError):
            for kind, entry in self._acknowledged.newest.items():
                found = connection.ask("XREVRANGE", self._prefix + kind, "+", "-", "COUNT", 1)
                if not found or _place(found[0][0]) < _place(entry):
                    return True
        return False


def _run_id(connection: Connection) -> str | None:
    """Differs after every start of a server; None where INFO is not permitted."""
    try:
        found = connection.ask("INFO", "server")
    except ResponseError:
        return None
    return str(found["run_id"]) if "run_id" in found else None


def _place(entry: bytes) -> tuple[int, ...]:
    """Where an entry lies in its stream: milliseconds and number."""
    return tuple(int(part) for part in entry.split(b"-"))


def _for_good(answer: Exception) -> bool:
    """Whether the broker would refuse the same event tomorrow too: no permission, or a key of another type."""
    return isinstance(answer, NoPermissionError) or str(answer).startswith("WRONGTYPE")
