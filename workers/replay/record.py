"""One row of a file on its way into the order of events."""

import hashlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from schemas.alert import AlertRaised
from schemas.calendar import Calendar
from schemas.decision import DecisionMade
from schemas.discovery import DiscoveryCompleted
from schemas.event import Event
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.symbol import SymbolChanged
from schemas.thesis import ThesisFormed

UNDATED = -(1 << 63)
"""Stands for the time of a row that has none that can be read: it comes first, and is refused there."""

ORDER: tuple[type[Event], ...] = (
    SymbolChanged,
    DiscoveryCompleted,
    AlertRaised,
    ThesisFormed,
    DecisionMade,
    FillReported,
    OutcomeObserved,
    PriceObserved,
)
OTHERS = len(ORDER)
LAST = OTHERS + 1
RANKS: Mapping[str, int] = {
    **{shape.type: rank for rank, shape in enumerate(ORDER)},
    SessionClosed.type: LAST,
}
"""How events of one moment stand: what is referred to before what refers to it, and the end of a session last."""

FILE_SHIFT = 44
"""A place is the number of the file in the bits above these, and the line in these."""

KEPT_BYTES = 65_536
"""So much of a row that is no event is kept."""


class Form(IntEnum):
    """What ``body`` is: a CloudEvents object, the fields of a flat entry, or a row with the reason against it."""

    EVENT = 0
    FLAT = 1
    REFUSED = 2


class Record(NamedTuple):
    """A row, in the order in which events are sorted: what comes first in it decides first.

    ``time`` is microseconds, of a ``session.closed`` not before the close of its session. ``id`` is the event's
    own, or made from its content; then ``nameless`` is its ``place``, else 0, so that wholly equal rows of a file
    stand beside each other in their order. Of two events with one name the content decides and not the place, so
    that shuffled lines are sorted alike. JSON of the rest is in ``body``.
    """

    time: int
    rank: int
    type: str
    source: str
    id: str
    nameless: int
    body: bytes
    form: int
    place: int


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """The ``body`` of a row that cannot be an event: why, its first bytes, and how many there were."""

    reason: str
    body: bytes
    size: int


def refused(kind: str, place: int, *, reason: str, body: bytes, size: int | None = None) -> Record:
    """The record of a row of the type ``kind`` (or unknown) that can be no event."""
    packed = msgspec.msgpack.encode(Refused(reason, body[:KEPT_BYTES], len(body) if size is None else size))
    return Record(UNDATED, 0, kind, "", "", 0, packed, Form.REFUSED, place)


def place_of(file: int, line: int) -> int:
    """The number of a file, from 0, and of a line or row in it, from 1, in one number that sorts by both."""
    return file << FILE_SHIFT | line


def file_and_line(place: int) -> tuple[int, int]:
    """The reverse of ``place_of``."""
    return place >> FILE_SHIFT, place & (1 << FILE_SHIFT) - 1


def sorted_time(time: int, data: Mapping[str, Any], calendars: Mapping[str, Calendar]) -> int:
    """The time at which a ``session.closed`` with this data stands: not before the close of its session."""
    calendar = calendars.get(str(data.get("strategy", "main")))
    session = str(data.get("session"))
    if calendar is None or not calendar.is_session(session):
        return time
    return max(time, calendar.close_of(session))


def made_id(time: int, *content: Any) -> str:
    """A name made of what it names: 128 bits of SHA-256 behind the time, so that names sort as their events do."""
    canonical = msgspec.json.encode(content, order="sorted")
    return f"{time & (1 << 64) - 1:016x}-{hashlib.sha256(canonical).hexdigest()[:32]}"
