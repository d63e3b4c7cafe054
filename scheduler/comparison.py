"""What is known about the arms of one allocation."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from learning.counted import Counted, compared
from learning.effects import ArmEffects, arm_effects, faded
from learning.gate import Evidence, Rules, Verdict, evidence_for, judge
from learning.rewards import RewardSum
from learning.spending import spent_on
from scheduler.belief import days_between
from scheduler.mature import Rows
from scheduler.windows import Window, mean_uniqueness
from schemas.allocation import Allocation
from schemas.parameters import Registry
from schemas.trials import trial_of
from schemas.version import Version
from store.statistics import StatisticsRow


class Comparison(NamedTuple):
    """What is known about the arms of one allocation.

    ``arms`` are the keys of the other arms. ``counted`` says on what is known of them stands: the units of the other
    arms together and of the baseline, what they are worth with the weights of their age, and in how many sessions any
    two of the arms met. ``rates`` is the part of the gate's error rate with which each arm is judged, also those that
    are gone from the allocation. ``evidence`` and ``verdicts`` are what the gate would say of each that is there.
    """

    allocation: Allocation
    baseline: str
    arms: list[str]
    counted: str
    rates: dict[str, float]
    evidence: dict[str, Evidence]
    verdicts: dict[str, Verdict]


def compare(
    registry: Registry,
    session: str,
    version: Version | None,
    statistics: Sequence[StatisticsRow],
    mature: Rows,
    windows: Mapping[str, Sequence[Window]],
) -> tuple[list[Comparison], str]:
    """Compare the arms of every allocation in force within each mature assignment session, then pool."""
    if version is None:
        return [], "no version is in force, so nothing was tried"
    made = [
        _compare(
            registry,
            session,
            version,
            allocation,
            mature[allocation.id],
            windows.get(allocation.id, []),
            earlier=_earlier_arms(statistics, allocation),
        )
        for allocation in version.allocations
    ]
    return made, f"{len(made)} allocations compared on mature cohorts" + (f": {counted(made)}" if made else "")


def counted(comparisons: Iterable[Comparison]) -> str:
    """What each of these allocations stands on, in one sentence."""
    return "; ".join(f"{comparison.allocation.id} on {comparison.counted}" for comparison in comparisons)


def _compare(
    registry: Registry,
    session: str,
    version: Version,
    allocation: Allocation,
    rows: Sequence[StatisticsRow],
    windows: Sequence[Window],
    *,
    earlier: Sequence[str],
) -> Comparison:
    baseline = allocation.baseline(version.values)
    assert baseline is not None
    arms = [arm.key for arm in allocation.arms if arm.key != baseline.key]
    cohorts = cohorts_of_rows(rows)
    in_order = list(cohorts.values())
    fading = registry.learning.fading
    effects = arm_effects(
        in_order,
        baseline=baseline.key,
        arms=arms,
        weights=None if fading == 1.0 else [faded(fading, days_between(cohort, session)) for cohort in cohorts],
    )
    rates = _error_rates(registry, allocation, baseline=baseline.key, earlier=earlier)
    evidence = {
        arm: evidence_for(
            in_order,
            arm=arm,
            baseline=baseline.key,
            alpha=rates[arm],
            uniqueness=_uniqueness(windows, (arm, baseline.key), sessions=_met(cohorts, (arm, baseline.key))),
        )
        for arm in arms
    }
    gate = Rules(minimum_units=registry.gate.minimum_units, minimum_sessions=registry.gate.minimum_sessions)
    return Comparison(
        allocation=allocation,
        baseline=baseline.key,
        arms=arms,
        counted=_counted(effects, windows, _met(cohorts, (*arms, baseline.key))),
        rates=rates,
        evidence=evidence,
        verdicts={arm: judge(figures, gate) for arm, figures in evidence.items()},
    )


def _error_rates(
    registry: Registry, allocation: Allocation, *, baseline: str, earlier: Sequence[str]
) -> dict[str, float]:
    """The part of the gate's error rate with which each other arm is judged, those that are gone too.

    Arms that the registry names share it. Where a learner proposes arms, there is no end of them: each has its part by
    its place behind the ``earlier`` ones, in the allocation's order, which is that in which they came.
    """
    arms = [arm.key for arm in allocation.arms if arm.key != baseline]
    trial = trial_of(registry, allocation)
    if trial is None or trial.proposes is None:
        return dict.fromkeys(arms, registry.gate.alpha / max(1, len(arms)))
    return {
        arm: registry.gate.alpha * spent_on(rank, together=trial.arms) for rank, arm in enumerate([*earlier, *arms])
    }


def _earlier_arms(statistics: Sequence[StatisticsRow], allocation: Allocation) -> list[str]:
    """The arms of the trial of ``allocation`` that had units and are gone: each generation's beside its baseline, which
    is not known any more, and those that were given up in this one."""
    trial, _, _ = allocation.id.rpartition(".")
    tried: dict[str, set[str]] = {}
    for row in statistics:
        if row.allocation.rpartition(".")[0] == trial:
            tried.setdefault(row.allocation, set()).add(row.arm)
    present = {arm.key for arm in allocation.arms}
    gone = sorted(tried.pop(allocation.id, set()) - present)
    before = [f"{id_} {arm}" for id_, arms in sorted(tried.items()) for arm in sorted(arms)[1:]]
    return [*before, *gone]


def cohorts_of_rows(rows: Sequence[StatisticsRow]) -> dict[str, Mapping[str, RewardSum]]:
    """The sums of each session by arm, over regimes and versions; the sessions in their order."""
    cohorts: dict[str, dict[str, RewardSum]] = {}
    for row in rows:
        cohort = cohorts.setdefault(row.session, {})
        cohort[row.arm] = cohort.get(row.arm, RewardSum()) + RewardSum(row.n, row.total, row.squares)
    return {session: cohorts[session] for session in sorted(cohorts)}


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
