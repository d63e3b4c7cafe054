"""Which arms a learner may have tried, and what becomes of those that are tried already."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from schemas.allocation import WHOLE, Allocation, Arm, Purpose, Value, arm_key
from schemas.bounds import CLOSE, check_change, check_values
from schemas.errors import Refused
from schemas.parameters import Registry, Trial
from schemas.trials import number_of, trial_of
from schemas.version import Version


def with_arms(
    allocation: Allocation, wanted: Sequence[Mapping[str, Value]], *, registry: Registry, values: Mapping[str, Value]
) -> Allocation:
    """The allocation with the arms ``wanted`` beside its baseline.

    Arms that stay keep their shares and their order; the shares of those that go fall to the baseline; new ones come
    behind the others with share 0, in shadow. The id stays, so what is known of the arms that stay is known on.

    Raises:
        Refused: no learner proposes arms here, or these may not be tried, with the figures.
    """
    trial = trial_of(registry, allocation)
    if trial is None or trial.proposes is None or allocation.purpose is not Purpose.EXPLORE:
        raise Refused(
            f"no learner may propose arms of allocation {allocation.id}: "
            "its [[trial]] would say purpose = 'explore' and proposes = 'bayesian'"
        )
    baseline = allocation.baseline(values)
    if baseline is None:
        raise Refused(f"allocation {allocation.id} has no arm with the values in force")
    check_arms(trial, registry, values, wanted, parameters=allocation.parameters)
    keys = {arm_key(arm): dict(arm) for arm in wanted}
    kept = [arm for arm in allocation.arms if arm.key in keys]
    new = [Arm(arm, 0) for key, arm in keys.items() if key not in {arm.key for arm in kept}]
    left = WHOLE - sum(arm.share for arm in kept)
    return structs.replace(allocation, arms=[*kept, *new, Arm(baseline.values, left)])


def check_arms(
    trial: Trial,
    registry: Registry,
    values: Mapping[str, Value],
    wanted: Sequence[Mapping[str, Value]],
    *,
    parameters: Sequence[str],
) -> None:
    """That each of the arms ``wanted`` is one that may be tried beside ``values``.

    It sets ``parameters``, lies within their bounds and on their steps, keeps the sum of a group, and is no farther
    from the values in force than they may move in a day.

    Raises:
        Refused: one may not, or there are too many, with the figures.
    """
    if len(wanted) > trial.arms:
        raise Refused(f"{len(wanted)} arms are wanted; trial {trial.id!r} has at most {trial.arms}")
    keys = [arm_key(arm) for arm in wanted]
    if len(set(keys)) < len(keys):
        raise Refused(f"two of the arms wanted have the same values: {sorted(keys)}")
    for arm in wanted:
        if sorted(arm) != sorted(parameters):
            raise Refused(f"an arm must set exactly {sorted(parameters)}, not {sorted(arm)}")
        if arm_key(arm) == arm_key({name: values[name] for name in parameters}):
            raise Refused(f"the arm {arm_key(arm)} is the baseline; only others are named")
        check_values(registry, {**values, **arm})
        _check_steps(registry, arm)
        check_change(registry, lambda: values, arm, names=parameters)


def _check_steps(registry: Registry, arm: Mapping[str, Value]) -> None:
    for name, value in arm.items():
        settled = registry.parameters[name].settled(number_of(value))
        if abs(settled - number_of(value)) > CLOSE:
            raise Refused(f"{name} = {value!r} is not on its steps; the nearest is {settled!r}")


def going_on(
    fresh: Allocation, trial: Trial, registry: Registry, before: Version, values: Mapping[str, Value]
) -> Allocation:
    """What is to be tried around ``values`` where a learner proposes the arms: those of ``before``, as long as the
    baseline is where it was and each may still be tried; else the first ones, ``fresh``."""
    for allocation in before.allocations:
        same = (allocation.layer, allocation.purpose, sorted(allocation.parameters)) == (
            fresh.layer,
            fresh.purpose,
            sorted(fresh.parameters),
        )
        if trial_of(registry, allocation) is not trial or not same:
            continue
        baseline = allocation.baseline(values)
        if baseline is None or baseline != allocation.baseline(before.values):
            continue
        others = [arm.values for arm in allocation.arms if arm.key != baseline.key]
        try:
            check_arms(trial, registry, values, others, parameters=allocation.parameters)
        except Refused:
            continue
        return allocation
    return fresh
