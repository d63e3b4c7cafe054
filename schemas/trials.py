"""The arms of a trial around the values in force."""

from collections.abc import Mapping

from schemas.allocation import WHOLE, Allocation, Arm, Purpose, Value, arm_key
from schemas.bounds import CLOSE
from schemas.parameters import Registry, Trial


def allocation_for(
    trial: Trial, registry: Registry, values: Mapping[str, Value], *, generation: str
) -> Allocation | None:
    """The allocation that tries the arms of ``trial`` beside the baseline ``values``.

    Each arm is the baseline plus its offsets, on the parameters' steps and within their bounds. Where a bound
    stands in the way of a group, all offsets of that group shrink alike, so that it still sums to 1. Arms that
    come out equal to the baseline or to each other are dropped; None when none is left, unless a learner proposes
    more: then the baseline stands alone until it does. Candidates come first and share ``trial.share`` evenly,
    the first ones taking what cannot be split; the baseline comes last. An exploration under a guard begins
    without shares: the daily cycle gives them when the guard allows it.

    ``generation`` is the version from which on these arms are tried. It is part of the allocation's id, so
    arms around another baseline are drawn and counted anew.
    """
    names = trial.names
    baseline = {name: values[name] for name in names}
    candidates: dict[str, dict[str, Value]] = {}
    for offsets in trial.offsets:
        moved = _moved(registry, values, {name: offsets.get(name, 0.0) for name in names})
        if moved is not None and arm_key(moved) != arm_key(baseline):
            candidates.setdefault(arm_key(moved), moved)
    if not candidates and trial.proposes is None:
        return None
    guarded = trial.purpose is Purpose.EXPLORE and registry.learning.guard is not None
    shares = _split(0 if guarded else round(trial.share * WHOLE), len(candidates)) if candidates else []
    arms = [Arm(moved, share) for moved, share in zip(candidates.values(), shares, strict=True)]
    return Allocation(
        id=f"{trial.id}.{generation}",
        layer=trial.layer,
        purpose=trial.purpose,
        parameters=names,
        arms=[*arms, Arm(baseline, WHOLE - sum(shares))],
    )


def trial_of(registry: Registry, allocation: Allocation) -> Trial | None:
    """The trial that ``allocation`` is a generation of; None where the registry has it no more."""
    name, _, _ = allocation.id.rpartition(".")
    return next((trial for trial in registry.trials if trial.id == name), None)


def _moved(registry: Registry, values: Mapping[str, Value], offsets: Mapping[str, float]) -> dict[str, Value] | None:
    """The values after the offsets, or None where a group would no longer sum to 1."""
    reach = {
        group: min((_reach(registry, values, name, by=offsets.get(name, 0.0)) for name in members), default=1.0)
        for group, members in registry.groups.items()
    }
    moved: dict[str, Value] = {}
    for name, offset in offsets.items():
        parameter = registry.parameters[name]
        shrunk = offset * reach.get(parameter.group or "", 1.0)
        moved[name] = parameter.settled(number_of(values[name]) + shrunk) if shrunk else values[name]
    return moved if _whole(registry, {**values, **moved}, touched=offsets) else None


def _reach(registry: Registry, values: Mapping[str, Value], name: str, *, by: float) -> float:
    """The part of the way, 0 to 1, that the offset can go before it meets a bound."""
    parameter = registry.parameters[name]
    bound = parameter.max if by > 0 else parameter.min
    if by == 0 or bound is None:
        return 1.0
    return min(1.0, max(0.0, (bound - number_of(values[name])) / by))


def _whole(registry: Registry, values: Mapping[str, Value], *, touched: Mapping[str, float]) -> bool:
    return all(
        abs(sum(number_of(values[name]) for name in members) - 1.0) <= CLOSE
        for members in registry.groups.values()
        if touched.keys() & set(members)
    )


def _split(share: int, count: int) -> list[int]:
    each, left = divmod(share, count)
    return [each + (place < left) for place in range(count)]


def number_of(value: Value) -> float:
    """The value of a numeric parameter; a registry whose trials move any other is refused at start."""
    assert isinstance(value, int | float)
    return float(value)
