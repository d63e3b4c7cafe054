"""What every event has in common, and the frame that it travels in."""

from typing import Any, ClassVar

from msgspec import Struct

from schemas.quantities import Name


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened, as one side tells the other.

    ``type`` is the name on the wire and of the stream; the class may be renamed, this may not.
    ``schema_version`` is the version of the schema that this class describes; older ones climb to it.
    """

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1

    strategy: Name = "main"


class Envelope(Struct, frozen=True, kw_only=True):
    """One event with its CloudEvents attributes, decoded and checked.

    Attributes:
        source, id: together name the event for ever.
        time: when it happened, int64 microseconds since 1970 in UTC.
        data: the event itself.
        entry: ``stream/entry-id`` where it was read, or empty when it has not travelled.
        unknown: names of fields that nobody declared; they are not kept.
    """

    source: str
    id: str
    time: int
    data: Any
    entry: str = ""
    unknown: tuple[str, ...] = ()
