"""The flat form: an entry whose fields are the data themselves, as a person types them at a prompt."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import inspect

from events.conversion import Reading, converted
from events.errors import Unfit
from events.frame import Attributes
from events.moments import RIGHT_TIME, moment
from events.reasons import mismatch
from events.shapes import Shape, choices, members, nullable, sole
from events.unknown import unknown_names
from events.upcasts import Catalogue

ATTRIBUTES = ("id", "source", "type", "time", "schemaversion", "specversion")
"""Fields of a flat entry that belong to the envelope."""

UNKNOWN_SOURCE = "unknown"
"""The source of a flat entry that does not say who wrote it."""


def read_flat(
    fields: Mapping[bytes, bytes], shape: Shape, *, entry: str, catalogue: Catalogue, sample_unknown: bool
) -> Reading:
    """The attributes and the data of a flat entry. A missing time is that of the entry id.

    Raises:
        Unfit: it is empty, not UTF-8, or anything in it is not what it should be.
        NewerEvent: its schema version is newer than this engine.
        RecursionError: JSON in it is nested too deeply.
    """
    texts = _texts(fields)
    attributes = _attributes({name: texts.pop(name) for name in ATTRIBUTES if name in texts}, shape, entry)
    plain = nested(texts, shape.node)
    data = converted(plain, shape, version=attributes.schemaversion, catalogue=catalogue, strict=False)
    return Reading(attributes, data, unknown_names(plain, shape.node) if sample_unknown else ())


def _texts(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    if not fields:
        raise Unfit("the entry is empty, expected a field event with a CloudEvents object, or the data as fields")
    try:
        return {name.decode(): text.decode() for name, text in fields.items()}
    except UnicodeDecodeError as error:
        wrong = error.object[error.start]
        raise Unfit(f"the entry is not UTF-8: byte 0x{wrong:02x} in {error.object[:60]!r}") from error


def _attributes(given: Mapping[str, str], shape: Shape, entry: str) -> Attributes:
    kind = shape.kind.type
    if given.get("type", kind) != kind:
        raise Unfit(f'type is "{given["type"][:60]}", expected {kind}, the type that the stream is named for')
    time = rfc3339(given["time"], "time") if "time" in given else _time_of(entry)
    complete: dict[str, Any] = {"source": UNKNOWN_SOURCE, "type": kind, **given, "time": time}
    try:
        return msgspec.convert(complete, Attributes, strict=False)
    except msgspec.ValidationError as error:
        raise Unfit(mismatch(error, {**complete, **given}, Attributes, root="", strict=False)) from error


def _time_of(entry: str) -> datetime:
    try:
        return moment(int(entry.partition("-")[0]) * 1000)
    except OverflowError as error:
        raise Unfit(f"the entry id {entry} is no time, expected a field time, such as {RIGHT_TIME}") from error


def nested(texts: Mapping[str, str], node: inspect.Type) -> dict[str, Any]:
    """The data that flat ``texts`` say, with dots nested where ``node`` declares an object.

    ``features.rsi 61`` is ``{"features": {"rsi": "61"}}``; below a declared dictionary the rest of the key is one
    name, dots included. Lists are JSON or separated by commas; all else that is no plain text or number is JSON.
    Numbers and booleans stay text: the conversion to the event's type reads them. ``null`` is null where that is
    allowed.

    Raises:
        Unfit: a field is given twice, or a time is not RFC 3339.
    """
    data: dict[str, Any] = {}
    for key, text in texts.items():
        _merge(data, _placed(key, text, node, path=f"data.{key}"), where="data")
    return data


def rfc3339(text: str, path: str) -> datetime:
    """The moment that ``text`` says.

    Raises:
        Unfit: it is not RFC 3339. A number is refused: nobody could tell seconds from milliseconds.
    """
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise Unfit(f'{path} is "{text[:60]}", expected a time with its zone, such as {RIGHT_TIME}') from error


def _placed(key: str, text: str, node: inspect.Type, *, path: str) -> dict[str, Any]:
    declared = members(node)
    if key in declared:
        return {key: _read(text, declared[key], path)}
    head, _, rest = key.partition(".")
    below = sole(declared[head]) if rest and head in declared else None
    if isinstance(below, inspect.DictType):
        return {head: {rest: _read(text, below.value_type, path)}}
    if isinstance(below, inspect.StructType):
        return {head: _placed(rest, text, below, path=path)}
    return {key: text}


def _read(text: str, node: inspect.Type, path: str) -> Any:
    """``text`` as far as its type must be known to read it."""
    only = sole(node)
    if text == "null" and nullable(node):
        return None
    if isinstance(only, inspect.DateTimeType):
        return rfc3339(text, path)
    if isinstance(only, inspect.ListType | inspect.TupleType):
        return _list(text)
    if len(choices(node)) > 1 or isinstance(only, inspect.DictType | inspect.StructType):
        return _json(text)
    return text


def _list(text: str) -> Any:
    if text.lstrip()[:1] in ("[", "{"):
        return _json(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text


def _merge(into: dict[str, Any], more: dict[str, Any], *, where: str) -> None:
    for name, value in more.items():
        if name not in into:
            into[name] = value
        elif isinstance(into[name], dict) and isinstance(value, dict):
            _merge(into[name], value, where=f"{where}.{name}")
        else:
            raise Unfit(f"{where}.{name} is given twice")
