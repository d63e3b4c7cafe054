"""One batch, taken in once: decode, one transaction, acknowledge, relay."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from redis import Redis

from events.codec import decode, encode
from events.drain import drain
from events.errors import BrokenEvent, NewerEvent
from events.group import ConsumerGroup, Delivery
from schemas.event import Envelope
from store.errors import StoreBusy, StoreOutdated, StoreUnavailable
from store.mailbag import Mailbag
from store.store import Store
from workers.burial import Burial, Grave
from workers.tally import Tally
from workers.worker import Refusal, Worker

log = structlog.get_logger()

MOST_ATTEMPTS = 3
"""How often an event whose handling fails is delivered before it is buried."""


class Limits(NamedTuple):
    """What the codec refuses: bytes an event may have, and how far in the future (µs) it may lie."""

    max_bytes: int
    future_tolerance_us: int


class Turns:
    """Takes batches in for one worker, each exactly once in its effect.

    A batch is decoded, handled in one transaction together with its refusals and its letters,
    committed, acknowledged, and only then are the letters relayed. Killed anywhere, the batch comes
    again and changes nothing twice. One event that cannot be handled, or whose rows the store refuses, is found by
    splitting the batch.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        store: Store,
        broker: Redis,
        group: ConsumerGroup,
        prefix: str,
        limits: Limits,
        clock: Callable[[], int],
        tally: Tally,
    ) -> None:
        self._worker = worker
        self._store = store
        self._broker = broker
        self._group = group
        self._prefix = prefix
        self._burial = Burial(worker.name, clock=clock, tally=tally)
        self._mailbag = Mailbag(store, worker.name)
        self._limits = limits
        self._clock = clock
        self._tally = tally

    def turn(self, *, count: int, block_ms: int) -> int:
        """Read what is there, take it in, and say how many entries that were.

        Raises:
            BrokerUnreachable, StoreUnavailable, StoreBusy, StoreOutdated: nothing was acknowledged that was not
                committed; try again later.
        """
        deliveries = self._group.read(count=count, block_ms=block_ms)
        if deliveries:
            self._group.look_ahead(count=count)
            self._group.acknowledge(self._take(deliveries))
        self._worker.rest(self._group.settled_before)
        self._send()
        return len(deliveries)

    def leave(self) -> None:
        """Hand back what was read ahead; nobody has begun with it."""
        self._group.leave()

    def _take(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Take a batch in and return what may be acknowledged."""
        good: list[tuple[Delivery, Envelope]] = []
        graves: list[Grave] = []
        left: set[tuple[str, str]] = set()
        for delivery in deliveries:
            try:
                good.append((delivery, self._decode(delivery)))
            except BrokenEvent as error:
                graves.append(Grave(delivery, error.reason, error.body, error.size))
            except NewerEvent as error:
                log.warning("event.newer", stream=delivery.stream, entry=delivery.entry, error=str(error))
                left.add(_place(delivery))
        if graves:
            self._bury(graves)
        left |= self._handle(good)
        return [delivery for delivery in deliveries if _place(delivery) not in left]

    def _decode(self, delivery: Delivery) -> Envelope:
        return decode(
            delivery.fields,
            stream=delivery.stream,
            entry=delivery.entry,
            now=self._clock(),
            max_bytes=self._limits.max_bytes,
            future_tolerance_us=self._limits.future_tolerance_us,
            sample_unknown=self._tally.sampled(),
        )

    def _handle(self, batch: Sequence[tuple[Delivery, Envelope]]) -> set[tuple[str, str]]:
        """Handle a batch in one transaction; returns what stays pending for another attempt."""
        if not batch:
            return set()
        try:
            with self._store.begin() as work:
                refusals = self._worker.handle(work, [envelope for _, envelope in batch])
                self._burial.bury(work, [self._refused(batch, refusal) for refusal in refusals])
                work.commit()
        except (StoreBusy, StoreOutdated, StoreUnavailable):
            raise
        except Exception as error:  # noqa: BLE001  one event must never stop the rest, whatever is wrong with it
            return self._split(batch, error)
        self._tally.took(batch=[envelope for _, envelope in batch], refused=len(refusals))
        return set()

    def _split(self, batch: Sequence[tuple[Delivery, Envelope]], error: Exception) -> set[tuple[str, str]]:
        if len(batch) > 1:
            middle = len(batch) // 2
            return self._handle(batch[:middle]) | self._handle(batch[middle:])
        delivery, envelope = batch[0]
        log.error("event.failed", entry=envelope.entry, attempts=delivery.attempts, exc_info=error)
        self._tally.failed(f"{type(error).__name__}: {error}")
        if delivery.attempts < MOST_ATTEMPTS:
            return {_place(delivery)}
        self._bury([_grave(delivery, f"handling failed {delivery.attempts} times: {error!r}", envelope)])
        return set()

    def _refused(self, batch: Sequence[tuple[Delivery, Envelope]], refusal: Refusal) -> Grave:
        delivery = next(delivery for delivery, envelope in batch if envelope is refusal.envelope)
        return _grave(delivery, refusal.reason, refusal.envelope)

    def _bury(self, graves: Sequence[Grave]) -> None:
        with self._store.begin() as work:
            self._burial.bury(work, graves)
            work.commit()

    def _send(self) -> None:
        self._tally.relayed(drain(self._broker, self._mailbag, prefix=self._prefix))


def _grave(delivery: Delivery, reason: str, envelope: Envelope) -> Grave:
    body = encode(envelope)
    return Grave(delivery, reason, body, len(body))


def _place(delivery: Delivery) -> tuple[str, str]:
    return delivery.stream, delivery.entry
