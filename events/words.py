"""Other systems' words, put right wherever a closed set of words is expected."""

from collections.abc import Callable
from enum import Enum
from functools import cache, partial
from typing import Any

from msgspec import inspect

from events.shapes import members, shape_of, sole
from schemas.event import Event
from schemas.vocabulary import canonical_word

Mend = Callable[[Any], Any]


def mend_words(data: Any, kind: type[Event]) -> Any:
    """``data`` with every known alias replaced by the word of its set; a word nobody knows stays."""
    mend = _mender(kind)
    return mend(data) if mend else data


@cache
def _mender(kind: type[Event]) -> Mend | None:
    return _mend_of(shape_of(kind).node)


def _mend_of(node: inspect.Type) -> Mend | None:
    """What puts the words below ``node`` right, or None where there are none."""
    only = sole(node)
    if isinstance(only, inspect.EnumType):
        return partial(_word, only.cls)
    if isinstance(only, inspect.ListType):
        inner = _mend_of(only.item_type)
        return partial(_each, inner) if inner else None
    if isinstance(only, inspect.StructType):
        inners = {name: mend for name, member in members(only).items() if (mend := _mend_of(member))}
        return partial(_fields, inners) if inners else None
    return None


def _word(vocabulary: type[Enum], value: Any) -> Any:
    return canonical_word(vocabulary, value) if isinstance(value, str) else value


def _each(mend: Mend, value: Any) -> Any:
    return [mend(entry) for entry in value] if isinstance(value, list) else value


def _fields(mends: dict[str, Mend], value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return value | {name: mend(value[name]) for name, mend in mends.items() if name in value}
