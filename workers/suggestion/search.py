"""Which arms an allocation should try next, with what that stands on; or why nothing changes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from learning.design import spread
from learning.domain import Domain
from learning.errors import LearningError
from learning.optimiser import suggest
from learning.recommendation import Belief, Candidate, NoRecommendation, Recommendation, Requirements, Safety
from schemas.allocation import WHOLE, Allocation, Value, arm_key
from schemas.parameters import LearningRules, Registry, Trial
from schemas.version import Version
from workers.suggestion.measured import Measurements, numbers_of, observations, values_of
from workers.suggestion.space import domain_of
from workers.suggestion.suggestion import KnownArm, NewArm, Suggestion

HOPELESS = 0.01
"""An arm that is no worse than the best one known with less probability than this is given up."""

WORTH = 0.01
"""The least expected improvement that is worth a trial, in parts of the registry's ``prior_sd``."""

SAFE = 2.0
"""How much worse than the baseline a new arm may be at the lower end of its interval, in parts of ``prior_sd``."""


class Circumstances(NamedTuple):
    """What a suggestion is made from: the allocation and its trial, the version in force, the regime that the market is
    in, and what was measured."""

    allocation: Allocation
    trial: Trial
    registry: Registry
    version: Version
    regime: str
    measured: Measurements


def suggestion_for(around: Circumstances) -> Suggestion:
    """Spread the first arms; once enough is known, ask the optimiser. The same circumstances give the same bits."""
    try:
        domain = domain_of(around.registry, around.allocation.parameters, around.version.values)
        needed = requirements(around.registry.learning, around.trial, domain)
        first = _first(around, domain, needed)
        return first if first is not None else _next(around, domain, needed)
    except LearningError as error:
        return _nothing(around, f"no recommendation: {error}")


def requirements(rules: LearningRules, trial: Trial, domain: Domain) -> Requirements:
    """What must be known before anything is recommended: more arms than there are parameters, and at least three."""
    return Requirements(
        arms=min(trial.arms, max(3, len(domain.parameters) + 1)),
        improvement=WORTH * rules.prior_sd,
        safety=Safety(margin=SAFE * rules.prior_sd),
    )


def _first(around: Circumstances, domain: Domain, needed: Requirements) -> Suggestion | None:
    """The arms that are lacking before anything can be learned, as long as some are. Arms that starve are none of those
    that will be known soon, and give way where there is no room."""
    stopped, starved = _stopped(around), _starved(around, needed)
    running = {arm_key(arm) for arm in _running(around)} - stopped
    known = _measured_enough(around, needed) - {_baseline(around)}
    count = needed.arms - len(known | (running - starved.keys()))
    if count <= 0:
        return None
    room = around.trial.arms - len(running)
    dropped = stopped | set([*starved][: max(0, count - room)])
    count = min(count, around.trial.arms - len(running - dropped))
    if count <= 0:
        return None
    tried = [numbers_of(arm) for arm in sorted(known | running | stopped)]
    incumbent = _numbers({name: around.version.values[name] for name in domain.names})
    found = spread(domain, incumbent, count=count, seed=around.version.number, tried=tried)
    if not found:
        return None
    new = [NewArm(values=dict(values)) for values in found]
    reason = f"{_counted(new, 'first')}, spread over what may be changed within a day: {_named(new)}"
    if dropped:
        reason += f"; given up, stopped or starved as worse than the baseline: {', '.join(sorted(dropped))}"
    return _made(around, reason, new=new, dropped=dropped, beliefs=())


def _next(around: Circumstances, domain: Domain, needed: Requirements) -> Suggestion:
    regimes_apart = len({one.regime for one in around.measured.rows}) > 1
    seen, covariance = observations(around.measured, around.allocation, regimes_apart=regimes_apart)
    answer = suggest(
        seen,
        covariance=covariance,
        domain=domain,
        incumbent=_numbers({name: around.version.values[name] for name in domain.names}),
        seed=around.version.number,
        q=around.trial.batch,
        regime=around.regime if regimes_apart else None,
        requirements=needed,
        awaited=[_numbers(arm) for arm in _running(around)],
    )
    beliefs = answer.evidence.beliefs
    running = {arm_key(arm) for arm in _running(around)}
    hopeless = {arm_key(dict(one.values)) for one in beliefs if one.contends < HOPELESS}
    settled = _measured_enough(around, needed) | _starved(around, needed).keys()
    dropped = (hopeless & running & settled) | _stopped(around)
    room = around.trial.arms - len(running - dropped)
    new = [_new(one) for one in answer.candidates[:room]] if isinstance(answer, Recommendation) else []
    reason = _reason(answer, new, dropped, arms=len(running - dropped))
    return _made(
        around, reason, new=new, dropped=dropped, beliefs=beliefs, length_scales=dict(answer.evidence.length_scales)
    )


