"""What a unit adds to the statistics of the arms that it was assigned to."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from learning.rewards import quantise
from schemas.allocation import Allocation, arm_key, place_of
from schemas.attributed import Contribution
from schemas.parameters import Reward
from schemas.version import Version, VersionNumber
from workers.join.cases import Case
from workers.join.rules import Rules, Slot, slot_of

REMEMBERED = 20_000
"""Of so many reported assignments it is remembered whether they are right: a unit is looked at several times."""

_ASSIGNMENTS = msgspec.json.Decoder(dict[str, dict[str, float]])

Find = Callable[[str, VersionNumber], Version | None]
"""The version of a strategy with a number, or None where nobody published it."""


class Uncounted(NamedTuple):
    """Why a unit adds nothing, though it should."""

    reason: str


class Judged(NamedTuple):
    """An allocation that a reward judges; ``keys`` are those of its arms, in their order."""

    allocation: Allocation
    reward: Reward
    keys: list[str]


class Split(NamedTuple):
    """The arms of an allocation in their order: their shares, and of their values the numbers."""

    shares: list[int]
    numbers: list[dict[str, float]]


class Plan(NamedTuple):
    """A version, which of its allocations are judged by which reward, by the slot that carries it, and how each of
    them splits units, by its id."""

    version: Version
    judged: Mapping[Slot, list[Judged]]
    splits: Mapping[str, Split]


class Counting:
    """Recomputes the arms of units from the versions that were in force; versions never change and are kept."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._plans: dict[str, Plan] = {}
        self._disagreement = lru_cache(maxsize=REMEMBERED)(self._compared)

    def rewards(self, case: Case, slot: Slot, find: Find) -> set[Reward] | Uncounted:
        """The rewards that judge what the unit of ``case`` was assigned to, as far as ``slot`` carries them."""
        if case.params_version is None or slot not in self._rules.rewards:
            return set()
        plan = self._plan(case.params_version, find)
        if plan is None:
            return Uncounted(f"version {case.params_version} was never published; nothing is counted")
        return {judged.reward for judged in plan.judged.get(slot, ())}

    def mismatch(self, case: Case, find: Find) -> str | None:
        """Where the values that trading says were in force are not those that the unit was assigned."""
        if case.params_version is None or case.assignments is None:
            return None
        if self._plan(case.params_version, find) is None:
            return None
        return self._disagreement(case.params_version, case.unit, case.subject, case.assignments)

    def contributions(
        self, case: Case, slot: Slot, values: Mapping[Reward, float], find: Find
    ) -> Iterator[Contribution]:
        """What the unit of ``case`` adds: one observation for each allocation whose reward has a value."""
        plan = self._plan(case.params_version or "", find)
        assert plan is not None
        for allocation, reward, keys in plan.judged.get(slot, ()):
            if reward not in values:
                continue
            place = place_of(allocation.id, case.unit, shares=plan.splits[allocation.id].shares)
            counted = quantise(values[reward], bound=self._rules.registry.learning.winsorise)
            yield Contribution(
                allocation=allocation.id,
                arm=keys[place],
                regime=case.regime,
                reward=str(reward),
                session=case.session,
                version=str(plan.version.id),
                propensity=allocation.arms[place].share,
                n=counted.n,
                total=counted.total,
                squares=counted.squares,
            )

    def _plan(self, number: str, find: Find) -> Plan | None:
        if number not in self._plans:
            version = find(self._rules.registry.strategy, VersionNumber.parse(number))
            if version is None:
                return None
            splits = {allocation.id: _split(allocation) for allocation in version.allocations}
            self._plans[number] = Plan(version, self._judged(version), splits)
        return self._plans[number]

    def _judged(self, version: Version) -> dict[Slot, list[Judged]]:
        registry = self._rules.registry
        judged: dict[Slot, list[Judged]] = {}
        for allocation in version.allocations:
            rewards = {registry.reward_of(name) for name in allocation.parameters if name in registry.parameters}
            for reward in sorted(rewards, key=str):
                keys = [arm.key for arm in allocation.arms]
                judged.setdefault(slot_of(reward), []).append(Judged(allocation, reward, keys))
        return judged

    def _compared(self, number: str, unit: str, subject: str, assignments: str) -> str | None:
        """Where reported assignments are not those of the version with that number, which is planned already."""
        splits = self._plans[number].splits
        for name, values in sorted(_ASSIGNMENTS.decode(assignments).items()):
            if name not in splits:
                return f"version {number} has no allocation {name!r}, which the {subject} names"
            numbers = splits[name].numbers[place_of(name, unit, shares=splits[name].shares)]
            if numbers != values and arm_key(numbers) != arm_key(dict(values)):
                return (
                    f"the {subject} says {arm_key(dict(values))} for allocation {name!r}, "
                    f"but unit {unit!r} is assigned {arm_key(numbers)}"
                )
        return None


def _split(allocation: Allocation) -> Split:
    numbers = [
        {name: value for name, value in arm.values.items() if isinstance(value, int | float)} for arm in allocation.arms
    ]
    return Split([arm.share for arm in allocation.arms], numbers)
