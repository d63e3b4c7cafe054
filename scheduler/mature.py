"""What may be counted: cohorts that are there in full."""

from collections.abc import Collection, Mapping, Sequence

from schemas.allocation import Allocation
from schemas.attributed import Origin
from schemas.parameters import Registry, Reward
from schemas.version import Version
from store.statistics import StatisticsRow

Rows = dict[str, list[StatisticsRow]]
"""Statistics by the allocation in force that they belong to."""


def mature(
    registry: Registry,
    session: str,
    version: Version | None,
    statistics: Sequence[StatisticsRow],
    pending: Mapping[str, Collection[str]],
) -> tuple[Rows, str]:
    """The rows of each allocation in force, in the reward that judges it, whose cohort has matured.

    Left out are sessions with pending examples of what carries the reward, and those after ``session``, of which more
    may come: a cohort counts when all of it is there.
    """
    if version is None:
        return {}, "no version is in force, so nothing was tried"
    rewards = {allocation.id: reward_of(registry, allocation) for allocation in version.allocations}
    found: Rows = {allocation: [] for allocation in rewards}
    for row in statistics:
        reward = rewards.get(row.allocation)
        if reward is None or row.reward != str(reward) or row.session > session:
            continue
        if row.session not in pending.get(slot_of(reward), ()):
            found[row.allocation].append(row)
    cohorts = {(row.allocation, row.session) for rows in found.values() for row in rows}
    return found, f"{len(cohorts)} mature cohorts of {len(found)} allocations"


def reward_of(registry: Registry, allocation: Allocation) -> Reward:
    """The reward that judges an allocation: that of its parameters, which share one."""
    return registry.reward_of(allocation.parameters[0])


def slot_of(reward: Reward) -> str:
    """The ``horizon/origin`` of the examples that carry the reward."""
    origin = Origin.REPORTED if reward.reported else Origin.PRICES
    return f"{reward.horizon}/{origin.value}"
