"""Each learner as it stands in the engine, asked one question of one made-up history: is there something better?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from learning.best_threshold import best_threshold
from learning.blocks import block_p_value
from learning.cohorts import Cohorts
from learning.correlation import correlations
from learning.differences import within_sessions
from learning.domain import Domain
from learning.domain import Parameter as Axis
from learning.excursions import Bars
from learning.optimiser import suggest
from learning.recommendation import Observation, Recommendation, Requirements
from learning.rewards import SCALE
from learning.shares import many_shares, probabilities_best, top_two
from scheduler.history import Entries, Positions, Units
from scheduler.history import History as Seen
from scheduler.refit import refit
from schemas.allocation import WHOLE
from schemas.learner import Learner, LearnerKind
from schemas.parameters import GateRules, LearningRules, Parameter, ParameterType, Registry
from schemas.version import Version
from simulation.outcomes import SESSIONS, UNIT_SD, Make, Outcomes
from simulation.paths import LONGEST, Floats, Prices, at_closes

ERROR_RATE = 0.05

SIZE = 0.05
"""Of equity, of every position."""

WEEK = 5
"""Sessions after which shares of arms move."""

FLOOR = LearningRules().floor
"""An arm's least share, as a registry has it that says nothing of it."""

FEATURES = tuple("abcdef")

OPTIMUM, LOW, HIGH = 0.3, 0.6, 0.9
"""The best score threshold, the one in force, and the highest."""


@dataclass(frozen=True, slots=True)
class Planted:
    """What is planted: ``effect`` standard deviations of a unit for each unit that the better value treats otherwise.

    ``units`` a session; ``share`` of them has other values, where values are tried on some units.
    """

    effect: float = 0.0
    units: int = 20
    share: float = 0.2


class Answer(NamedTuple):
    """What a learner said of one history: ``better`` at the stated rate of this one look, and whether the gate
    ``lets_in``, which asks for a confidence that holds at all weekly looks, as in the first window; None where no gate
    follows."""

    better: bool
    lets_in: bool | None = None


Asked = Callable[[Generator, Planted], Answer]
"""Asks a learner about one history that is drawn from the generator."""


def thresholds(make: Make, chance: Generator, planted: Planted) -> Answer:
    """Units between the best threshold and the one in force earn the effect; those below the best one lose it."""
    outcomes = make(chance, planted.units)
    scores = outcomes.features[:, 0]
    returns = outcomes.returns + planted.effect * UNIT_SD * np.where(scores < OPTIMUM, -1.0, scores < LOW)
    parameters = {"threshold": _number("threshold", 0.6, 0.1, HIGH, 0.05)}
    learner = Learner(id="entry", kind=LearnerKind.THRESHOLD, threshold="threshold", size=SIZE)
    return _answered(parameters, learner, _units(outcomes, scores, returns))


def weights(make: Make, chance: Generator, planted: Planted) -> Answer:
    """A standard deviation of the first feature earns the effect; all six features weigh the same."""
    outcomes = make(chance, planted.units)
    returns = outcomes.returns + planted.effect * UNIT_SD * _standardised(outcomes.features[:, 0])
    parameters = {name: _number(name, round(1 / 6, 6), 0.0, 0.6, None, group="score") for name in FEATURES}
    parameters["threshold"] = _number("threshold", 0.55, 0.1, 0.9, 0.05)
    learner = Learner(
        id="mix",
        kind=LearnerKind.WEIGHTS,
        threshold="threshold",
        weights={name: name for name in FEATURES},
        size=SIZE,
    )
    return _answered(parameters, learner, _units(outcomes, outcomes.features.mean(axis=1), returns))


def sizes(make: Make, chance: Generator, planted: Planted) -> Answer:
    """Every unit earns the effect, so larger positions grow faster; some were larger than the cap in force allows."""
    outcomes = make(chance, planted.units)
    taken = 0.04 * outcomes.features[:, 0]
    history = Positions(
        outcomes.sessions, _ends(outcomes), taken, outcomes.returns + planted.effect * UNIT_SD, unknown=0
    )
    learner = Learner(id="sizes", kind=LearnerKind.POSITION_SIZE, cap="cap")
    return _answered({"cap": _number("cap", 0.02, 0.005, 0.04, 0.005)}, learner, history)


