"""Takes what waits and brings it to the broker."""

import math
import time
from collections.abc import Callable
from threading import Event
from typing import Any, NamedTuple

from redis.exceptions import NoPermissionError, ResponseError

from learning_client.background import Background
from learning_client.buffer import Buffer, Told
from learning_client.connection import Connection
from learning_client.guard import Troubles
from learning_client.letter import Writer
from learning_client.snapshot import Snapshot
from learning_client.tally import Tally

BATCH = 500
REPORT_SECONDS = 60.0


class Parcel(NamedTuple):
    """One event, ready to be sent."""

    order: int
    kind: str
    body: bytes


class Sender:
    """Sends events from a bounded buffer, in order, in pipelines of at most 500, on a thread of its own.

    Where the connection fails, the same pipeline is sent again, byte for byte, until the broker has answered:
    an event may come twice, and its id makes that harmless. Events that the broker refuses for good (a key of another
    type, no permission) are dropped and counted.

    Args:
        report: makes the event that tells the engine how this client is; sent every minute and at the end.
        allowed: whether anything may be sent now.
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
    ) -> None:
        self._url = url
        self._writer = writer
        self._prefix = prefix
        self._capacity = capacity
        self._report = report
        self._allowed = allowed
        self._troubles = troubles
        self._background = Background("learning-client-events", self._turn, finished=self._finished, troubles=troubles)
        self._begin()

    def _begin(self) -> None:
        self.sent = Tally()
        self.dropped = Tally()
        self.clock_offset: float | None = None
        self._buffer = Buffer(self._capacity)
        self._parcels: list[Parcel] = []
        self._in_hand = math.inf
        self._connection: Connection | None = None
        self._wake = Event()
        self._resting = False
        self._reported_last = False
        self._next_report = time.monotonic() + REPORT_SECONDS

    def renew(self) -> None:
        """For a forked child: the parent sends what it holds; here everything begins empty."""
        self._begin()
        self._background.renew()

    @property
    def queued(self) -> int:
        """How many events wait, those in the pipeline that is being sent included."""
        return len(self._buffer) + len(self._parcels)

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
        if self._resting:
            self._resting = False
            self._wake.set()
        self._background.ensure()
        return True

    def flush(self, timeout: float) -> bool:
        """Wait until everything told before has left, at most ``timeout`` seconds, and say whether it has."""
        mark = self._buffer.next_order()
        return self._background.wait_for(lambda: min(self._in_hand, self._buffer.oldest()) > mark, timeout)

    def close(self, timeout: float) -> bool:
        """Send what is left and a last report, at most ``timeout`` seconds; say whether nothing was left behind."""
        self._background.stopping.set()
        self._wake.set()
        return self._background.stop(timeout) and not self.queued

    def _turn(self) -> None:
        if not self._allowed():
            self._background.stopping.wait(0.5)
            return
        if not self._parcels:
            self._pack()
        if self._parcels:
            self._send()
        else:
            self._rest()

    def _finished(self) -> bool:
        return not self._allowed() or (self._reported_last and not self._parcels)

    def _rest(self) -> None:
        self._wake.clear()
        self._resting = True
        if not len(self._buffer) and not self._background.stopping.is_set():
            self._wake.wait(max(0.0, self._next_report - time.monotonic()))
        self._resting = False

    def _pack(self) -> None:
        self._in_hand = self._buffer.oldest()
        self._parcels = [parcel for told in self._buffer.take(BATCH) if (parcel := self._parcel(told))]
        last = self._background.stopping.is_set() and not self._parcels and not len(self._buffer)
        if last or time.monotonic() >= self._next_report:
            self._reported_last = last
            self._next_report = time.monotonic() + REPORT_SECONDS
            if parcel := self._parcel(self._report()):
                self._parcels.append(parcel)
        self._in_hand = self._parcels[0].order if self._parcels else math.inf

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
        commands = [("XADD", self._prefix + parcel.kind, "*", "event", parcel.body) for parcel in self._parcels]
        self._settle(connection.ask_all(commands))
        self._connection = connection

    def _settle(self, answers: list[Any]) -> None:
        kept: list[Parcel] = []
        trouble: Exception | None = None
        for parcel, answer in zip(self._parcels, answers, strict=True):
            if not isinstance(answer, Exception):
                self.sent.add(parcel.kind)
            elif _for_good(answer):
                self._troubles.note(f"{parcel.kind} is refused by the broker", answer)
                self.dropped.add(parcel.kind)
            else:
                kept.append(parcel)
                trouble = answer
        self._parcels = kept
        self._in_hand = kept[0].order if kept else math.inf
        if trouble is not None:
            raise trouble
        self._background.reached()

    def _connect(self) -> Connection:
        """A new connection, on which the clocks are compared; the offset is unknown where TIME is not permitted."""
        connection = Connection(self._url)
        before = time.time()
        try:
            seconds, micros = connection.ask("TIME")
        except ResponseError:
            return connection
        self.clock_offset = (before + time.time()) / 2 - (int(seconds) + int(micros) / 1e6)
        return connection


def _for_good(answer: Exception) -> bool:
    """Whether the broker would refuse the same event tomorrow too: no permission, or a key of another type."""
    return isinstance(answer, NoPermissionError) or str(answer).startswith("WRONGTYPE")
