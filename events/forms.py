"""What a field should look like, in words, and what it holds, in short."""

import math
import reprlib
from functools import singledispatch
from typing import Any

import msgspec
from msgspec import inspect

from events.shapes import choices

SHORT = 60


def shown(value: Any) -> str:
    """``value`` as a reason shows it: never long, whatever came in."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= SHORT else f'"{value[:SHORT]}…" ({len(value)} characters)'
    if isinstance(value, dict):
        return f"an object with {len(value)} names"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)} entries"
    if value is None or isinstance(value, bool):
        return msgspec.json.encode(value).decode()
    return reprlib.repr(value)


@singledispatch
def right_form(_: inspect.Type | None) -> str:
    """What a value of this type looks like: ``a number from 0 to 1, such as 0.83``."""
    return "an object"


@right_form.register
def _noted(node: inspect.Metadata) -> str:
    extra = node.extra_json_schema or {}
    example = f", such as {extra['examples'][0]}" if extra.get("examples") else ""
    return right_form(node.type) + example + (f" ({extra['description']})" if "description" in extra else "")


@right_form.register
def _union(node: inspect.UnionType) -> str:
    return " or ".join(dict.fromkeys(right_form(part) for part in node.types if choices(part)))


@right_form.register
def _number(node: inspect.FloatType) -> str:
    return "a finite number" if not _bounds(node) else "a number" + _bounds(node)


@right_form.register
def _integer(node: inspect.IntType) -> str:
    return "a whole number" + _bounds(node)


@right_form.register
def _text(node: inspect.StrType) -> str:
    return "text" + _length(node, "characters")


@right_form.register
def _boolean(_: inspect.BoolType) -> str:
    return "true or false"


@right_form.register
def _time(_: inspect.DateTimeType) -> str:
    return "a time with its zone"


@right_form.register
def _enum(node: inspect.EnumType) -> str:
    return "one of " + ", ".join(str(word.value) for word in node.cls)


@right_form.register
def _literal(node: inspect.LiteralType) -> str:
    return " or ".join(map(str, node.values))


@right_form.register
def _dictionary(node: inspect.DictType) -> str:
    return f"an object{_length(node, 'names')}, each with {right_form(node.value_type)}"


@right_form.register
def _list(node: inspect.ListType) -> str:
    return f"a list{_length(node, 'entries')}, each {right_form(node.item_type)}"


@right_form.register
def _tuple(node: inspect.TupleType) -> str:
    return f"a list of {len(node.item_types)} entries"


def _bounds(node: inspect.FloatType | inspect.IntType) -> str:
    low, high = _bound(node.ge), _bound(node.le)
    if low and high:
        return f" from {low} to {high}"
    above = f" above {node.gt:g}" if node.gt is not None else ""
    return above + (f" of at least {low}" if low else "") + (f" of at most {high}" if high else "")


def beyond(value: Any, node: inspect.Type | None) -> str:
    """The bound that a finite number passes where the form does not say it, because hardly any number does."""
    only = choices(node)[0] if node and choices(node) else None
    if not isinstance(only, inspect.FloatType | inspect.IntType):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if only.le is not None and only.le < value < math.inf and not _bound(only.le):
        return f", at most {only.le:g}"
    if only.ge is not None and -math.inf < value < only.ge and not _bound(only.ge):
        return f", at least {only.ge:g}"
    return ""


def _bound(bound: float | None) -> str:
    """A bound that says something; those that only keep infinity out stay unsaid."""
    return "" if bound is None or abs(bound) >= 1e12 else f"{bound:,.10g}"


def _length(node: inspect.StrType | inspect.DictType | inspect.ListType, things: str) -> str:
    least, most = node.min_length or 0, node.max_length
    if most is None:
        return f" of at least {least} {things}" if least else ""
    return f" of {least} to {most} {things}" if least else f" of at most {most} {things}"