def exits(prices: Prices, chance: Generator, planted: Planted) -> Answer:
    """An entry in each stock and session, on a random side. What is still held after ten bars earns the effect in the
    five that follow, a standard deviation being that of ten bars; the holding time in force is ten.
    """
    bars = at_closes(prices(chance, planted.units, SESSIONS + LONGEST))
    rows = len(bars.opens)
    signs = chance.choice([-1.0, 1.0], size=rows)
    if planted.effect:
        bars = _carried_on(bars, signs, planted.effect)
    places = np.repeat(np.arange(rows // planted.units), planted.units)
    history = Entries(
        sessions=places,
        ends=places + LONGEST,
        scores=np.ones(rows),
        features=np.empty((rows, 0)),
        unknown=0,
        signs=signs,
        bars=bars,
    )
    parameters = {
        "target": _number("target", 0.12, 0.03, 0.2, 0.01),
        "stop": _number("stop", 0.06, 0.03, 0.1, 0.01),
        "hold": _number("hold", 10, 5, LONGEST, 1, type_=ParameterType.INTEGER),
    }
    learner = Learner(
        id="exits", kind=LearnerKind.EXITS, take_profit="target", stop_loss="stop", max_hold="hold", size=SIZE
    )
    return _answered(parameters, learner, history)


def cuts(make: Make, chance: Generator, planted: Planted) -> Answer:
    """The best threshold of a feature, a standard deviation of which earns the effect: an insight's p-value."""
    outcomes = make(chance, planted.units)
    feature, returns = outcomes.features[:, 0], _sloped(outcomes, planted)
    found = best_threshold(feature, returns, sessions=outcomes.sessions, ends=_ends(outcomes))
    return Answer(found.p_value is not None and found.p_value <= ERROR_RATE)


def associations(make: Make, chance: Generator, planted: Planted) -> Answer:
    """Whether a feature and the outcome go together, on either side: the larger of an insight's two p-values, that of
    blocks of sessions and that of Spearman's coefficient with windows that overlap.
    """
    outcomes = make(chance, planted.units)
    feature, returns = outcomes.features[:, 0], _sloped(outcomes, planted)
    apart = block_p_value(feature, returns, sessions=outcomes.sessions, length=2 * outcomes.horizon)
    uniqueness = np.full(len(returns), 1 / outcomes.horizon)
    [found] = correlations(["feature"], feature[:, None], returns, uniqueness=uniqueness)
    if apart is None or found.spearman is None:
        return Answer(False)
    return Answer(max(apart, found.spearman.p_value) <= ERROR_RATE)


def arms(make: Make, chance: Generator, planted: Planted) -> Answer:
    """A share of the units has other values, which earn the effect: is their arm best with 95 % probability?

    The prior of the difference is as wide as a unit's standard deviation.
    """
    outcomes = make(chance, planted.units)
    sums = _Tables(1)
    sums.add(outcomes, chance.random(len(outcomes.returns)) >= planted.share, effects=[planted.effect])
    found = within_sessions(sums.cohorts, regimes=1, prior_sd=UNIT_SD)
    best = probabilities_best(found.means[:, 0], found.covariances[:, 0], seed=1)
    return Answer(float(best[0, 0]) >= 1 - ERROR_RATE)


def proposals(make: Make, chance: Generator, planted: Planted) -> Answer:
    """Four arms share the units that have other values, as Thompson sampling has it from week to week; the optimiser
    says of its candidate how surely it is better.

    The reward is a parabola through the value in force that is the effect higher at its top.
    """
    outcomes, places = make(chance, planted.units), (0.3, 0.4, 0.6, 0.7)
    heights = [planted.effect * (1 - ((place - 0.6) / 0.1) ** 2) for place in places]
    sums = _moved(outcomes, chance, share=planted.share, effects=heights)
    compared = within_sessions(sums, regimes=1, prior_sd=1e3 * UNIT_SD)
    units = sums.n[0].sum(axis=0).tolist()
    known = [place for place, count in enumerate(units) if count]  # a small share of few units may leave an arm without
    means = np.append(compared.means[0, 0], 0.0)
    covariance = np.pad(compared.covariances[0, 0], (0, 1))
    observations = [
        Observation(values={"lever": at}, mean=mean, variance=variance, units=float(count))
        for at, mean, variance, count in zip((*places, 0.5), means, covariance.diagonal(), units, strict=True)
        if count
    ]
    found = suggest(
        observations,
        covariance=covariance[np.ix_(known, known)],
        domain=Domain((Axis(name="lever", low=0.0, high=1.0, step=0.01, change=0.2),)),
        incumbent={"lever": 0.5},
        seed=int(chance.integers(2**31)),
        requirements=Requirements(units=1.0, effective=1.0),
    )
    return Answer(isinstance(found, Recommendation) and found.candidates[0].better >= 1 - ERROR_RATE)


LEARNERS: Mapping[str, Callable[[Make, Generator, Planted], Answer]] = {
    "weights": weights,
    "score threshold": thresholds,
    "position size": sizes,
    "best threshold of a feature": cuts,
    "association of a feature": associations,
    "arms": arms,
    "optimiser": proposals,
}
"""Learners that see outcomes; exits see prices."""

SHARED = ("arms", "optimiser")
"""Those that try values on a share of the units; the others see what each unit would have earned."""


def asked(name: str, make: Make, prices: Prices) -> Asked:
    """The question to the learner ``name``, in histories of these outcomes and prices."""
    return partial(exits, prices) if name == "exits" else partial(LEARNERS[name], make)


def _answered(parameters: Mapping[str, Parameter], learner: Learner, history: Seen) -> Answer:
    registry = Registry(
        strategy="simulated", gate=GateRules(alpha=ERROR_RATE), parameters=dict(parameters), learners=[learner]
    )
    version = Version(
        strategy="simulated",
        epoch=1,
        number=1,
        previous=None,
        session="2024-01-02",
        regime="all",
        registry="",
        values=registry.defaults,
        allocations=[],
    )
    learned = refit(learner, registry, version, history)
    evidence = learned.evidence
    if evidence is None or evidence.probability is None or evidence.low is None:
        return Answer(False, False)
    better = evidence.probability >= 1 - ERROR_RATE and evidence.low > 0 and evidence.chosen != evidence.incumbent
    return Answer(better, learned.verdict.accepted)


def _number(
    name: str,
    default: float,
    low: float,
    high: float,
    step: float | None,
    *,
    group: str | None = None,
    type_: ParameterType = ParameterType.NUMBER,
) -> Parameter:
    return Parameter(
        name=name,
        type=type_,
        default=default,
        min=low,
        max=high,
        step=step,
        group=group,
        category="simulated",
        affects="everything",
        description="What is learned.",
        max_change=high - low,
        reward="unit_pnl:5d",
    )


def _units(outcomes: Outcomes, scores: Floats, returns: Floats) -> Units:
    return Units(outcomes.sessions, _ends(outcomes), scores, outcomes.features, 0, returns)


def _ends(outcomes: Outcomes) -> NDArray[np.int64]:
    return outcomes.sessions + outcomes.horizon


def _standardised(feature: Floats) -> Floats:
    """Of a feature that is evenly spread between 0 and 1."""
    standardised: Floats = (feature - 0.5) * np.sqrt(12.0)
    return standardised


def _sloped(outcomes: Outcomes, planted: Planted) -> Floats:
    return outcomes.returns + planted.effect * UNIT_SD * _standardised(outcomes.features[:, 0])


def _carried_on(bars: Bars, signs: Floats, effect: float) -> Bars:
    """Each entry's own prices, lifted on its side from the eleventh bar on."""
    per_bar = effect * UNIT_SD * np.sqrt(10) / (LONGEST - 10)
    lift = np.concatenate([np.zeros(10), per_bar * np.arange(1, LONGEST - 9)])
    table = bars.closes * (1 + signs[:, None] * lift)
    return Bars(table, table, table, table, bars.factors)


def _moved(outcomes: Outcomes, chance: Generator, *, share: float, effects: list[float]) -> Cohorts:
    """Sums by session and arm, where the arms have equal parts of the share at first, and each week the parts that the
    allocator gives them for what is over by then."""
    sums, drawn = _Tables(len(effects)), chance.random(len(outcomes.returns))
    parts = np.append(np.full(len(effects), share / len(effects)), 1 - share)
    for start in range(0, SESSIONS, WEEK):
        over = start - outcomes.horizon
        if over > 0:
            found = within_sessions(sums.until(over), regimes=1, prior_sd=UNIT_SD)
            played = top_two(found.means[:, 0], found.covariances[:, 0], seed=start)
            parts = many_shares(played, budget=share, floor=FLOOR)[0] / WHOLE
        rows = (outcomes.sessions >= start) & (outcomes.sessions < start + WEEK)
        sums.add(outcomes.only(rows), np.searchsorted(parts.cumsum()[:-1], drawn[rows], side="right"), effects=effects)
    return sums.cohorts


class _Tables:
    """Exact sums of one trial by session and arm, the baseline last."""

    def __init__(self, arms: int) -> None:
        self._tables = np.zeros((3, 1, SESSIONS, arms + 1), dtype=np.int64)

    @property
    def cohorts(self) -> Cohorts:
        return self.until(SESSIONS)

    def until(self, session: int) -> Cohorts:
        """Those of the sessions before this one."""
        return Cohorts(*self._tables[:, :, :session])

    def add(self, outcomes: Outcomes, arms: NDArray[Any], *, effects: list[float]) -> None:
        """Each of ``outcomes`` was of one of the ``arms``, which earn these effects; the baseline none."""
        placed = arms.astype(np.int64)
        rewards = np.rint((outcomes.returns + UNIT_SD * np.append(effects, 0.0)[placed]) * SCALE).astype(np.int64)
        for table, values in zip(self._tables, (np.ones_like(rewards), rewards, rewards**2), strict=True):
            np.add.at(table[0], (outcomes.sessions, placed), values)
