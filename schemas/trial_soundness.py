"""Whether a registry's trials can be run as they are written."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from schemas.allocation import WHOLE, Purpose
from schemas.bounds import CLOSE
from schemas.parameters import Parameter, ParameterType, Registry, Scale, Trial, whole_steps
from schemas.spelling import did_you_mean
from schemas.trials import allocation_for, number_of


def of_trial(trial: Trial, registry: Registry) -> Iterator[str]:
    """What contradicts itself in one trial of a registry whose parameters are sound."""
    unfit = [*_of_proposer(trial), *_of_names(trial, registry)]
    yield from unfit
    if unfit:
        return
    rewards = {str(registry.reward_of(name)) for name in trial.names}
    if len(rewards) > 1:
        yield f"its parameters are judged by {sorted(rewards)}; one trial has one reward"
    yield from _of_shares(trial, registry)
    if trial.proposes is not None:
        yield from _of_groups(trial, registry)
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
        for name in trial.names:
            if owners.setdefault(name, trial.id) != trial.id:
                yield f'[[trial]] "{trial.id}": {name!r} is in trial {owners[name]!r} too; no parameter may be in two'
    explored = math.fsum(trial.share for trial in registry.trials if trial.purpose is Purpose.EXPLORE)
    if explored > registry.learning.budget + CLOSE:
        yield (
            f"[[trial]]: the explorations share {explored:.2%} of the units, [learning] budget is "
            f"{registry.learning.budget:.2%}; lower their shares or raise budget (at most 20%)"
        )


def _of_proposer(trial: Trial) -> Iterator[str]:
    if trial.proposes is None:
        if not trial.offsets:
            yield "it has no offsets, so there is nothing to try; write some, or proposes = 'bayesian'"
        if trial.parameters:
            yield "parameters are for a learner that proposes arms; remove them, or write proposes = 'bayesian'"
        return
    if trial.purpose is not Purpose.EXPLORE:
        yield f"a learner may not change the arms of an {trial.purpose.value}; write purpose = 'explore'"
    if not trial.names:
        yield f"there is nothing that {trial.proposes.value} may move; write parameters = ['NAME']"
    if len(trial.offsets) > trial.arms:
        yield f"there are {len(trial.offsets)} offsets, and arms = {trial.arms} at most; raise arms or remove some"


def _of_names(trial: Trial, registry: Registry) -> Iterator[str]:
    for name in trial.names:
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
    most = len(trial.offsets) if trial.proposes is None else trial.arms
    floors = registry.learning.floor * most
    if trial.purpose is Purpose.EXPLORE and trial.share < floors - CLOSE:
        yield (
            f"share {trial.share:g} is less than {most} arms need, which keep [learning] floor "
            f"{registry.learning.floor:g} each; raise share, lower floor or try fewer arms"
        )


def _of_groups(trial: Trial, registry: Registry) -> Iterator[str]:
    """What keeps a learner from moving the members of a group that are in the trial."""
    for group, members in registry.groups.items():
        moved = [registry.parameters[name] for name in members if name in trial.names]
        if len(moved) == 1:
            yield f"{moved[0].name!r} cannot move alone: group {group!r} sums to 1; add other members to parameters"
        if log := [parameter.name for parameter in moved if parameter.scale is Scale.LOG]:
            yield f"{log} of group {group!r} have scale = 'log', and a group is moved in differences; remove it"
        if len({parameter.step for parameter in moved}) > 1:
            yield f"the members of group {group!r} have different steps; give all of them one step, or none"


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
