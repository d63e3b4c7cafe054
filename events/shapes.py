"""What the codec knows about each event type, found by inspecting its Struct once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from events.frame import Whole
from schemas.event import Event

_NEVER = object()
"""A default that no field ever holds."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One event type: its decoders and its fields.

    Attributes:
        kind: the Struct.
        json, msgpack: strict decoders of ``data``; ``whole_json``, ``whole_msgpack``: of the object around it too.
        node: the tree of types that the Struct is made of.
        written: the same Struct for writing, filled by place: None is left out where it is the default.
        moments: attributes that hold a time.
    """

    kind: type[Event]
    json: msgspec.json.Decoder[Any]
    msgpack: msgspec.msgpack.Decoder[Any]
    whole_json: msgspec.json.Decoder[Whole[Any]]
    whole_msgpack: msgspec.msgpack.Decoder[Whole[Any]]
    node: inspect.StructType
    written: type[msgspec.Struct]
    moments: tuple[str, ...]


@cache
def shape_of(kind: type[Event]) -> Shape:
    """The shape of an event type, worked out at the first call."""
    node = inspected(kind)
    return Shape(
        kind=kind,
        json=msgspec.json.Decoder(kind),
        msgpack=msgspec.msgpack.Decoder(kind),
        whole_json=msgspec.json.Decoder(Whole[kind]),  # type: ignore[valid-type]
        whole_msgpack=msgspec.msgpack.Decoder(Whole[kind]),  # type: ignore[valid-type]
        node=node,
        written=_written(node),
        moments=tuple(field.name for field in node.fields if isinstance(sole(field.type), inspect.DateTimeType)),
    )


@cache
def inspected(kind: type[msgspec.Struct]) -> inspect.StructType:
    """The tree of types that a Struct is made of."""
    node = inspect.type_info(kind)
    assert isinstance(node, inspect.StructType)
    return node


def _written(node: inspect.StructType) -> type[msgspec.Struct]:
    """Leaves out what is the very default: None where that is it, and nothing anywhere else."""
    return msgspec.defstruct(
        f"Written{node.cls.__name__}",
        [(field.name, Any, None if field.default is None else _NEVER) for field in node.fields],
        rename={field.name: field.encode_name for field in node.fields},
        omit_defaults=True,
    )


def choices(node: inspect.Type) -> tuple[inspect.Type, ...]:
    """What a value of this type can be, None aside."""
    if isinstance(node, inspect.Metadata):
        return choices(node.type)
    if isinstance(node, inspect.UnionType):
        return tuple(choice for part in node.types for choice in choices(part))
    return () if isinstance(node, inspect.NoneType) else (node,)


def nullable(node: inspect.Type) -> bool:
    """Whether a value of this type may be None."""
    return isinstance(node, inspect.UnionType) and node.includes_none


def sole(node: inspect.Type | None) -> inspect.Type | None:
    """The one thing that a value of this type can be, None aside; or None where there are several."""
    found = choices(node) if node else ()
    return found[0] if len(found) == 1 else None


def members(node: inspect.Type | None) -> Mapping[str, inspect.Type]:
    """The declared fields of a Struct type, by name on the wire; none for any other type."""
    only = sole(node)
    return {field.encode_name: field.type for field in only.fields} if isinstance(only, inspect.StructType) else {}
