"""What is known about the arms of one allocation."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from learning.effects import ArmEffects, arm_effects
from learning.gate import Evidence, Rules, Verdict, evidence_for, judge
from learning.posterior import Posterior, posterior_of
from learning.rewards import RewardSum
from learning.shares import probability_best
from scheduler.windows import Window, mean_uniqueness
from schemas.allocation import Allocation
from schemas.attributed import Origin
from schemas.calendar import Calendar
from schemas.parameters import Registry, Reward
from schemas.version import Version
from store.statistics import StatisticsRow


class Comparison(NamedTuple):
    """What is known about the arms of one allocation.

    ``arms`` are the keys of the other arms, in the order of the numbers in ``effects`` and ``posterior``;
    ``best`` are the probabilities of being best, the baseline's last.
    """

    allocation: Allocation
    baseline: str
    arms: list[str]
    effects: ArmEffects
    posterior: Posterior
    best: list[float]
    evidence: dict[str, Evidence]
    verdicts: dict[str, Verdict]


def compare(
    registry: Registry,
    calendar: Calendar,
    session: str,
    version: Version | None,
    statistics: Sequence[StatisticsRow],
    pending: Mapping[str, Collection[str]],
    windows: Mapping[str, Sequence[Window]],
) -> tuple[list[Comparison], str]:
    """Compare the arms of every allocation in force within each assignment session, then pool.

    Left out are sessions with pending examples of what carries the reward, and those after ``session``, of which more
    may come: a cohort counts when all of it is there.
    """
    if version is None:
        return [], "no version is in force, so nothing was tried"
    made = []
    for allocation in version.allocations:
        reward = reward_of(registry, allocation)
        immature = pending.get(slot_of(reward), ())
        rows = [
            row
            for row in statistics
            if row.allocation == allocation.id
            and row.reward == str(reward)
            and row.session <= session
            and row.session not in immature
        ]
        overlaps = windows.get(allocation.id, [])
        made.append(_compare(registry, calendar, session, version, allocation, rows, overlaps))
    units = sum(sum(comparison.effects.n.values()) for comparison in made)
    return made, f"{len(made)} allocations compared on {units} units of mature cohorts"


def _compare(
    registry: Registry,
    calendar: Calendar,
    session: str,
    version: Version,
    allocation: Allocation,
    rows: Sequence[StatisticsRow],
    windows: Sequence[Window],
) -> Comparison:
    baseline = allocation.baseline(version.values)
    assert baseline is not None
    arms = [arm.key for arm in allocation.arms if arm.key != baseline.key]
    cohorts: dict[str, dict[str, RewardSum]] = {}
    for row in rows:
        cohort = cohorts.setdefault(row.session, {})
        cohort[row.arm] = cohort.get(row.arm, RewardSum()) + RewardSum(row.n, row.total, row.squares)
    sessions = sorted(cohorts)
    rules = registry.learning
    ages = [calendar.distance(cohort, session) for cohort in sessions]
    in_order = [cohorts[cohort] for cohort in sessions]
    effects = arm_effects(
        in_order,
        baseline=baseline.key,
        arms=arms,
        weights=None if rules.fading == 1.0 else [rules.fading**age for age in ages],
    )
    belief = posterior_of(effects, prior_sd=rules.prior_sd)
    best = probability_best(belief.mean, belief.covariance, seed=version.number)
    alpha = registry.gate.alpha / max(1, len(arms))
    evidence = {
        arm: evidence_for(
            in_order,
            arm=arm,
            baseline=baseline.key,
            alpha=alpha,
            uniqueness=_uniqueness(windows, (arm, baseline.key), cohorts),
        )
        for arm in arms
    }
    gate = Rules(minimum_units=registry.gate.minimum_units, minimum_sessions=registry.gate.minimum_sessions)
    return Comparison(
        allocation=allocation,
        baseline=baseline.key,
        arms=arms,
        effects=effects,
        posterior=belief,
        best=[float(p) for p in best],
        evidence=evidence,
        verdicts={arm: judge(figures, gate) for arm, figures in evidence.items()},
    )


def _uniqueness(
    windows: Sequence[Window], pair: tuple[str, str], cohorts: Mapping[str, Mapping[str, RewardSum]]
) -> dict[str, float]:
    """The average uniqueness of the units of two arms, over the sessions in which these met, where it is known."""
    met = {session for session, cohort in cohorts.items() if all(arm in cohort and cohort[arm].n for arm in pair)}
    found = {arm: mean_uniqueness(windows, arm=arm, sessions=met) for arm in pair}
    return {arm: mean for arm, mean in found.items() if mean is not None}


def reward_of(registry: Registry, allocation: Allocation) -> Reward:
    """The reward that judges an allocation: that of its parameters, which share one."""
    return registry.reward_of(allocation.parameters[0])


def slot_of(reward: Reward) -> str:
    """The ``horizon/origin`` of the examples that carry the reward: trading reports the close, prices tell the rest."""
    origin = Origin.REPORTED if reward.horizon == "close" else Origin.PRICES
    return f"{reward.horizon}/{origin.value}"
