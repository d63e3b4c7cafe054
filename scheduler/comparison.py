"""What is known about the arms of one allocation."""

from collections.abc import Sequence
from typing import NamedTuple

from learning.effects import ArmEffects, arm_effects
from learning.gate import Evidence, Rules, Verdict, evidence_for, judge
from learning.posterior import Posterior, posterior_of
from learning.rewards import RewardSum
from learning.shares import probability_best
from schemas.allocation import Allocation
from schemas.calendar import Calendar
from schemas.parameters import Registry
from schemas.version import Version
from store.examples import OpenExample
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
    still_open: Sequence[OpenExample],
) -> tuple[list[Comparison], str]:
    """Compare the arms of every allocation in force within each assignment session, then pool."""
    if version is None:
        return [], "no version is in force, so nothing was tried"
    made = []
    for allocation in version.allocations:
        reward = reward_of(registry, allocation)
        horizon = reward.split(":")[1]
        immature = {example.session for example in still_open if example.horizon == horizon}
        rows = [
            row
            for row in statistics
            if row.allocation == allocation.id and row.reward == reward and row.session not in immature
        ]
        made.append(_compare(registry, calendar, session, version, allocation, rows))
    units = sum(sum(comparison.effects.n.values()) for comparison in made)
    return made, f"{len(made)} allocations compared on {units} units of mature cohorts"


def _compare(
    registry: Registry,
    calendar: Calendar,
    session: str,
    version: Version,
    allocation: Allocation,
    rows: Sequence[StatisticsRow],
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
    evidence = {arm: evidence_for(in_order, arm=arm, baseline=baseline.key, alpha=alpha) for arm in arms}
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


def reward_of(registry: Registry, allocation: Allocation) -> str:
    """The reward that judges an allocation: that of its parameters, which share one."""
    return str(registry.reward_of(allocation.parameters[0]))
