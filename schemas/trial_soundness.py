"""Whether a registry's trials can be run as they are written."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from schemas.allocation import WHOLE, Purpose
from schemas.bounds import CLOSE
from schemas.parameters import Parameter, ParameterType, Registry, Trial, whole_steps
from schemas.spelling import did_you_mean
from schemas.trials import allocation_for, number_of


def of_trial(trial: Trial, registry: Registry) -> Iterator[str]:
    """What contradicts itself in one trial of a registry whose parameters are sound."""
    unfit = list(_of_names(trial, registry))
    yield from unfit
    if unfit:
        return
    rewards = {str(registry.reward_of(name)) for name in _names(trial)}
    if len(rewards) > 1:
        yield f"its parameters are judged by {sorted(rewards)}; one trial has one reward"
    yield from _of_shares(trial, registry)
    awry = [line for offsets in trial.offsets for line in _of_offsets(offsets, registry)]
    yield from awry
    if not awry:
        yield from _of_arms(trial, registry)


def of_trials(registry: Registry) -> Iterator[str]:
    """What contradicts between the trials of a registry, beginning with the table."""
    for id_, times in Counter(trial.id for trial in registry.trials).items():
        if times > 1:
            yield f'[[trial]] "{id_}": the id is used twice; rename or remove one'
    owners: dict[str, str] = {}
    for trial in registry.trials:
        for name in _names(trial):
            if owners.setdefault(name, trial.id) != trial.id:
                yield f'[[trial]] "{trial.id}": {name!r} is in trial {owners[name]!r} too; no parameter may be in two'
    explored = math.fsum(trial.share for trial in registry.trials if trial.purpose is Purpose.EXPLORE)
    if explored > registry.learning.budget + CLOSE:
        yield (
            f"[[trial]]: the explorations share {explored:.2%} of the units, [learning] budget is "
            f"{registry.learning.budget:.2%}; lower their shares or raise budget (at most 20%)"
        )


def _names(trial: Trial) -> list[str]:
    return sorted({name for offsets in trial.offsets for name in offsets})


def _of_names(trial: Trial, registry: Registry) -> Iterator[str]:
    for name in _names(trial):
        parameter = registry.parameters.get(name)
        if parameter is None:
            yield f"there is no parameter {name!r}; {did_you_mean(name, registry.parameters)}"
        elif not parameter.learnable:
            yield f"{name!r} is not learnable; remove it from the trial"
        elif not parameter.numeric:
            yield f"{name!r} is a {parameter.type.value}; only numbers and integers have offsets"


def _of_shares(trial: Trial, registry: Registry) -> Iterator[str]:
    if trial.purpose is Purpose.ROLLOUT:
        yield "a rollout is begun by the gate; write purpose = 'explore' or 'experiment'"
    if not whole_steps(trial.share, 1 / WHOLE):
        yield f"share {trial.share:g} is no whole number of 1/{WHOLE}; round it"
    floors = registry.learning.floor * len(trial.offsets)
    if trial.purpose is Purpose.EXPLORE and trial.share < floors - CLOSE:
        yield (
            f"share {trial.share:g} is less than {len(trial.offsets)} arms need, which keep [learning] floor "
            f"{registry.learning.floor:g} each; raise share, lower floor or try fewer arms"
        )


def _of_offsets(offsets: Mapping[str, float], registry: Registry) -> Iterator[str]:
    for name, offset in offsets.items():
        yield from (f"the offset {offset:g} of {name!r} {why}" for why in _of_offset(offset, registry.parameters[name]))
    for group, members in registry.groups.items():
        total = math.fsum(offsets.get(name, 0.0) for name in members)
        if abs(total) > CLOSE:
            yield (
                f"the offsets {dict(offsets)} sum to {total:g} in group {group!r}; "
                "they must sum to 0, or its members no longer sum to 1"
            )


def _of_offset(offset: float, parameter: Parameter) -> Iterator[str]:
    largest = parameter.largest_change(number_of(parameter.default))
    if largest is not None and abs(offset) > largest + CLOSE:
        yield f"is more than its max_change of {largest:g} a day; no gate would let the arm in"
    step = 1.0 if parameter.type is ParameterType.INTEGER and parameter.step is None else parameter.step
    if step is not None and not whole_steps(offset, step):
        yield f"is no whole number of steps of {step:g}"


def _of_arms(trial: Trial, registry: Registry) -> Iterator[str]:
    allocation = allocation_for(trial, registry, registry.defaults, generation="0-0")
    arms = 0 if allocation is None else len(allocation.arms) - 1
    if arms < len(trial.offsets):
        yield (
            f"only {arms} of {len(trial.offsets)} arms differ from the defaults and from each other; "
            "bounds or steps stand in the way, or an arm is written twice"
        )
