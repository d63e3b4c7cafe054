"""What becomes of entries that will not be tried again."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
import structlog

from events.codec import encode
from events.errors import BODY_LIMIT
from events.group import Delivery
from events.moments import moment
from schemas.event import Envelope
from schemas.reports import DeadLetter
from store.dead_letters import MORE, DeadLetters
from store.outbox import Outbox
from store.work import Work
from workers.tally import Tally

log = structlog.get_logger()

KEPT_BYTES = BODY_LIMIT
"""How much of a refused entry is kept, to look at and to send again."""

TOLD_BYTES = 4_096
"""How much of it ``dead.letter`` carries."""

REASON_CHARACTERS = 2_000
"""How much of a reason is kept: that of a failure may show all that it failed at."""

HOUR_US = 3_600_000_000


class Grave(NamedTuple):
    """A delivery that will not be tried again, why, and what it held: ``size`` bytes, ``body`` the first of them."""

    delivery: Delivery
    reason: str
    body: bytes
    size: int


class Burial:
    """Keeps refused entries of one worker with their bytes and reason, tells ``dead.letter`` and counts them.

    Of more than ``an_hour`` the rest is counted, in one letter a stream and hour, and not kept one by one: a sender
    gone mad must fill neither the store nor the log. None keeps all of them.
    """

    def __init__(self, worker: str, *, clock: Callable[[], int], tally: Tally, an_hour: int | None = None) -> None:
        self._worker = worker
        self._clock = clock
        self._tally = tally
        self._an_hour = an_hour

    def bury(self, work: Work, graves: Sequence[Grave]) -> None:
        """Bury in the transaction of ``work``; what already lies there stays as it was."""
        room = self._room(work) if graves else None
        rest: list[Grave] = []
        for grave in graves:
            if room == 0:
                rest.append(grave)
            elif self._keep(work, grave) and room is not None:
                room -= 1
        for stream, more in groupby(sorted(rest, key=_stream), key=_stream):
            self._count(work, stream, list(more))

    def _room(self, work: Work) -> int | None:
        """How many more are kept in the hour of ``work``."""
        if self._an_hour is None:
            return None
        kept = DeadLetters(work.connection).kept_since(self._worker, work.now - work.now % HOUR_US)
        return max(0, self._an_hour - kept)

    def _keep(self, work: Work, grave: Grave) -> bool:
        """Bury one with its bytes; whether it did not lie there already."""
        delivery = grave.delivery
        if new := self._lay(work, grave):
            self._tally.refused(grave.reason)
            log.warning("event.refused", stream=delivery.stream, entry=delivery.entry, reason=grave.reason)
        return new is not None

    def _count(self, work: Work, stream: str, graves: list[Grave]) -> None:
        """Count those that are not kept, in the letter of the hour."""
        letters = DeadLetters(work.connection)
        there = letters.buried(self._worker, stream, [grave.delivery.entry for grave in graves])
        more = [grave for grave in graves if grave.delivery.entry not in there]
        if not more:
            return
        entry = f"{MORE}{moment(work.now - work.now % HOUR_US):%Y-%m-%dT%HZ}"
        reason = (
            f"more than {self._an_hour:,} entries were refused within an hour; these were counted and not kept, "
            "their bytes are in the stream as long as that keeps them"
        )
        if letters.get(self._worker, stream, entry=entry) is None:
            self._lay(work, Grave(Delivery(stream, entry, {}, 0), reason, b"", 0))
        letters.add(self._worker, stream, entry=entry, entries=len(more), size=sum(grave.size for grave in more))
        self._tally.refused(more[-1].reason, times=len(more))
        log.warning("events.refused", stream=stream, entries=len(more), reason=more[-1].reason)

    def _lay(self, work: Work, grave: Grave) -> str | None:
        """Put one into the store, and where it is new, tell of it and return as which entry it lies there."""
        delivery, reason = grave.delivery, grave.reason[:REASON_CHARACTERS]
        place = DeadLetters(work.connection).bury(
            worker=self._worker,
            stream=delivery.stream,
            entry=delivery.entry,
            reason=reason,
            body=grave.body[:KEPT_BYTES],
            size=grave.size,
            attempts=delivery.attempts,
            now=work.now,
        )
        if place:
            letter = encode(self._letter(grave, place, reason))
            Outbox(work.connection).add(self._worker, DeadLetter.type, letter, now=work.now)
        return place

    def _letter(self, grave: Grave, entry: str, reason: str) -> Envelope:
        delivery = grave.delivery
        letter = DeadLetter(
            worker=self._worker,
            stream=delivery.stream,
            entry=entry,
            reason=reason,
            body=msgspec.to_builtins(grave.body[:TOLD_BYTES]),
            size=grave.size,
            attempts=delivery.attempts,
        )
        identity = f"{self._worker}/{delivery.stream}/{entry}"
        return Envelope(source=self._worker, id=identity, time=self._clock(), data=letter)


def _stream(grave: Grave) -> str:
    return grave.delivery.stream
