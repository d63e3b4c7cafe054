"""Which arm values to try next, or why none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from learning.acquisition import NoisyImprovement, beside, climbed
from learning.domain import Domain, NoRoom, Region
from learning.errors import LearningError
from learning.gaussian_process import GaussianProcess, Model, Sample, fitted
from learning.kernels import Kernel
from learning.recommendation import (
    Belief,
    Candidate,
    Evidence,
    NoRecommendation,
    Observation,
    Recommendation,
    Requirements,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ANCHORS = 32
"""So many arms at most may be the best known: those of the highest mean + deviation, and the incumbent."""

SCREENED = 256
"""Values that are looked at before some of them climb."""

CLIMBERS = 8

TOPS = 4
"""Around so many arms of the highest mean the other half of the values is looked at."""

USUAL = Requirements()

KEPT = 64
"""So many of the screened values stay candidates beside those that climbed."""


@dataclass(frozen=True, slots=True)
class _Arm:
    """An observation and where it lies in the unit cube."""

    point: tuple[float, ...]
    seen: Observation

    def key(self) -> tuple[object, ...]:
        """An order that does not depend on the order of observation."""
        seen = self.seen
        return (self.point, seen.regime or "", seen.age, seen.mean, seen.variance, seen.units)


@dataclass(frozen=True, eq=False)
class _Question:
    """Where to look, from where, what is being tried, what of it nothing is known of yet, in what regime and age."""

    process: GaussianProcess
    region: Region
    origin: Floats
    running: Floats
    awaited: Floats
    context: Floats
    requirements: Requirements
    seed: int


def suggest(  # noqa: PLR0913 - what a caller may want to say, all by name
    observations: Sequence[Observation],
    *,
    domain: Domain,
    incumbent: Mapping[str, float],
    seed: int,
    q: int = 1,
    covariance: Floats | None = None,
    regime: str | None = None,
    requirements: Requirements = USUAL,
    previous: Sequence[float] | None = None,
    awaited: Sequence[Mapping[str, float]] = (),
) -> Recommendation | NoRecommendation:
    """Up to ``q`` values that no running arm has, to be tried in ``regime``, within the incumbent's change budget.

    A Gaussian process is fitted to the arms; each candidate has the highest noisy expected improvement, given
    fantasies of those before it. Higher rewards are better. Where nothing is known of the noise of any mean (all
    variances are 0) it is fitted too; else what is known is all there is. The same observations in any order, with the
    same seed, give the same bits. ``previous`` is ``evidence.log_parameters`` of the last answer, for a faster fit.

    Args:
        awaited: values that are being tried too, and that no observation is of: candidates are what adds to them.
        covariance: that of the observed means, in their order, where they share noise, as differences to one baseline
            do; without it each has its own variance alone.

    Raises:
        LearningError: an incumbent or an observation lacks a value, ``q`` is not positive, or a covariance that does
            not fit.
    """
    if q < 1:
        raise LearningError(f"q counts candidates and must be at least 1, not {q}")
    origin = domain.point(incumbent)
    arms, noise = _in_order(observations, domain, covariance)
    evidence, lacking = _overlap(arms, origin, requirements)
    if lacking is not None:
        return NoRecommendation(reason=lacking, evidence=evidence)
    try:
        region = Region.of(domain, incumbent)
    except NoRoom as reason:
        return NoRecommendation(reason=f"the change budget leaves no room: {reason}", evidence=evidence)
    process, context = _process(arms, noise, regime=regime, seed=seed, previous=previous)
    tried = {arm.point for arm in arms if arm.seen.running}
    new = sorted({tuple(domain.point(values).tolist()) for values in awaited} - tried)
    running = np.array([origin, *sorted(tried), *new])
    question = _Question(
        process, region, origin, running, running[len(running) - len(new) :], context, requirements, seed
    )
    evidence = replace(
        evidence,
        log_parameters=tuple(map(float, process.log_parameters)),
        length_scales=dict(zip(domain.names, np.exp(process.kernel_parameters[: len(origin)]).tolist(), strict=True)),
        beliefs=_beliefs(question, arms),
    )
    found = _batch(question, q)
    if isinstance(found, str):
        return NoRecommendation(reason=found, evidence=evidence)
    return Recommendation(candidates=found, evidence=evidence)


def _in_order(
    observations: Sequence[Observation], domain: Domain, covariance: Floats | None
) -> tuple[list[_Arm], Floats]:
    """The arms in an order of their own, and the noise of their means: variances, or a covariance."""
    placed = [_Arm(tuple(domain.point(one.values).tolist()), one) for one in observations]
    order = sorted(range(len(placed)), key=lambda place: placed[place].key())
    arms = [placed[place] for place in order]
    if covariance is None:
        return arms, np.array([arm.seen.variance for arm in arms])
    if covariance.shape != (len(arms), len(arms)):
        raise LearningError(f"{len(arms)} observations need a covariance for each two, not {covariance.shape}")
    return arms, covariance[np.ix_(order, order)]


def _overlap(arms: Sequence[_Arm], origin: Floats, needed: Requirements) -> tuple[Evidence, str | None]:
    """How much is known beside the incumbent, and what is missing of it."""
    units: dict[tuple[float, ...], float] = {}
    for arm in arms:
        if arm.point != tuple(origin.tolist()):
            units[arm.point] = units.get(arm.point, 0.0) + arm.seen.units
    enough = [count for count in units.values() if count >= needed.units]
    evidence = Evidence(arms=len(enough), effective=math.fsum(enough))
    if len(enough) < max(needed.arms, 1):
        return evidence, (
            f"too few arms: {len(enough)} beside the incumbent have {needed.units:g} effective units, "
            f"{max(needed.arms, 1)} are needed"
        )
    if evidence.effective < needed.effective:
        return evidence, (
            f"too little overlap: {evidence.effective:g} effective units are not the incumbent's, "
            f"{needed.effective:g} are needed"
        )
    return evidence, None


def _process(
    arms: Sequence[_Arm], noise: Floats, *, regime: str | None, seed: int, previous: Sequence[float] | None
) -> tuple[GaussianProcess, Floats]:
    """The fit, and the regime and age columns of a reward asked for now."""
    seen = [arm.seen for arm in arms]
    codes = {name: float(code) for code, name in enumerate(sorted({regime or "", *(one.regime or "" for one in seen)}))}
    ages = {one.age for one in seen}
    kernel = Kernel(len(arms[0].point), regimes=len(codes) > 1, ages=len(ages) > 1)
    rows = [
        [*arm.point, *[codes[arm.seen.regime or ""]] * kernel.regimes, *[arm.seen.age] * kernel.ages] for arm in arms
    ]
    means = np.array([one.mean for one in seen])
    model = Model(kernel, fitted_noise=not noise.any())
    before = None if previous is None or len(previous) != model.size else np.array(previous)
    context = [codes[regime or ""]] * kernel.regimes + [0.0] * kernel.ages
    return fitted(Sample(np.array(rows), means, noise), model=model, seed=seed, previous=before), np.array(context)


def _batch(question: _Question, q: int) -> tuple[Candidate, ...] | str:
    """The candidates, or why there is none."""
    known = _known(question)
    mean, deviation = question.process.posterior(beside(known, question.context))
    anchors = beside(known[_hopeful(mean + deviation)], question.context)
    awaited = beside(question.awaited, question.context)
    acquisition = NoisyImprovement.of(question.process, anchors, seed=question.seed, more=len(awaited) + q - 1)
    acquisition = acquisition.and_also(awaited) if len(awaited) else acquisition
    tops = known[np.argsort(-mean, kind="stable")[:TOPS]]
    taken = {tuple(row) for row in question.region.snap(_inside(question, question.running)).tolist()}
    candidates: list[Candidate] = []
    for number in range(q):
        steps = _new(_looked_at(question, acquisition, tops, number), taken)
        if not len(steps):
            return (
                tuple(candidates)
                or "no room: every feasible value that was found within the change budget is an arm already"
            )
        steps = _safe(question, steps)
        if not len(steps):
            return tuple(candidates) or (
                "no candidate is safe: the lower bound of each one's gain is further below 0 than the margin"
            )
        inputs = beside(question.region.points(steps), question.context)
        values = acquisition.log_values(inputs)
        best = int(np.argmax(values))
        expected = question.process.scale * math.exp(values[best])
        if not expected >= question.requirements.improvement:
            return tuple(candidates) or (
                f"no candidate is worth a trial: the expected improvement is {expected:.3g} at best, "
                f"{question.requirements.improvement:g} is asked for"
            )
        candidates.append(_candidate(question, steps[best], expected))
        taken.add(tuple(steps[best].tolist()))
        if number + 1 < q:
            acquisition = acquisition.and_also(inputs[best : best + 1])
    return tuple(candidates)


def _known(question: _Question) -> Floats:
    """The different values of arms, the incumbent's first, that lie in the region."""
    seen = np.unique(question.process.sample.inputs[:, : len(question.origin)], axis=0)
    inside = _inside(question, seen)
    return np.vstack([question.origin, inside[(inside != question.origin).any(axis=1)]])


