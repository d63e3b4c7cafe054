"""Reasons of refusals, for people: which field or byte, what it holds, what it should look like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct, ValidationError, inspect

from events.forms import beyond, right_form, shown
from events.shapes import inspected, members, sole

NOTHING = object()
"""Stands for a value that could not be read."""

_MESSAGE = re.compile(r"(?s)(?P<what>.*) - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_OF_MSGSPEC = ("Expected", "Invalid", "Number out of range", "Integer value out of range")
_MISSING = "Object missing required field"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a message: how to get there, what is there, and what should be."""

    steps: tuple[str | int, ...]
    value: Any
    node: inspect.Type | None

    def below(self, step: str | int) -> "Place":
        only = sole(self.node)
        node = members(only).get(str(step))
        if isinstance(only, inspect.DictType):
            node = only.value_type
        if isinstance(only, inspect.ListType):
            node = only.item_type
        if isinstance(only, inspect.TupleType) and isinstance(step, int):
            node = only.item_types[step]
        return Place((*self.steps, step), _inside(self.value, step), node)

    def named(self, root: str) -> str:
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)
        return (root + path).lstrip(".") or "event"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A conversion that failed: of what, to what, and where msgspec says that it failed."""

    value: Any
    kind: type[Struct]
    strict: bool
    path: str

    def culprit(self, place: Place) -> str:
        """The entry of the dictionary at ``place`` that does not convert, found by halving."""
        names = list(place.value) if isinstance(place.value, dict) else ["..."]
        while len(names) > 1:
            half = names[: len(names) // 2]
            trial = _replaced(self.value, place.steps, {name: place.value[name] for name in half})
            names = half if self._fails(trial) else names[len(half) :]
        return str(names[0])

    def _fails(self, trial: Any) -> bool:
        try:
            msgspec.convert(trial, self.kind, strict=self.strict)
        except ValidationError as error:
            found = _MESSAGE.fullmatch(str(error))
            return found is not None and found["path"] == self.path
        return False


def mismatch(error: ValidationError, value: Any, kind: type[Struct], *, root: str, strict: bool = True) -> str:
    """Why ``value``, in plain values, is no ``kind``; ``root`` is its name in paths, such as ``data``."""
    found = _MESSAGE.fullmatch(str(error))
    what = found["what"] if found else str(error)
    attempt = Attempt(value, kind, strict, found["path"] if found else "")
    place = Place((), value, inspected(kind))
    for step in _STEP.finditer(attempt.path):
        place = place.below(_step(step, place, attempt))
    if what.startswith(_MISSING):
        return _missing(place, root)
    if found and found["key"]:
        return _wrong_key(attempt.culprit(place), place, root)
    if not what.startswith(_OF_MSGSPEC):
        return f"{place.named(root)}: {what}"
    held = "out of range" if place.value is NOTHING else shown(place.value)
    return f"{place.named(root)} is {held}, expected {right_form(place.node)}{beyond(place.value, place.node)}"


def malformed(error: Exception, body: bytes, *, start: int = 0) -> str:
    """Where ``body`` stops being JSON, MessagePack or UTF-8; ``start`` is where the decoder began."""
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(error, body)
    what = re.sub(r"\(byte (\d+)\)", lambda found: f"(byte {int(found[1]) + start})", str(error))
    if "truncated" in what:
        what = f"it ends in the middle (byte {len(body)})"
    return f"event cannot be read: {what}; expected one CloudEvents object and nothing after it"


def place_of_nul(value: Any, root: str) -> str | None:
    """The first place below ``value`` where a text holds the character U+0000."""
    return next(_with_nul(value, root), None)


def _with_nul(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield path
    if isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _with_nul(entry, f"{path}[{place}]")
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from (f"a name in {path}",) if "\0" in name else _with_nul(entry, f"{path}.{name}")


def _not_utf8(error: UnicodeDecodeError, body: bytes) -> str:
    wrong = f"0x{error.object[error.start]:02x}"
    try:
        body.decode()
    except UnicodeDecodeError as whole:
        if body[:1] < b"\x80":
            return f"event is not UTF-8: byte {wrong} (byte {whole.start}); expected text in UTF-8"
    return f"event holds a text that is not UTF-8: byte {wrong}; expected text in UTF-8"


def _step(step: re.Match[str], place: Place, attempt: Attempt) -> str | int:
    if step["name"]:
        return step["name"]
    return int(step["index"]) if step["index"].isdigit() else attempt.culprit(place)


def _missing(place: Place, root: str) -> str:
    only = sole(place.node)
    fields = only.fields if isinstance(only, inspect.StructType) else ()
    held = place.value if isinstance(place.value, dict) else {}
    absent = [field for field in fields if field.required and field.encode_name not in held]
    names = ", ".join(place.below(field.encode_name).named(root) for field in absent)
    if len(absent) == 1:
        return f"{names} is missing, expected {right_form(absent[0].type)}"
    return f"{names} are missing"


def _wrong_key(name: str, place: Place, root: str) -> str:
    only = sole(place.node)
    node = only.key_type if isinstance(only, inspect.DictType) else inspect.StrType()
    return f"a name in {place.named(root)} is {shown(name)}, expected {right_form(node)}"


def _replaced(value: Any, steps: tuple[str | int, ...], new: Any) -> Any:
    if not steps:
        return new
    inner = _replaced(value[steps[0]], steps[1:], new)
    if isinstance(value, list):
        return [inner if place == steps[0] else entry for place, entry in enumerate(value)]
    return {**value, steps[0]: inner}


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step, NOTHING)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return NOTHING
