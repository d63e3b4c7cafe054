"""Reading the entries of one stream."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from events.conversion import Reading
from events.errors import BrokenEvent, NewerEvent, Unfit
from events.flat import read_flat
from events.frame import Attributes
from events.moments import EARLIEST, EPOCH, MICROSECOND, RIGHT_TIME, microseconds, moment_text
from events.reasons import place_of_nul
from events.shapes import shape_of
from events.structured import read_structured
from events.upcasts import CATALOGUE, Catalogue
from schemas.errors import EngineError
from schemas.event import Envelope, Event

MAX_BYTES = 1 << 20
"""An entry with more bytes is refused before it is parsed."""

FUTURE_TOLERANCE_US = 300_000_000
"""So far ahead of ours may another clock be."""


class Reader:
    """Turns entries of ``stream`` into events that are right in every field, or says in one sentence what is not.

    Args:
        stream: its name without prefix; its events must be of this type.
        max_bytes: an entry with more is refused.
        future_tolerance_us: a time so many microseconds later than now is refused.
        catalogue: the types that can be read and how their old versions climb.
    """

    def __init__(
        self,
        stream: str,
        *,
        max_bytes: int = MAX_BYTES,
        future_tolerance_us: int = FUTURE_TOLERANCE_US,
        catalogue: Catalogue = CATALOGUE,
    ) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._tolerance = future_tolerance_us
        self._catalogue = catalogue
        kind = catalogue.events.get(stream)
        self._shape = shape_of(kind) if kind else None

    def read(self, fields: Mapping[bytes, bytes], entry: str, now: int, *, sample_unknown: bool = False) -> Envelope:
        """The event of the entry with this id, as the server gave it; ``now`` in microseconds since 1970.

        With ``sample_unknown`` the fields that nobody declared are named, which takes five times as long.

        Raises:
            BrokenEvent: with the reason and the first bytes; no retry will mend it.
            NewerEvent: of a schema version that this engine does not know yet.
        """
        if not sample_unknown and (event := self._at_once(fields, entry, now + self._tolerance)):
            return event
        try:
            reading, time = self._looked_through(fields, entry, now, sample_unknown=sample_unknown)
        except NewerEvent:
            raise
        except EngineError as error:
            raise BrokenEvent(str(error), body_of(fields)) from error
        except RecursionError as error:
            reason = "the event is nested too deeply, no event of ours needs ten levels"
            raise BrokenEvent(reason, body_of(fields)) from error
        said, place = reading.attributes, f"{self._stream}/{entry}"
        return Envelope(
            source=said.source, id=said.id or place, time=time, data=reading.data, entry=place, unknown=reading.unknown
        )

    def _at_once(self, fields: Mapping[bytes, bytes], entry: str, latest: int) -> Envelope | None:
        """The event, where it is as nearly all are: to find out what else it may be takes twice the time."""
        body, shape = fields.get(b"event"), self._shape
        if body is None or shape is None or len(fields) > 1 or len(body) > self._max_bytes:
            return None
        json = body.startswith(b"{")  # in which no U+0000 stands without a backslash
        try:
            whole = (shape.whole_json if json else shape.whole_msgpack).decode(body)
        except (EngineError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        data, time = whole.data, (whole.time - EPOCH) // MICROSECOND
        other = whole.type != self._stream or whole.schemaversion != shape.kind.schema_version
        if other or not EARLIEST <= time <= latest:
            return None
        for name in shape.moments:
            inner = getattr(data, name)
            if inner is not None and not EARLIEST <= microseconds(inner) <= latest:
                return None
        if (b"\\" in body or not json) and _may_hold_nul(body) and b"\\u0000" in _kept(whole, data):
            return None
        place = f"{self._stream}/{entry}"
        return Envelope(source=whole.source, id=whole.id or place, time=time, data=data, entry=place)

    def _looked_through(
        self, fields: Mapping[bytes, bytes], entry: str, now: int, *, sample_unknown: bool
    ) -> tuple[Reading, int]:
        """What the entry says, and its time; raises what is wrong with it."""
        _check_size(fields, self._max_bytes)
        if self._shape is None:
            known = ", ".join(sorted(self._catalogue.events))
            raise Unfit(f"no event type is named {self._stream}, expected one of {known}")
        body, shape, catalogue = fields.get(b"event"), self._shape, self._catalogue
        if body is None:
            reading = read_flat(fields, shape, entry=entry, catalogue=catalogue, sample_unknown=sample_unknown)
        else:
            reading = read_structured(body, shape, catalogue=catalogue, sample_unknown=sample_unknown)
        latest = now + self._tolerance
        time = _checked_time("time", reading.attributes.time, latest, now)
        for name in shape.moments:
            if (inner := getattr(reading.data, name)) is not None:
                _checked_time(f"data.{name}", inner, latest, now)
        _check_texts(fields, reading)
        return reading, time


def _check_size(fields: Mapping[bytes, bytes], max_bytes: int) -> None:
    body = fields.get(b"event")
    if body is not None and len(fields) == 1:
        size = len(body)
    else:
        size = sum(map(len, fields.values())) + (0 if body is not None else sum(map(len, fields)))
    if size > max_bytes:
        raise Unfit(f"the entry has {size} bytes, expected at most {max_bytes}")


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
    if not any(map(_may_hold_nul, fields.values())):
        return
    kept = _kept(reading.attributes, reading.data)
    if b"\\u0000" in kept and (place := place_of_nul(msgspec.json.decode(kept), "event")):
        raise Unfit(f"{place.removeprefix('event.')} holds the character U+0000, expected text without it")


def _may_hold_nul(body: bytes) -> bool:
    return b"\0" in body or (b"\\" in body and b"\\u0000" in body)


def _kept(attributes: Attributes, data: Event) -> bytes:
    """What is kept of an event, in JSON."""
    return msgspec.json.encode({"source": attributes.source, "id": attributes.id, "data": data})


def body_of(fields: Mapping[bytes, bytes]) -> bytes:
    """What is kept of a refused entry: its event, or its fields as JSON."""
    if b"event" in fields:
        return fields[b"event"]
    return msgspec.json.encode(
        {name.decode(errors="replace"): text.decode(errors="replace") for name, text in fields.items()}
    )
