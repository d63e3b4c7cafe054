"""The CloudEvents object around an event, in its two encodings."""

from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Struct

from events.errors import Unfit
from schemas.event import Event
from schemas.quantities import Id, Time

Data = TypeVar("Data", bound=Event)

_JSON_BYTES = frozenset(b"{ \t\r\n")
_MAP_BYTES = frozenset([*range(0x80, 0x90), 0xDE, 0xDF])


class Attributes(Struct, frozen=True, kw_only=True):
    """The CloudEvents attributes that we read; others are allowed and not kept."""

    source: Id
    type: str
    time: Time
    id: Id | None = None
    schemaversion: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    specversion: Literal["1.0"] = "1.0"


class Frame(Attributes, frozen=True, kw_only=True):
    """A CloudEvents object whose data has not been looked at yet."""

    data: msgspec.Raw


class Whole(Attributes, Generic[Data], frozen=True, kw_only=True):
    """A CloudEvents object with its data, read at once: where all of it is as it should be."""

    data: Data


class Format(NamedTuple):
    """One of the two encodings: a decoder of the frame, and one of anything into plain values."""

    name: str
    frame: msgspec.json.Decoder[Frame] | msgspec.msgpack.Decoder[Frame]
    plain: msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any]


JSON = Format("JSON", msgspec.json.Decoder(Frame), msgspec.json.Decoder())
MESSAGEPACK = Format("MessagePack", msgspec.msgpack.Decoder(Frame), msgspec.msgpack.Decoder())


def format_of(body: bytes) -> Format:
    """The encoding of ``body``, told by its first byte.

    Raises:
        Unfit: it begins neither like a JSON object nor like a MessagePack map.
    """
    if not body:
        raise Unfit("event is empty, expected a CloudEvents object in JSON or MessagePack")
    if body[0] in _JSON_BYTES:
        return JSON
    if body[0] in _MAP_BYTES:
        return MESSAGEPACK
    raise Unfit(
        f"event begins with byte 0x{body[0]:02x} (byte 0), expected a JSON object, which begins with {{, "
        "or a MessagePack map, which begins with 0x80 to 0x8f, 0xde or 0xdf"
    )
