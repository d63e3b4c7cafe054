"""Events to bytes and back: CloudEvents 1.0 in JSON or MessagePack, and the flat form for people.

``docs/contract/README.md`` shows all three. What comes out of ``decode`` is right in every field; what is not
right comes out as one sentence that a person can act upon.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import structs

from events.moments import moment
from events.reader import FUTURE_TOLERANCE_US, MAX_BYTES, Reader
from events.shapes import shape_of
from events.upcasts import CATALOGUE, Catalogue
from schemas.event import Envelope, Event


def encode(envelope: Envelope) -> bytes:
    """The event as a CloudEvents 1.0 object in JSON. The same envelope gives the same bytes; None is left out.

    Raises:
        OverflowError: the time lies outside of the years 1 to 9999.
    """
    return msgspec.json.encode(_framed(envelope))


def encode_msgpack(envelope: Envelope) -> bytes:
    """The same object in MessagePack, times as text."""
    return msgspec.msgpack.encode(msgspec.to_builtins(_framed(envelope)))


def decode(
    fields: Mapping[bytes, bytes],
    *,
    stream: str,
    entry: str,
    now: int,
    max_bytes: int = MAX_BYTES,
    future_tolerance_us: int = FUTURE_TOLERANCE_US,
    sample_unknown: bool = False,
    catalogue: Catalogue = CATALOGUE,
) -> Envelope:
    """The event of one stream entry, checked.

    Args:
        fields: the entry as the server gave it.
        stream: the stream's name without prefix; the event must be of this type.
        entry: the entry's id; names an event that brought no id of its own.
        now: microseconds since 1970; a time more than ``future_tolerance_us`` later is refused.
        sample_unknown: name the fields that nobody declared in ``Envelope.unknown``, at the cost of a second decoding.
        catalogue: the types that can be read and how their old versions climb.

    Raises:
        BrokenEvent: with the reason and the first bytes; no retry will mend it.
        NewerEvent: of a schema version that this engine does not know yet.
    """
    reader = Reader(stream, max_bytes=max_bytes, future_tolerance_us=future_tolerance_us, catalogue=catalogue)
    return reader.read(fields, entry, now, sample_unknown=sample_unknown)


class _Frame(msgspec.Struct):
    """The attributes of CloudEvents, in the order in which they are written."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    schemaversion: int
    data: msgspec.Struct


def _framed(envelope: Envelope) -> _Frame:
    data: Event = envelope.data
    written = shape_of(type(data)).written(*structs.astuple(data))
    return _Frame("1.0", envelope.id, envelope.source, data.type, moment(envelope.time), data.schema_version, written)