def _stopped(around: Circumstances) -> set[str]:
    """The arms that had units and have no share any more while others have: nothing more will be known of them. Where
    nothing is tried at all, as under a guard, none of them is."""
    others = [arm for arm in around.allocation.arms if arm.key != _baseline(around)]
    if not any(arm.share for arm in others):
        return set()
    measured = {one.arm for one in around.measured.rows if one.effective > 0}
    return {arm.key for arm in others if not arm.share} & measured


def _starved(around: Circumstances, needed: Requirements) -> dict[str, float]:
    """The arms of too few units that get hardly any more, the least share there is, though an equal part of the trial's
    were twice as much: Thompson sampling holds them for worse. By key their differences in errors, the worst first."""
    others = [arm for arm in around.allocation.arms if arm.key != _baseline(around)]
    least = round(around.registry.learning.floor * WHOLE)
    if 2 * least * len(others) > around.trial.share * WHOLE:
        return {}
    figures = {
        one.arm: one.difference / one.variance**0.5
        for one in around.measured.rows
        if one.difference is not None and one.variance
    }
    held = {arm.key for arm in others if 0 < arm.share <= least} - _measured_enough(around, needed)
    return {arm: figures[arm] for arm in sorted(held & figures.keys(), key=lambda arm: (figures[arm], arm))}


def _measured_enough(around: Circumstances, needed: Requirements) -> set[str]:
    """The arms with enough effective units, those of all regimes together."""
    units: dict[str, float] = {}
    for one in around.measured.rows:
        units[one.arm] = units.get(one.arm, 0.0) + one.effective
    return {arm for arm, effective in units.items() if effective >= needed.units}


def _reason(answer: Recommendation | NoRecommendation, new: Sequence[NewArm], dropped: set[str], *, arms: int) -> str:
    said = []
    if new:
        said.append(f"{_counted(new, 'new')} by noisy expected improvement: {_named(new)}")
    elif isinstance(answer, NoRecommendation):
        said.append(f"no recommendation: {answer.reason}")
    else:
        said.append(f"no recommendation: no room, {arms} arms are tried already and none of them is hopeless")
    if dropped:
        said.append(f"given up, behind the best arm known or stopped: {', '.join(sorted(dropped))}")
    return "; ".join(said)


def _made(
    around: Circumstances,
    reason: str,
    *,
    new: Sequence[NewArm],
    dropped: set[str],
    beliefs: Sequence[Belief],
    length_scales: Mapping[str, float] | None = None,
) -> Suggestion:
    kept = [arm for arm in _running(around) if arm_key(arm) not in dropped]
    baseline = _baseline(around)
    return Suggestion(
        reason=reason,
        arms=[*kept, *(one.values for one in new)] if new or dropped else None,
        regime=around.regime,
        effective=sum(one.effective for one in around.measured.rows if one.arm != baseline),
        known=_known(around, beliefs, dropped),
        new=list(new),
        length_scales=dict(length_scales or {}),
    )


def _nothing(around: Circumstances, reason: str) -> Suggestion:
    return _made(around, reason, new=[], dropped=set(), beliefs=())


def _known(around: Circumstances, beliefs: Sequence[Belief], dropped: set[str]) -> list[KnownArm]:
    believed = {arm_key(dict(one.values)): one for one in beliefs}
    running = {arm_key(arm) for arm in _running(around)}
    rows = []
    for one in around.measured.rows:
        if one.arm == _baseline(around):
            continue
        fate = "dropped" if one.arm in dropped else "kept" if one.arm in running else "ended"
        figures: dict[str, Any] = {}
        if (belief := believed.get(one.arm)) is not None:
            figures = {name: getattr(belief, name) for name in ("gain", "deviation", "better", "contends")}
        rows.append(
            KnownArm(
                values=values_of(one.arm),
                fate=fate,
                regime=one.regime,
                units=one.units,
                effective=one.effective,
                sessions=one.sessions,
                difference=one.difference,
                error=None if one.variance is None else one.variance**0.5,
                **figures,
            )
        )
    return rows


def _new(candidate: Candidate) -> NewArm:
    return NewArm(
        values=dict(candidate.values),
        gain=candidate.gain,
        deviation=candidate.deviation,
        better=candidate.better,
        improvement=candidate.improvement,
    )


def _counted(arms: Sequence[NewArm], kind: str) -> str:
    return f"{len(arms)} {kind} arm{'s' if len(arms) > 1 else ''}"


def _named(arms: Sequence[NewArm]) -> str:
    return ", ".join(arm_key(one.values) + _believed(one) for one in arms)


def _believed(arm: NewArm) -> str:
    if arm.gain is None or arm.deviation is None or arm.better is None:
        return ""
    return f" (gain {arm.gain:.5f} ± {arm.deviation:.5f}, better with probability {arm.better:.2f})"


def _running(around: Circumstances) -> list[dict[str, Value]]:
    """The values of the arms that are tried now, the baseline aside."""
    baseline = _baseline(around)
    return [arm.values for arm in around.allocation.arms if arm.key != baseline]


def _baseline(around: Circumstances) -> str:
    values = around.version.values
    return arm_key({name: values[name] for name in around.allocation.parameters})


def _numbers(values: Mapping[str, Value]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, int | float)}
