"""What other values would have earned, from the units that an allocation has assigned."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from learning.importance import Logged, balanced
from learning.off_policy import Evaluation, Sampling, evaluate
from learning.reward_model import cross_fitted_means
from learning.rewards import SCALE
from schemas.allocation import WHOLE, Allocation, Value, arm_key
from schemas.attributed import Origin
from schemas.errors import EngineError
from schemas.parameters import Registry
from schemas.version import Version, VersionNumber
from store.logged import LoggedUnit, logged_units
from store.sessions import Sessions, Settled
from store.versions import Versions


class NotLogged(EngineError):
    """Nothing that was logged can tell what these values would have earned."""


class Hindsight(NamedTuple):
    """What a policy that gives all units the values ``arm`` would have earned more than the ``baseline``.

    Rewards are relative to the mean of the baseline's units in their session. ``versions`` assigned the units, in
    ``sessions``. Counted and left out are units of sessions that are not mature (``immature``), and of those without
    any of the baseline (``alone``).
    """

    allocation: str
    arm: str
    baseline: str
    reward: str
    versions: int
    sessions: int
    immature: int
    alone: int
    evaluation: Evaluation


def look_back(
    connection: Connection, registry: Registry, version: Version, wanted: Mapping[str, Value], *, confidence: float
) -> Hindsight:
    """Evaluate ``wanted`` on the log of the allocation in force that sets its parameters, over all its versions.

    Parameters of the allocation that are not in ``wanted`` keep their values. Mature are the sessions up to the newest
    settled one of which nothing was pending then: of others, what comes early may be worse than what comes late. The
    versions' propensities count as those of one mixture (balanced weights), which asks that an arm earns the same
    beside the baseline under all of them.

    Raises:
        NotLogged: no allocation in force sets these parameters, no arm of it has these values, or too few units are
            counted.
    """
    allocation = _allocation(version, wanted)
    arm = arm_key({name: wanted.get(name, version.values[name]) for name in allocation.parameters})
    baseline = arm_key({name: version.values[name] for name in allocation.parameters})
    if arm == baseline:
        raise NotLogged(f"{arm} are the values in force: what they earned is what others are compared with")
    reward = registry.reward_of(allocation.parameters[0])
    origin = Origin.REPORTED if reward.reported else Origin.PRICES
    found = sorted(
        logged_units(
            connection,
            version.strategy,
            allocation.id,
            reward=str(reward),
            horizon=reward.horizon,
            origin=origin.value,
        )
    )
    mature = _mature(found, Sessions(connection).latest(version.strategy), slot=f"{reward.horizon}/{origin.value}")
    levels = _levels(mature, baseline)
    units = [unit for unit in mature if unit.session in levels]
    if len(levels) < 2:
        raise NotLogged(
            f"allocation {allocation.id} has units of the baseline in {len(levels)} mature sessions; "
            "wait until there are 2"
        )
    splits = _splits(connection, version.strategy, allocation.id, units)
    arms = sorted({key for split in splits.values() for key in split} | {baseline})
    if arm not in arms:
        tried = ", ".join(key for key in arms if key != baseline) or "no other values"
        raise NotLogged(f"{arm} was never an arm of {allocation.id}; it has tried {tried}")
    return Hindsight(
        allocation=allocation.id,
        arm=arm,
        baseline=baseline,
        reward=str(reward),
        versions=len(splits),
        sessions=len(levels),
        immature=len(found) - len(mature),
        alone=len(mature) - len(units),
        evaluation=_evaluated(units, levels, splits, arms, arm, confidence=confidence),
    )


def _allocation(version: Version, wanted: Mapping[str, Value]) -> Allocation:
    for allocation in version.allocations:
        if set(wanted) <= set(allocation.parameters):
            return allocation
    raise NotLogged(
        f"no allocation in force tries {', '.join(sorted(wanted))} together, so nothing was logged about other values; "
        "see `learning params show`"
    )


def _mature(units: Sequence[LoggedUnit], settled: Settled | None, *, slot: str) -> list[LoggedUnit]:
    """The units of sessions that are there in full: as the newest settled session left them, as cycles see them."""
    if settled is None:
        return []
    pending = frozenset(settled.pending.get(slot, ()))
    return [unit for unit in units if unit.session <= settled.session and unit.session not in pending]


def _levels(units: Sequence[LoggedUnit], baseline: str) -> dict[str, float]:
    """The mean reward of the baseline's units, by session."""
    totals: dict[str, list[int]] = {}
    for unit in units:
        if unit.arm == baseline:
            totals.setdefault(unit.session, []).append(unit.total)
    return {session: sum(rewards) / len(rewards) / SCALE for session, rewards in totals.items()}


def _splits(
    connection: Connection, strategy: str, allocation: str, units: Sequence[LoggedUnit]
) -> dict[str, dict[str, int]]:
    """By version that assigned some of the units, the shares of the arms."""
    found = {}
    for number in sorted({unit.version for unit in units}):
        version = Versions(connection).get(strategy, VersionNumber.parse(number))
        of = [one for one in version.allocations if one.id == allocation] if version else []
        if not of:
            raise NotLogged(f"version {number}, which assigned units of {allocation}, is not in the store")
        found[number] = {arm.key: arm.share for arm in of[0].arms}
    return found


def _evaluated(
    units: Sequence[LoggedUnit],
    levels: Mapping[str, float],
    splits: Mapping[str, Mapping[str, int]],
    arms: Sequence[str],
    arm: str,
    *,
    confidence: float,
) -> Evaluation:
    place = {key: number for number, key in enumerate(arms)}
    taken = np.array([place[unit.arm] for unit in units], dtype=np.int64)
    rewards = np.array([unit.total / SCALE - levels[unit.session] for unit in units])
    _, sessions = np.unique([unit.session for unit in units], return_inverse=True)
    counts = Counter(unit.version for unit in units)
    shares = np.array([[splits[number].get(key, 0) / WHOLE for key in arms] for number in splits])
    mixture = balanced(shares[:, None], np.array([counts[number] for number in splits], dtype=np.int64))
    target = np.zeros((len(units), len(arms)))
    target[:, place[arm]] = 1.0
    logged = Logged(taken, rewards, np.broadcast_to(mixture, target.shape), target)
    predictions = cross_fitted_means(taken, rewards, sessions, k=len(arms))
    return evaluate(logged, predictions=predictions, sampling=Sampling(sessions, confidence))