def _inside(question: _Question, points: Floats) -> Floats:
    """Those of the points that lie in the region."""
    return points[(abs(question.region.project(points) - points) < 1e-9).all(axis=1)]


def _beliefs(question: _Question, arms: Sequence[_Arm]) -> tuple[Belief, ...]:
    """What is believed of each different arm, the incumbent aside, in the order of their points."""
    values = {arm.point: arm.seen.values for arm in arms if arm.point != tuple(question.origin.tolist())}
    if not values:
        return ()
    process, base = question.process, beside(question.origin[None], question.context)[0]
    inputs = beside(np.array(list(values)), question.context)
    gains, deviations = process.difference(inputs, base)
    best = int(np.argmax(gains)) if gains.max() > 0 else None
    ahead = (gains, deviations) if best is None else process.difference(inputs, inputs[best])
    return tuple(
        Belief(
            values=dict(arm),
            gain=gain,
            deviation=deviation,
            better=_better(gain, deviation),
            contends=1.0 if place == best else _better(lead, spread),
        )
        for place, (arm, gain, deviation, lead, spread) in enumerate(
            zip(values.values(), *(column.tolist() for column in (gains, deviations, *ahead)), strict=True)
        )
    )


def _better(gain: float, deviation: float) -> float:
    """The probability that a gain is positive."""
    return float(ndtr(gain / deviation)) if deviation > 0 else float(gain > 0)


