"""Batches of events into the books, each exactly once in its effect."""

from collections import Counter
from collections.abc import Mapping, Sequence, Sized

import structlog

from events.codec import encode
from events.group import Delivery
from schemas.catalogue import EVENTS
from store.errors import StoreError, StoreRefused
from store.replays import Replays
from store.store import Store
from workers.burial import Burial, Grave
from workers.replay.batches import Batch
from workers.replay.events import Replayed
from workers.replay.patience import Company, patiently
from workers.replay.record import file_and_line
from workers.tally import Tally
from workers.worker import Worker

log = structlog.get_logger()

NOT_AN_EVENT = "replay"
"""The stream under which rows are kept that do not say which event they are."""


class Intake:
    """Hands batches to the worker that streams would hand them to, and settles sessions where they end.

    A batch, what is refused of it, and how far the replay is, are one transaction. What another process with the
    same ``digest`` has taken in meanwhile is passed over. An event that the worker fails at is found by splitting
    and buried.

    Args:
        settled: grows when the worker has settled a session.
        names: of the files, by their numbers, as people read them in refusals.
        company: when it is asked to stop, a store that is held is not waited for any longer.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        store: Store,
        settled: Sized,
        digest: str,
        names: Sequence[str],
        company: Company,
    ) -> None:
        self._worker = worker
        self._store = store
        self._settled = settled
        self._digest = digest
        self._names = names
        self._burial = Burial(worker.name, clock=company.clock, tally=Tally(worker.name, clock=company.clock))
        self._company = company
        self.taken = self.passed_over = 0
        self.reasons: Counter[str] = Counter()
        """How many events this process took in or passed over, and how many rows it refused for which reason."""

    @property
    def refused(self) -> int:
        """How many rows this process refused."""
        return self.reasons.total()

    def take(self, batch: Batch) -> None:
        """Take a batch in; behind the end of a session, settle it before anything else comes.

        Raises:
            StoreError: the store is gone; or, as StoreBusy, another writer holds it and somebody asked to stop.
                What was taken in before stays.
        """
        self._take(batch.events, batch)
        if batch.ends:
            self._settle()

    def _settle(self) -> None:
        """Settle what is closed, all of it. What comes from files has not travelled: nothing is left in a stream."""
        before = -1
        while before < len(self._settled):
            before = len(self._settled)
            patiently(lambda: self._worker.rest(lambda: 1), self._company)

    def _take(self, events: Sequence[Replayed], batch: Batch) -> None:
        try:
            patiently(lambda: self._handle(events, batch), self._company)
        except Exception as error:
            if isinstance(error, StoreError) and not isinstance(error, StoreRefused):
                raise
            self._split(events, batch, error)  # one event must never stop the rest, whatever is wrong with it

    def _handle(self, events: Sequence[Replayed], batch: Batch) -> None:
        with self._store.begin() as work:
            replays = Replays(work.connection)
            taken = replays.taken(self._digest)
            fresh = [event for event in events if event.number >= taken]
            # Ends that another process took in are told again: this one must settle them before it goes on too.
            envelopes = [event.envelope for event in fresh or batch.ends if event.envelope is not None]
            refusals = self._worker.handle(work, envelopes) if envelopes else ()
            reasons = {id(refusal.envelope): refusal.reason for refusal in refusals} if fresh else {}
            graves = [grave for event in fresh if (grave := self._grave(event, reasons))]
            self._burial.bury(work, graves)
            if fresh:
                replays.advance(self._digest, taken=fresh[-1].number + 1, refused=len(graves), now=work.now)
            work.commit()
        self.taken += sum(event.envelope is not None for event in fresh) - len(reasons)
        self.passed_over += sum(event.envelope is None and event.refusal is None for event in fresh)
        self.reasons.update(grave.reason for grave in graves)

    def _split(self, events: Sequence[Replayed], batch: Batch, error: Exception) -> None:
        if len(events) > 1:
            middle = len(events) // 2
            self._take(events[:middle], batch)
            self._take(events[middle:], batch)
            return
        file, line = file_and_line(events[0].place)
        log.error("event.failed", file=self._names[file], line=line, exc_info=error)
        patiently(lambda: self._bury(events[0], f"handling failed: {error!r}"), self._company)

    def _bury(self, event: Replayed, reason: str) -> None:
        with self._store.begin() as work:
            replays = Replays(work.connection)
            if event.number < replays.taken(self._digest):
                return
            graves = [grave for grave in [self._grave(event, {id(event.envelope): reason})] if grave]
            self._burial.bury(work, graves)
            replays.advance(self._digest, taken=event.number + 1, refused=len(graves), now=work.now)
            work.commit()
        self.reasons.update(grave.reason for grave in graves)

    def _grave(self, event: Replayed, reasons: Mapping[int, str]) -> Grave | None:
        """What is kept of an event that was refused, by its envelope's identity or before it had one."""
        if event.refusal is not None:
            return Grave(self._delivery(event), event.refusal.reason, event.refusal.body, event.refusal.size)
        if event.envelope is None or id(event.envelope) not in reasons:
            return None
        body = encode(event.envelope)
        return Grave(self._delivery(event), reasons[id(event.envelope)], body, len(body))

    def _delivery(self, event: Replayed) -> Delivery:
        """Where a row lies, in the place of a stream and its entry."""
        file, line = file_and_line(event.place)
        stream = event.type if event.type in EVENTS else NOT_AN_EVENT
        return Delivery(stream, f"{self._names[file][:60]}:{line}@{self._digest[:12]}", {}, 1)
