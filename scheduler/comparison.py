"""What is known about the arms of one allocation."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from learning.counted import Counted, compared
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
    ``best`` are the probabilities of being best, the baseline's last. ``counted`` says on what these stand: the units
    of the other arms together and of the baseline, what they are worth with the weights of their age, and in how many
    sessions any two of the arms met.
    """

    allocation: Allocation
    baseline: str
    arms: list[str]
    effects: ArmEffects
    posterior: Posterior
    best: list[float]
    counted: str
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
    return made, f"{len(made)} allocations compared on mature cohorts" + (f": {counted(made)}" if made else "")


def counted(comparisons: Iterable[Comparison]) -> str:
    """What each of these allocations stands on, in one sentence."""
    return "; ".join(f"{comparison.allocation.id} on {comparison.counted}" for comparison in comparisons)


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
            uniqueness=_uniqueness(windows, (arm, baseline.key), sessions=_met(cohorts, (arm, baseline.key))),
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
        counted=_counted(effects, windows, _met(cohorts, (*arms, baseline.key))),
        evidence=evidence,
        verdicts={arm: judge(figures, gate) for arm, figures in evidence.items()},
    )


def _met(cohorts: Mapping[str, Mapping[str, RewardSum]], arms: Collection[str]) -> set[str]:
    """The sessions in which at least two of these arms had units."""
    return {
        session for session, cohort in cohorts.items() if sum(arm in cohort and cohort[arm].n > 0 for arm in arms) > 1
    }


def _uniqueness(windows: Sequence[Window], arms: Iterable[str], *, sessions: set[str]) -> dict[str, float]:
    """The average uniqueness of the units of each arm in these sessions, where it is known."""
    found = {arm: mean_uniqueness(windows, arm=arm, sessions=sessions) for arm in arms}
    return {arm: mean for arm, mean in found.items() if mean is not None}


def _counted(effects: ArmEffects, windows: Sequence[Window], sessions: set[str]) -> str:
    unique = _uniqueness(windows, (*effects.arms, effects.baseline), sessions=sessions)
    worth = {
        arm: Counted(units, effects.effective[arm] * unique.get(arm, 1.0), unique.get(arm))
        for arm, units in effects.n.items()
    }
    candidates = sum((worth[arm] for arm in effects.arms), Counted())
    return compared(candidates, worth[effects.baseline], sessions=len(sessions))


def reward_of(registry: Registry, allocation: Allocation) -> Reward:
    """The reward that judges an allocation: that of its parameters, which share one."""
    return registry.reward_of(allocation.parameters[0])


def slot_of(reward: Reward) -> str:
    """The ``horizon/origin`` of the examples that carry the reward."""
    origin = Origin.REPORTED if reward.reported else Origin.PRICES
    return f"{reward.horizon}/{origin.value}"
