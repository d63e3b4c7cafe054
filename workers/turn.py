"""One batch, taken in once: decode, one transaction, acknowledge, relay."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import structlog
from redis import Redis

from events.codec import encode
from events.drain import AT_ONCE, drain
from events.errors import BrokenEvent, NewerEvent
from events.group import ConsumerGroup, Delivery
from events.reader import Reader, body_of
from events.suspects import Suspects
from schemas.event import Envelope
from store.errors import StoreBusy, StoreOutdated, StoreUnavailable
from store.mailbag import Mailbag
from store.outbox import Letter
from store.store import Store
from store.work import Work
from workers.burial import Burial, Grave
from workers.tally import Tally
from workers.worker import Refusal, Worker

log = structlog.get_logger()

MOST_ATTEMPTS = 3
"""How often an event is handled alone, and fails or ends the process, before it is buried."""

LETTERS_AN_HOUR = 1_000
"""So many refused entries of one worker are kept within an hour; further ones are counted."""

PORTIONS = (64, 8)
"""How many entries that come again are handled at once: the first time, and once more after the process died over
them. After that each is handled alone."""

ALONE = len(PORTIONS)

DEADLY = f"handling it alone was begun {MOST_ATTEMPTS} times and came to no end: it ends the process that handles it"


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

    One that ends the process is found likewise, over several lives: what was handed out before and not acknowledged
    is handled in portions, each acknowledged by itself, and the broker keeps a note of the portion in hand. Only what
    was in hand at a death is handled in a smaller portion next time, and only what was alone in hand counts as tried.
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
        self._suspects = Suspects(broker, group=worker.name, prefix=prefix)
        self._group = group
        self._prefix = prefix
        self._burial = Burial(worker.name, clock=clock, tally=tally, an_hour=LETTERS_AN_HOUR)
        self._mailbag = Mailbag(store, worker.name)
        self._letters: Sequence[Letter] = ()
        self._seen_at = -1
        self._readers = {stream: Reader(stream, **limits._asdict()) for stream in worker.reads}
        self._clock = clock
        self._tally = tally

    def turn(self, *, count: int, block_ms: int) -> int:
        """Read what is there, take it in, and say how many entries that were.

        Raises:
            BrokerUnreachable, StoreUnavailable, StoreBusy, StoreOutdated: nothing was acknowledged that was not
                committed; try again later.
        """
        deliveries = self._group.read(count=count, block_ms=block_ms)
        self._group.look_ahead(count=count)
        if any(delivery.attempts > 1 for delivery in deliveries):
            self._take_carefully(deliveries)
        elif deliveries:
            self._group.acknowledge(self._take(deliveries, begun=0))
        self._worker.rest(self._group.settled_before)
        self._send()
        return len(deliveries)

    def leave(self) -> None:
        """Hand back what was read ahead; nobody has begun with it."""
        self._group.leave()

    def _take_carefully(self, deliveries: Sequence[Delivery]) -> None:
        """Take entries in that were handed out before: whoever had them may have died over one of them."""
        for portion, begun in _portions(deliveries, self._suspects.begun(deliveries)):
            self._suspects.begin(portion, begun=begun)
            done: Sequence[Delivery] = portion
            if begun < ALONE + MOST_ATTEMPTS:
                done = self._take(portion, begun=begun)
            else:
                self._bury([_grave(delivery, DEADLY) for delivery in portion])
            self._suspects.end()
            self._group.acknowledge(done)

    def _take(self, deliveries: Sequence[Delivery], *, begun: int) -> list[Delivery]:
        """Take a batch in, all begun as often before, and return what may be acknowledged."""
        good: list[tuple[Delivery, Envelope]] = []
        graves: list[Grave] = []
        newer: list[tuple[Delivery, NewerEvent]] = []
        now = self._clock()
        sampled = self._tally.sampled(len(deliveries), now=now)
        for place, delivery in enumerate(deliveries):
            try:
                good.append((delivery, self._read(delivery, now, sampled=place == sampled)))
            except BrokenEvent as error:
                graves.append(Grave(delivery, error.reason, error.body, error.size))
            except NewerEvent as error:
                newer.append((delivery, error))
        outwaited = self._set_aside(newer)
        if graves or outwaited:
            self._bury([*graves, *outwaited])
        left = {_place(delivery) for delivery, _ in newer} - {_place(grave.delivery) for grave in outwaited}
        left |= self._handle(good, begun=begun)
        return [delivery for delivery in deliveries if _place(delivery) not in left] if left else list(deliveries)

    def _set_aside(self, newer: Sequence[tuple[Delivery, NewerEvent]]) -> list[Grave]:
        """Leave events of a newer schema for a newer engine; what has waited for too long is to be buried."""
        outwaited: list[Grave] = []
        for (stream, version), same in groupby(sorted(newer, key=_schema), key=_schema):
            deliveries, errors = zip(*same, strict=True)
            late = self._group.set_aside(deliveries, version=version)
            log.warning("events.newer", stream=stream, entries=len(deliveries), refused=len(late), error=str(errors[0]))
            reason = f"{errors[0]}; no engine that knows it came within newer_days"
            outwaited += (_grave(delivery, reason) for delivery in late)
        return outwaited

    def _read(self, delivery: Delivery, now: int, *, sampled: bool) -> Envelope:
        """The event, which may not lie in the future: neither of the broker when it was told, nor of this machine now.

        So a worker whose clock is behind refuses nothing that another one takes in.
        """
        reader = self._readers[delivery.stream]
        try:
            return reader.read(delivery.fields, delivery.entry, now, sample_unknown=sampled)
        except BrokenEvent:
            if delivery.told_at <= now:
                raise
            return reader.read(delivery.fields, delivery.entry, delivery.told_at, sample_unknown=sampled)

    def _handle(self, batch: Sequence[tuple[Delivery, Envelope]], *, begun: int) -> set[tuple[str, str]]:
        """Handle a batch in one transaction; returns what stays pending for another attempt."""
        if not batch:
            return set()
        envelopes = [envelope for _, envelope in batch]
        try:
            with self._store.begin() as work:
                refusals = self._worker.handle(work, envelopes)
                self._burial.bury(work, [self._refused(batch, refusal) for refusal in refusals])
                self._commit(work)
        except (StoreBusy, StoreOutdated, StoreUnavailable):
            raise
        except Exception as error:  # noqa: BLE001  one event must never stop the rest, whatever is wrong with it
            return self._split(batch, error, begun=begun)
        self._tally.took(batch=envelopes, refused=len(refusals))
        return set()

    def _split(
        self, batch: Sequence[tuple[Delivery, Envelope]], error: Exception, *, begun: int
    ) -> set[tuple[str, str]]:
        if len(batch) > 1:
            middle = len(batch) // 2
            return self._handle(batch[:middle], begun=begun) | self._handle(batch[middle:], begun=begun)
        delivery, envelope = batch[0]
        attempt = max(0, begun - ALONE) + 1
        log.error("event.failed", entry=envelope.entry, attempt=attempt, exc_info=error)
        self._tally.failed(f"{type(error).__name__}: {error}")
        if attempt < MOST_ATTEMPTS:
            self._suspects.failed(delivery, begun=ALONE + attempt)
            return {_place(delivery)}
        self._bury([_grave(delivery, f"handling failed {attempt} times: {error!r}", encode(envelope))])
        return set()

    def _refused(self, batch: Sequence[tuple[Delivery, Envelope]], refusal: Refusal) -> Grave:
        delivery = next(delivery for delivery, envelope in batch if envelope is refusal.envelope)
        return _grave(delivery, refusal.reason, encode(refusal.envelope))

    def _bury(self, graves: Sequence[Grave]) -> None:
        with self._store.begin() as work:
            self._burial.bury(work, graves)
            self._commit(work)

    def _commit(self, work: Work) -> None:
        """Commit, after a look at the letters that wait, whoever wrote them: to look later takes ten times as long."""
        letters = self._mailbag.seen(work, AT_ONCE)
        work.commit()
        self._letters, self._seen_at = letters, self._store.writes

    def _send(self) -> None:
        """Relay what waits: as it was seen at this turn's commit, or after anything else that is there now."""
        seen = self._letters if self._seen_at == self._store.writes else None
        self._seen_at = -1
        self._tally.relayed(drain(self._broker, self._mailbag, prefix=self._prefix, seen=seen))


def _grave(delivery: Delivery, reason: str, body: bytes | None = None) -> Grave:
    """With the entry's own bytes, or those of its event where that was understood."""
    kept = body_of(delivery.fields) if body is None else body
    return Grave(delivery, reason, kept, len(kept))


def _portions(deliveries: Sequence[Delivery], begun: Sequence[int]) -> Iterator[tuple[list[Delivery], int]]:
    """Neighbours that were begun as often, in their order and in portions as small as that asks for."""
    for often, same in groupby(zip(begun, deliveries, strict=True), key=itemgetter(0)):
        rest = [delivery for _, delivery in same]
        most = PORTIONS[often] if often < ALONE else 1
        yield from ((rest[start : start + most], often) for start in range(0, len(rest), most))


def _schema(newer: tuple[Delivery, NewerEvent]) -> tuple[str, int]:
    return newer[0].stream, newer[1].version


def _place(delivery: Delivery) -> tuple[str, str]:
    return delivery.stream, delivery.entry
