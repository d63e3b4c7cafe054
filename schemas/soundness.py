"""Whether a registry contradicts itself: found at start, with the table and what to do about it."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from schemas.bounds import CLOSE
from schemas.learner_soundness import of_learners
from schemas.market_soundness import of_market
from schemas.parameters import (
    Parameter,
    ParameterType,
    PatternRules,
    Registry,
    Reward,
    RewardKind,
    Scale,
    whole_steps,
)
from schemas.quantities import wrong_name
from schemas.trial_soundness import of_trial, of_trials

DEFINING_NAMES = {"outcome", "reward", "regime"}
DEFINING = {"outcome_classification", "market_regime"}
"""What defines success is never learned, or the engine would learn to call everything one."""


def complaints(registry: Registry) -> list[str]:
    """Every contradiction, one line each, beginning with the table that it is in.

    Trials and learners are looked at when the parameters are sound, and parameters when the rules are.
    """
    return (
        list(_of_rules(registry)) or list(_of_parameters(registry)) or [*_of_trials(registry), *of_learners(registry)]
    )


def _of_rules(registry: Registry) -> Iterator[str]:
    yield from (f"[market]: {complaint}" for complaint in of_market(registry.market))
    yield from (f"[learning]: {complaint}" for complaint in _of_reward(registry.learning.reward, registry))
    yield from (f"[patterns]: {complaint}" for complaint in _of_edges(registry.patterns))


def _of_edges(rules: PatternRules) -> Iterator[str]:
    if (wrong := wrong_name(rules.edges)) is not None:
        yield f"edges: the name {wrong[:60]!r} of a feature may have letters, digits and _ . : -"
    for feature, edges in rules.edges.items():
        if any(one >= other for one, other in pairwise(edges)):
            yield f"edges of {feature!r} must rise, each above the one before: {edges}"


def _of_parameters(registry: Registry) -> Iterator[str]:
    for parameter in registry.parameters.values():
        yield from (
            f'[[parameter]] "{parameter.name}": {complaint}' for complaint in _of_parameter(parameter, registry)
        )
    for group, members in registry.groups.items():
        defaults = [registry.parameters[name].default for name in members]
        total = math.fsum(default for default in defaults if isinstance(default, int | float))
        if abs(total - 1.0) > CLOSE:
            yield (
                f'[[parameter]] group "{group}": the defaults of {", ".join(members)} sum to {total:.12g}; '
                "the members of a group must sum to 1"
            )


def _of_trials(registry: Registry) -> Iterator[str]:
    for trial in registry.trials:
        yield from (f'[[trial]] "{trial.id}": {complaint}' for complaint in of_trial(trial, registry))
    yield from of_trials(registry)


def _of_parameter(parameter: Parameter, registry: Registry) -> Iterator[str]:
    defining = {parameter.name.split(".")[0]} & DEFINING_NAMES or {parameter.affects, parameter.category} & DEFINING
    if parameter.learnable and defining:
        yield f"it defines the {min(defining)} and must never be learned; write learnable = false"
    if parameter.group is not None and parameter.type is not ParameterType.NUMBER:
        yield f"only numbers sum to 1: the type {parameter.type.value!r} cannot be in group {parameter.group!r}"
    yield from _OF_TYPE[parameter.type](parameter)
    if parameter.learnable:
        reward = parameter.reward or registry.learning.reward
        yield from _of_reward(reward, registry)
        if parameter.decides_trade and reward.startswith(RewardKind.ALERT_RETURN.value):
            yield (
                f"it decides whether something is traded, so {reward!r} may not judge it: by mean return the strictest "
                "value always wins; use 'unit_pnl:close', or write decides_trade = false if it does not"
            )


def _of_reward(text: str, registry: Registry) -> Iterator[str]:
    try:
        reward = Reward.parse(text)
    except ValueError as error:
        yield f"reward {error}"
        return
    if reward.horizon == "close" and reward.kind is RewardKind.ALERT_RETURN:
        yield f"reward {text!r}: an alert has no close; write 'alert_return:{registry.market.primary_horizon}'"
    if reward.horizon not in ("close", *registry.market.horizons):
        yield f"reward {text!r}: the horizon is not in [market] horizons {registry.market.horizons}; add it there"


def _of_number(parameter: Parameter) -> Iterator[str]:
    default, least, greatest = parameter.default, parameter.min, parameter.max
    if not isinstance(default, int | float):
        yield f"default {default!r} is not a number; write a number or give the parameter another type"
        return
    if parameter.choices:
        yield "a number has no choices; remove them or write type = 'choice'"
    if parameter.learnable and (least is None or greatest is None):
        yield "a learnable number needs min and max, between which the engine may move it"
    if least is not None and default < least:
        yield f"default {default:g} is below min {least:g}; raise default or lower min"
    if greatest is not None and default > greatest:
        yield f"default {default:g} is above max {greatest:g}; lower default or raise max"
    if parameter.scale is Scale.LOG and (least is None or least <= 0):
        yield "scale = 'log' needs a min above 0"
    yield from _of_grid(parameter, default)
    yield from _of_budget(parameter)


def _of_grid(parameter: Parameter, default: float) -> Iterator[str]:
    named = {"default": default, "min": parameter.min, "max": parameter.max, "step": parameter.step}
    if parameter.type is ParameterType.INTEGER:
        for name, number in named.items():
            if number is not None and not float(number).is_integer():
                yield f"{name} {number:g} of an integer must be a whole number"
    if parameter.step is None:
        return
    least = parameter.min or 0.0
    for name in ("default", "max"):
        number = named[name]
        if number is not None and not whole_steps(number - least, parameter.step):
            yield f"step {parameter.step:g} does not lead from {least:g} to {name} {number:g}; change step or {name}"


def _of_budget(parameter: Parameter) -> Iterator[str]:
    """Where it counts in fractions of the value, it is looked at where the value is largest."""
    whole = parameter.type is ParameterType.INTEGER and parameter.group is None
    step = parameter.step or (1.0 if whole else 0.0)
    furthest = max(abs(parameter.min or 0.0), abs(parameter.max or 0.0))
    largest = parameter.largest_change(furthest)
    if parameter.learnable and largest is not None and largest < step * (1 - CLOSE):
        yield (
            f"max_change {parameter.max_change:g} allows no whole step of {step:g} on any day, so it could never move; "
            "raise max_change or write a smaller step"
        )


def _of_choice(parameter: Parameter) -> Iterator[str]:
    if parameter.default not in parameter.choices:
        yield f"default {parameter.default!r} is not among choices {parameter.choices}; add it there"
    yield from _of_words(parameter.choices, "choices")
    yield from _unbounded(parameter)


def _of_set(parameter: Parameter) -> Iterator[str]:
    words = parameter.default
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        yield f"default {words!r} is not a list of words"
        return
    if parameter.choices and (strange := [word for word in words if word not in parameter.choices]):
        yield f"default {strange} is not among choices {parameter.choices}; add it there"
    yield from _of_words([str(word) for word in words], "default")
    yield from _of_words(parameter.choices, "choices")
    yield from _unbounded(parameter)


def _of_curve(parameter: Parameter) -> Iterator[str]:
    knots = parameter.default
    if not isinstance(knots, list) or len(knots) < 2:
        yield "default of a curve must be at least two knots, such as [[0.0, 0.0], [1.0, 1.0]]"
        return
    points = [knot for knot in knots if isinstance(knot, list) and len(knot) == 2]
    if len(points) != len(knots):
        yield "every knot of a curve must be two numbers, [x, y]"
        return
    if any(left[0] >= right[0] for left, right in pairwise(points)):
        yield "the x of a curve's knots must rise"
    least = -math.inf if parameter.min is None else parameter.min
    greatest = math.inf if parameter.max is None else parameter.max
    if any(not least <= y <= greatest for _, y in points):
        yield f"a knot's y lies outside of min {least:g} to max {greatest:g}"


def _of_words(words: list[str], name: str) -> Iterator[str]:
    if twice := [word for word, times in Counter(words).items() if times > 1]:
        yield f"{name} name {twice} twice; remove one"


def _unbounded(parameter: Parameter) -> Iterator[str]:
    if any(bound is not None for bound in (parameter.min, parameter.max, parameter.step, parameter.max_change)):
        yield f"a {parameter.type.value} has no min, max, step or max_change; remove them"


_OF_TYPE = {
    ParameterType.NUMBER: _of_number,
    ParameterType.INTEGER: _of_number,
    ParameterType.CHOICE: _of_choice,
    ParameterType.SET: _of_set,
    ParameterType.CURVE: _of_curve,
}
