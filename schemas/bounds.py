"""Whether a value is one that a parameter may have."""

import math
from collections.abc import Callable, Iterable, Mapping

from schemas.allocation import Value
from schemas.errors import Refused
from schemas.parameters import Parameter, ParameterType, Registry

CLOSE = 1e-9
"""How far the members of a group may sum from 1, and a change may pass its budget, for rounding's sake."""


def check_values(registry: Registry, values: Mapping[str, Value]) -> None:
    """That every value fits its parameter and every touched group still sums to 1.

    ``values`` are all values of the strategy as they would be.

    Raises:
        Refused: with the parameter, the value and the bound.
    """
    for name, value in values.items():
        check_value(_known(registry, name), value)
    for group in {parameter.group for parameter in registry.parameters.values() if parameter.group}:
        members = [name for name, parameter in registry.parameters.items() if parameter.group == group]
        total = sum(_number(values[name]) for name in members)
        if abs(total - 1.0) > CLOSE:
            raise Refused(f"group {group!r} would sum to {total:.6f}; its {len(members)} members must sum to 1")


def check_value(parameter: Parameter, value: Value) -> None:
    """That ``value`` is of the parameter's type and within its bounds.

    Raises:
        Refused: with the value and the bound.
    """
    if parameter.type in (ParameterType.NUMBER, ParameterType.INTEGER):
        _check_number(parameter, value)
    elif parameter.type is ParameterType.CHOICE and value not in parameter.choices:
        raise Refused(f"{parameter.name} = {value!r} is not one of {parameter.choices}")


def check_change(
    registry: Registry, old: Callable[[], Mapping[str, Value]], new: Mapping[str, Value], *, names: Iterable[str]
) -> None:
    """That no value of ``names`` moves further from ``old()`` than its largest change a day.

    Raises:
        Refused: with the parameter, the change and the largest one allowed.
    """
    for name in names:
        parameter = _known(registry, name)
        if parameter.max_change is None or parameter.type not in (ParameterType.NUMBER, ParameterType.INTEGER):
            continue
        before, after = _number(old()[name]), _number(new[name])
        largest = parameter.max_change * (abs(before) if parameter.relative else 1.0)
        if abs(after - before) > largest + CLOSE:
            raise Refused(
                f"{name} would move from {before:g} to {after:g} within a day; its largest change a day is {largest:g}"
            )


def _known(registry: Registry, name: str) -> Parameter:
    if name not in registry.parameters:
        raise Refused(f"strategy {registry.strategy!r} has no parameter {name!r}")
    return registry.parameters[name]


def _check_number(parameter: Parameter, value: Value) -> None:
    number = _number(value)
    if parameter.type is ParameterType.INTEGER and not number.is_integer():
        raise Refused(f"{parameter.name} = {value!r} must be a whole number")
    if parameter.min is not None and number < parameter.min - CLOSE:
        raise Refused(f"{parameter.name} = {number:g} is below its least value {parameter.min:g}")
    if parameter.max is not None and number > parameter.max + CLOSE:
        raise Refused(f"{parameter.name} = {number:g} is above its greatest value {parameter.max:g}")


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{value!r} is not a finite number")
    return float(value)
