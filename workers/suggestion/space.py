"""What a trial's parameters may become, as the optimiser takes it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from learning.domain import Domain, Group, Parameter
from schemas.allocation import Value
from schemas.parameters import Parameter as Definition
from schemas.parameters import ParameterType, Registry, Scale
from schemas.trials import number_of

DIGITS = 4
"""The weights of a group that name no step are proposed with so many digits, or with more where their sum has more."""


def domain_of(registry: Registry, names: Sequence[str], values: Mapping[str, Value]) -> Domain:
    """The domain of ``names`` around the ``values`` in force: bounds, steps, scales, sums and what a day may change.

    Members of a group that are not among ``names`` stay, so the others keep the sum that they have.

    Raises:
        LearningError: steps and bounds of a group cannot make its sum.
    """
    groups = {
        group: Group(tuple(sorted(moved)), total=_left(values, set(members) - moved))
        for group, members in registry.groups.items()
        if (moved := set(members) & set(names))
    }
    steps = {name: _step(registry, group) for group in groups.values() for name in group.names}
    parameters = [_parameter(registry.parameters[name], values[name], steps.get(name)) for name in names]
    return Domain(tuple(parameters), tuple(groups.values()))


def _parameter(definition: Definition, value: Value, step: float | None) -> Parameter:
    assert definition.min is not None and definition.max is not None  # the registry asks for them where one learns
    return Parameter(
        name=definition.name,
        low=definition.min,
        high=definition.max,
        step=step or definition.step,
        integer=definition.type is ParameterType.INTEGER,
        log=definition.scale is Scale.LOG,
        change=definition.largest_change(number_of(value)),
    )


def _left(values: Mapping[str, Value], others: set[str]) -> float:
    """What is left of 1 for the members that move, exact in the digits that the others have."""
    return float(1 - sum((_exact(number_of(values[name])) for name in sorted(others)), Decimal(0)))


def _step(registry: Registry, group: Group) -> float:
    """The step of a group's members; where they name none, one on which their bounds and their sum lie."""
    members = [registry.parameters[name] for name in group.names]
    if members[0].step is not None:
        return members[0].step
    lows = [member.min or 0.0 for member in members]
    return float(Decimal(1).scaleb(-max(DIGITS, *(_digits(number) for number in (group.total, *lows)))))


def _digits(number: float) -> int:
    """Behind the point."""
    exponent = _exact(number).as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _exact(number: float) -> Decimal:
    """The decimal that a float is written as."""
    return Decimal(repr(number))
