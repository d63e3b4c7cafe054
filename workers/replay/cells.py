"""What the cells of a table mean: text in, the value of an event's field out."""

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import inspect

from events.flat import nested
from events.moments import moment_text
from events.shapes import sole
from schemas.calendar import Calendar
from workers.replay.column_map import Column, Target
from workers.replay.moments import moment_reader

Cell = Callable[[str], Any]
"""The value of a cell that is not empty; None where it means that there is none. Raises Unfit."""

DIGITS = {"percent": -2, "points": -2, "bps": -4}
TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def cell_reader(name: str, column: Column, target: Target, *, calendar: Calendar) -> Cell:
    """Reads the cells of ``column`` for the field ``name`` at ``target``.

    What cannot be read stays the text that it is: the decoder then refuses it, as it would on a stream, with what
    was expected.
    """
    steps = [*_meanings(column), _typed(name, column, target.node, calendar)]
    if len(steps) == 1:
        return steps[0]

    def read(text: str) -> Any:
        value: Any = text
        for step in steps:
            value = step(value)
            if value is None:
                return None
        return value

    return read


def _meanings(column: Column) -> list[Cell]:
    """From what stands there to the text that is meant."""
    steps: list[Cell] = []
    if column.words:
        steps.append(lambda text: column.words.get(text, text) or None)
    if column.positive is not None:
        steps.append(lambda text: _by_sign(text, column))
    if column.absolute:
        steps.append(lambda text: text.removeprefix("-"))
    if column.scale:
        digits = DIGITS[column.scale]
        steps.append(lambda text: _shifted(text, digits))
    return steps


def _by_sign(text: str, column: Column) -> str | None:
    number = _decimal(text)
    if number is None:
        return text
    return None if number == 0 else column.positive if number > 0 else column.negative


def _shifted(text: str, digits: int) -> str:
    """``text`` with its decimal point moved, exactly: 2.1 per cent is 0.021, as somebody would have written it."""
    number = _decimal(text)
    return text if number is None else str(number.scaleb(digits))


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and "_" not in text else None


def _typed(name: str, column: Column, node: inspect.Type, calendar: Calendar) -> Cell:
    only = sole(node)
    if isinstance(only, inspect.DateTimeType):
        moment = moment_reader(column, f"data.{name}", calendar=calendar)
        return lambda text: moment_text(moment(text))
    if isinstance(only, inspect.FloatType):
        return _number
    if isinstance(only, inspect.IntType):
        return _whole
    if isinstance(only, inspect.BoolType):
        return lambda text: TRUTHS.get(text.lower(), text)
    if isinstance(only, inspect.ListType | inspect.TupleType | inspect.DictType | inspect.StructType):
        return lambda text: _structure(text, only)
    return lambda text: text


def _structure(text: str, node: inspect.Type) -> Any:
    """A list, in JSON or with commas, or an object in JSON, as the flat form reads them."""
    whole = inspect.StructType(msgspec.Struct, (inspect.Field("it", "it", node),))
    return nested({"it": text}, whole)["it"]


def _number(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text


def _whole(text: str) -> int | str:
    number = _number(text)
    return text if isinstance(number, str) or not number.is_integer() else int(_decimal(text) or 0)
