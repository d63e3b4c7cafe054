"""What becomes of entries that will not be tried again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import structlog

from events.codec import encode
from events.errors import BODY_LIMIT
from events.group import Delivery
from schemas.event import Envelope
from schemas.reports import DeadLetter
from store.dead_letters import DeadLetters
from store.outbox import Outbox
from store.work import Work
from workers.tally import Tally

log = structlog.get_logger()

KEPT_BYTES = BODY_LIMIT
"""How much of a refused entry is kept, to look at and to send again."""

TOLD_BYTES = 4_096
"""How much of it ``dead.letter`` carries."""


class Grave(NamedTuple):
    """A delivery that will not be tried again, why, and what it held: ``size`` bytes, ``body`` the first of them."""

    delivery: Delivery
    reason: str
    body: bytes
    size: int


class Burial:
    """Keeps refused entries of one worker with their bytes and reason, tells ``dead.letter`` and counts them."""

    def __init__(self, worker: str, *, clock: Callable[[], int], tally: Tally) -> None:
        self._worker = worker
        self._clock = clock
        self._tally = tally

    def bury(self, work: Work, graves: Sequence[Grave]) -> None:
        """Bury in the transaction of ``work``; what already lies there stays as it was."""
        for grave in graves:
            delivery = grave.delivery
            new = DeadLetters(work.connection).bury(
                worker=self._worker,
                stream=delivery.stream,
                entry=delivery.entry,
                reason=grave.reason,
                body=grave.body[:KEPT_BYTES],
                size=grave.size,
                attempts=delivery.attempts,
                now=work.now,
            )
            if new:
                Outbox(work.connection).add(self._worker, DeadLetter.type, encode(self._letter(grave)), now=work.now)
                self._tally.refused(grave.reason)
                log.warning("event.refused", stream=delivery.stream, entry=delivery.entry, reason=grave.reason)

    def _letter(self, grave: Grave) -> Envelope:
        delivery = grave.delivery
        letter = DeadLetter(
            worker=self._worker,
            stream=delivery.stream,
            entry=delivery.entry,
            reason=grave.reason,
            body=msgspec.to_builtins(grave.body[:TOLD_BYTES]),
            size=grave.size,
            attempts=delivery.attempts,
        )
        identity = f"{self._worker}/{delivery.stream}/{delivery.entry}"
        return Envelope(source=self._worker, id=identity, time=self._clock(), data=letter)
