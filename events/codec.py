"""Events to bytes and back: CloudEvents 1.0 in JSON or MessagePack, and the flat form for people.

``docs/contract/README.md`` shows all three. What comes out of ``decode`` is right in every field; what is not
right comes out as one sentence that a person can act upon.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import structs

from events.conversion import Reading
from events.errors import BrokenEvent, NewerEvent, Unfit
from events.flat import read_flat
from events.moments import EARLIEST, RIGHT_TIME, microseconds, moment, moment_text
from events.reasons import place_of_nul
from events.shapes import Shape, shape_of
from events.structured import read_structured
from events.upcasts import CATALOGUE, Catalogue
from schemas.errors import EngineError
from schemas.event import Envelope, Event

MAX_BYTES = 1 << 20
"""An entry with more bytes is refused before it is parsed."""

FUTURE_TOLERANCE_US = 300_000_000
"""So far ahead of ours may another clock be."""


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
    try:
        _check_size(fields, max_bytes)
        shape = _shape(stream, catalogue)
        reading = _read(fields, shape, entry, catalogue=catalogue, sample_unknown=sample_unknown)
        time = _checked_times(reading, shape, now + future_tolerance_us, now)
        _check_texts(fields, reading)
    except NewerEvent:
        raise
    except EngineError as error:
        raise BrokenEvent(str(error), body_of(fields)) from error
    except RecursionError as error:
        raise BrokenEvent(
            "the event is nested too deeply, no event of ours needs ten levels", body_of(fields)
        ) from error
    said = reading.attributes
    place = f"{stream}/{entry}"
    return Envelope(
        source=said.source, id=said.id or place, time=time, data=reading.data, entry=place, unknown=reading.unknown
    )


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


def _read(
    fields: Mapping[bytes, bytes], shape: Shape, entry: str, *, catalogue: Catalogue, sample_unknown: bool
) -> Reading:
    body = fields.get(b"event")
    if body is None:
        return read_flat(fields, shape, entry=entry, catalogue=catalogue, sample_unknown=sample_unknown)
    return read_structured(body, shape, catalogue=catalogue, sample_unknown=sample_unknown)


def _shape(stream: str, catalogue: Catalogue) -> Shape:
    if stream not in catalogue.events:
        raise Unfit(f"no event type is named {stream}, expected one of {', '.join(sorted(catalogue.events))}")
    return shape_of(catalogue.events[stream])


def _check_size(fields: Mapping[bytes, bytes], max_bytes: int) -> None:
    body = fields.get(b"event")
    if body is not None and len(fields) == 1:
        size = len(body)
    else:
        size = sum(map(len, fields.values())) + (0 if body is not None else sum(map(len, fields)))
    if size > max_bytes:
        raise Unfit(f"the entry has {size} bytes, expected at most {max_bytes}")


def _checked_times(reading: Reading, shape: Shape, latest: int, now: int) -> int:
    """The envelope's time, when it and every time in the data lie in the past."""
    time = _checked_time("time", reading.attributes.time, latest, now)
    for name in shape.moments:
        if (inner := getattr(reading.data, name)) is not None:
            _checked_time(f"data.{name}", inner, latest, now)
    return time


def _checked_time(path: str, said: datetime, latest: int, now: int) -> int:
    time = microseconds(said)
    if time > latest:
        raise Unfit(
            f"{path} is {said.isoformat()}, in the future: it is {moment_text(now)} now; "
            f"expected a time that has passed, such as {RIGHT_TIME}"
        )
    if time < EARLIEST:
        raise Unfit(f"{path} is {said.isoformat()}, before 1900; expected a time such as {RIGHT_TIME}")
    return time


def _check_texts(fields: Mapping[bytes, bytes], reading: Reading) -> None:
    """Refuse U+0000, which PostgreSQL cannot keep in a text."""
    for body in fields.values():
        if b"\0" in body or (b"\\" in body and b"\\u0000" in body):
            _check_kept_texts(reading)


def _check_kept_texts(reading: Reading) -> None:
    kept = {"source": reading.attributes.source, "id": reading.attributes.id, "data": reading.data}
    if b"\\u0000" in msgspec.json.encode(kept) and (place := place_of_nul(msgspec.to_builtins(kept), "event")):
        raise Unfit(f"{place.removeprefix('event.')} holds the character U+0000, expected text without it")


def body_of(fields: Mapping[bytes, bytes]) -> bytes:
    """What is kept of a refused entry: its event, or its fields as JSON."""
    if b"event" in fields:
        return fields[b"event"]
    return msgspec.json.encode(
        {name.decode(errors="replace"): text.decode(errors="replace") for name, text in fields.items()}
    )