def _hopeful(ends: Floats) -> Integers:
    """The places of the arms that may be the best known: the incumbent's, which is the first, and the highest ends."""
    highest = np.argsort(-ends[1:], kind="stable")[: ANCHORS - 1] + 1
    return np.sort(np.append(highest, 0))


def _looked_at(question: _Question, acquisition: NoisyImprovement, tops: Floats, number: int) -> Integers:
    """Steps of values with a high log improvement: screened, climbed, and on the way between."""
    region, d = question.region, len(question.origin)
    drawn = qmc.Sobol(2 * d, scramble=True, seed=question.seed + number).random(SCREENED)
    wide = region.low + drawn[:, :d] * (region.high - region.low)
    spread = 0.1 * ndtri(drawn[: SCREENED // 2, d:].clip(1e-6, 1 - 1e-6)) * (region.high - region.low)
    near = np.resize(tops, (SCREENED // 2, d)) + spread
    points = region.project(np.vstack([wide[: SCREENED // 2], near]))
    order = np.argsort(-acquisition.log_values(beside(points, question.context)), kind="stable")
    starts = points[order[:CLIMBERS]]
    ends = climbed(acquisition, starts, region=region, context=question.context)
    ways = [starts + part * (ends - starts) for part in (0.25, 0.5, 0.75)]
    return region.snap(np.vstack([ends, *ways, points[order[:KEPT]]]))


def _new(steps: Integers, taken: set[tuple[int, ...]]) -> Integers:
    """Each row once, without those that are taken."""
    rows = dict.fromkeys(map(tuple, steps.tolist()))
    kept = [row for row in rows if row not in taken]
    return np.array(kept, dtype=np.int64).reshape(-1, steps.shape[1])


def _safe(question: _Question, steps: Integers) -> Integers:
    """The rows that the safety allows; all where there is none."""
    if (safety := question.requirements.safety) is None:
        return steps
    gain, deviation = _gain(question, steps)
    allowed: NDArray[np.bool_] = gain - ndtri(safety.confidence) * deviation >= -safety.margin
    return steps[allowed]


def _gain(question: _Question, steps: Integers) -> tuple[Floats, Floats]:
    inputs = beside(question.region.points(steps), question.context)
    return question.process.difference(inputs, beside(question.origin[None], question.context)[0])


def _candidate(question: _Question, steps: Integers, improvement: float) -> Candidate:
    gain, deviation = (float(number[0]) for number in _gain(question, steps[None]))
    return Candidate(
        values=question.region.values(steps),
        gain=gain,
        deviation=deviation,
        better=_better(gain, deviation),
        improvement=improvement,
    )
