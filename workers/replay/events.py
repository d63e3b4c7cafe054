"""Records as events: decoded by the codec of the streams, and refused with its sentences."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from events.codec import decode
from events.errors import BrokenEvent, NewerEvent
from schemas.alert import AlertRaised
from schemas.event import Envelope
from workers.replay.record import KEPT_BYTES, Form, Record, Refused, file_and_line

ANY_TYPE = AlertRaised.type
"""What a record is decoded as that does not say what it is: the decoder refuses it before it compares."""


class Replayed(NamedTuple):
    """One row as the worker is handed it, or why it is not.

    ``number`` counts from 0 in the order of the replay, ``type`` is what the row says it is, ``place`` is that of its
    record. Without envelope and refusal it is passed over: no worker of the books reads it.
    """

    number: int
    type: str
    place: int
    envelope: Envelope | None
    refusal: Refused | None = None


class Events:
    """Decodes records in their order.

    An event that has no name gets one: that of its content, and a counter where a file has it several times.
    What is not of the types ``reads``, or not of ``strategy``, where one is told, is passed over.
    """

    def __init__(
        self, *, reads: Iterable[str], strategy: str | None, now: int, max_bytes: int, future_tolerance_us: int
    ) -> None:
        self._reads = frozenset(reads)
        self._strategy = strategy
        self._now = now
        self._max_bytes = max_bytes
        self._future_tolerance_us = future_tolerance_us

    def of(self, records: Iterable[Record]) -> Iterator[Replayed]:
        """The event of each record, in their order."""
        before: tuple[str, str, str, int] | None = None
        repeats = 0
        for number, record in enumerate(records):
            if record.nameless:
                name = (record.type, record.source, record.id, file_and_line(record.place)[0])
                repeats = repeats + 1 if name == before else 0
                before = name
                yield self._event(number, _numbered(record, repeats) if repeats else record)
            else:
                yield self._event(number, record)

    def _event(self, number: int, record: Record) -> Replayed:
        try:
            if record.form == Form.REFUSED:
                refusal = msgspec.msgpack.decode(record.body, type=Refused)
                return Replayed(number, record.type, record.place, None, refusal)
            envelope = self._decoded(record)
        except BrokenEvent as error:
            return Replayed(number, record.type, record.place, None, Refused(error.reason, error.body, error.size))
        except NewerEvent as error:
            refusal = Refused(str(error), record.body[:KEPT_BYTES], len(record.body))
            return Replayed(number, record.type, record.place, None, refusal)
        wanted = record.type in self._reads and self._strategy in (None, envelope.data.strategy)
        return Replayed(number, record.type, record.place, envelope if wanted else None)

    def _decoded(self, record: Record) -> Envelope:
        flat = record.form == Form.FLAT
        envelope = decode(
            msgspec.msgpack.decode(record.body, type=dict[bytes, bytes]) if flat else {b"event": record.body},
            stream=record.type or ANY_TYPE,
            entry=record.id,
            now=self._now,
            max_bytes=self._max_bytes,
            future_tolerance_us=self._future_tolerance_us,
        )
        return msgspec.structs.replace(envelope, entry="")  # it has not travelled


def _numbered(record: Record, repeats: int) -> Record:
    """A repeat of the row before it, under a name of its own, wherever the name stands."""
    name = f"{record.id}-{repeats}"
    return record._replace(id=name, body=record.body.replace(record.id.encode(), name.encode()))
