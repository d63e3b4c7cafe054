"""What a search for better values finds in 60 noisy evaluations, and how long it thinks, against other optimisers."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from scipy.stats import qmc

from bench.comparison import Comparison
from bench.workbench import LeftOut, Workbench, comparison, rate
from learning.domain import Domain, Group, Parameter
from learning.optimiser import suggest
from learning.recommendation import Observation, Recommendation, Requirements

SEEDS = 30
EVALUATIONS = 60
BEGIN = 10
"""So many Sobol points all searches begin with, the same ones."""

NOISE = 0.05
"""Standard deviation of an evaluation, as a part of the problem's range; nobody is told."""

KNOWN = 200
"""So many evaluations are known where the time of one suggestion is measured."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A function to be maximised; ``best`` is its maximum and ``spread`` its range.

    On a simplex the values are weights that sum to 1; a search that knows no simplex gets its values divided by
    their sum.
    """

    name: str
    low: Floats
    high: Floats
    value: Callable[[Floats], float]
    best: float
    spread: float
    simplex: bool = False

    def point(self, asked: Floats) -> Floats:
        """What is evaluated."""
        return np.asarray(asked / asked.sum() if self.simplex else asked)

    def beginnings(self, count: int, seed: int) -> Floats:
        """Sobol points (count x d)."""
        points = qmc.Sobol(len(self.low), seed=seed).random(1 << (count - 1).bit_length())[:count]
        if self.simplex:
            exponential = -np.log1p(-points)
            return np.asarray(exponential / exponential.sum(axis=1, keepdims=True))
        return np.asarray(self.low + points * (self.high - self.low))


class Search(Protocol):
    """Asks for an evaluation and is told the result."""

    def ask(self) -> Floats: ...
    def tell(self, point: Floats, result: float) -> None: ...


class Ours:
    """``learning.optimiser``; every tenth fit starts afresh, the others from the last one."""

    def __init__(self, problem: Problem, seed: int) -> None:
        names = tuple(f"x{place}" for place in range(len(problem.low)))
        ends = zip(names, problem.low.tolist(), problem.high.tolist(), strict=True)
        parameters = tuple(Parameter(name=name, low=low, high=high) for name, low, high in ends)
        self._domain = Domain(parameters, (Group(names),) if problem.simplex else ())
        self._arms: list[Observation] = []
        self._previous: tuple[float, ...] | None = None
        self._seed = 1_000 * seed

    def ask(self) -> Floats:
        incumbent = max(self._arms, key=lambda arm: arm.mean).values
        count = len(self._arms)
        answer = suggest(
            self._arms,
            domain=self._domain,
            incumbent=incumbent,
            seed=self._seed + count,
            requirements=Requirements(arms=1, units=1, effective=1),
            previous=self._previous if count % 10 != 5 else None,
        )
        if not isinstance(answer, Recommendation):
            raise LeftOut(answer.reason)
        self._previous = answer.evidence.log_parameters
        return np.array([*answer.candidates[0].values.values()])

    def tell(self, point: Floats, result: float) -> None:
        values = dict(zip(self._domain.names, point.tolist(), strict=True))
        self._arms.append(Observation(values=values, mean=result, variance=0.0, units=1))


class Optuna:
    """Optuna's GPSampler, told that the objective is noisy."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._optuna: Any = needed("optuna")
        import_module("torch").set_num_threads(1)
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        sampler = self._optuna.samplers.GPSampler(seed=seed, n_startup_trials=BEGIN, deterministic_objective=False)
        self._study = self._optuna.create_study(direction="maximize", sampler=sampler)
        floats = self._optuna.distributions.FloatDistribution
        ends = zip(problem.low.tolist(), problem.high.tolist(), strict=True)
        self._space = {f"x{place}": floats(low, high) for place, (low, high) in enumerate(ends)}
        self._trial: Any = None

    def ask(self) -> Floats:
        self._trial = self._study.ask(self._space)
        return np.array([self._trial.params[name] for name in self._space])

    def tell(self, point: Floats, result: float) -> None:
        if self._trial is not None:
            self._study.tell(self._trial, result)
            self._trial = None
            return
        values = dict(zip(self._space, point.tolist(), strict=True))
        self._study.add_trial(self._optuna.trial.create_trial(params=values, distributions=self._space, value=result))


class BayesianOptimization:
    """``bayesian-optimization`` as it comes, but for its ``alpha``: 3 % of the variance of the results are noise."""

    def __init__(self, problem: Problem, seed: int) -> None:
        ends = zip(problem.low.tolist(), problem.high.tolist(), strict=True)
        bounds = {f"x{place}": pair for place, pair in enumerate(ends)}
        make = needed("bayes_opt").BayesianOptimization
        self._search = make(f=None, pbounds=bounds, random_state=seed, verbose=0, allow_duplicate_points=True)
        self._search.set_gp_params(alpha=0.03)

    def ask(self) -> Floats:
        return np.array([*self._search.suggest().values()])

    def tell(self, point: Floats, result: float) -> None:
        self._search.register(params=point, target=result)


class Sobol:
    """Points that fill the space, whatever the results."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._points = iter(problem.beginnings(EVALUATIONS, seed + 10_000))

    def ask(self) -> Floats:
        return np.asarray(next(self._points))

    def tell(self, point: Floats, result: float) -> None:
        """Nothing is learned."""


OTHERS: dict[str, Callable[[Problem, int], Search]] = {
    "Sobol points": Sobol,
    "Optuna GPSampler": Optuna,
    "bayesian-optimization": BayesianOptimization,
}


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Simple regret after 60 evaluations (10 of them given), and the time of a suggestion when 200 are known."""
    for problem in (branin(), hartmann(), weights()):
        mine = [regret(problem, Ours, seed) for seed in told(bench, problem.name, "ours")]
        for against, make in OTHERS.items():
            theirs = [regret(problem, make, seed) for seed in told(bench, problem.name, against)]
            what = f"simple regret, {problem.name}"
            yield comparison(what, against, unit="regret", pairs=zip(mine, theirs, strict=True))
    for against in ("Optuna GPSampler", "bayesian-optimization"):
        knowing, other = (informed(hartmann(), make) for make in (Ours, OTHERS[against]))
        yield bench.compare(
            f"a suggestion, n = {KNOWN}, d = 6",
            against,
            unit="ms",
            ours=partial(thought, knowing),
            baseline=partial(thought, other),
        )


def told(bench: Workbench, problem: str, who: str) -> Iterator[int]:
    """Seeds."""
    for seed in range(bench.count(SEEDS)):
        bench.tell(f"{problem}, {who}, seed {seed + 1} of {bench.count(SEEDS)}")
        yield seed


def regret(problem: Problem, make: Callable[[Problem, int], Search], seed: int) -> float:
    """What the best evaluated point lacks of the maximum, both without noise; the n-th noise is the same for all."""
    search = make(problem, seed)
    noise = NOISE * problem.spread * default_rng(seed).standard_normal(EVALUATIONS)
    begin = problem.beginnings(BEGIN, seed)
    reached = -math.inf
    for number in range(EVALUATIONS):
        asked = begin[number] if number < BEGIN else search.ask()
        value = problem.value(problem.point(asked))
        search.tell(asked, value + noise[number])
        reached = max(reached, value)
    return problem.best - reached


def informed(problem: Problem, make: Callable[[Problem, int], Search]) -> Search:
    """A search that knows 200 evaluations and has made one suggestion, so that the next fit starts from the last."""
    search = make(problem, 1)
    generator = default_rng(1)
    for point in problem.beginnings(KNOWN, 1):
        search.tell(point, problem.value(point) + NOISE * problem.spread * generator.standard_normal())
    search.ask()
    return search


def thought(search: Search) -> float:
    """Milliseconds of a suggestion."""
    return 1e3 / rate(1, search.ask)


def needed(module: str) -> Any:
    """The module, which only the bench environment has."""
    try:
        return import_module(module)
    except ImportError as error:
        raise LeftOut(f"{module} is not installed; pip install '.[optimisers]'") from error


def branin() -> Problem:
    """Two dimensions, three equal maxima at -0.397887."""

    def value(x: Floats) -> float:
        a, b = float(x[0]), float(x[1])
        valley = b - 5.1 / (4 * math.pi**2) * a * a + 5 / math.pi * a - 6
        return -(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)

    return Problem("Branin", np.array([-5.0, 0.0]), np.array([10.0, 15.0]), value, -0.397887, 308.13 - 0.397887)


def hartmann() -> Problem:
    """Six dimensions, a maximum of 3.32237 among several."""
    slopes = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    places = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    heights = np.array([1.0, 1.2, 3.0, 3.2])

    def value(x: Floats) -> float:
        return float(heights @ np.exp(-(slopes * (x - places) ** 2).sum(axis=1)))

    return Problem("Hartmann-6", np.zeros(6), np.ones(6), value, 3.32237, 3.32237)


def weights() -> Problem:
    """Six weights that sum to 1: what is far from the best ones loses, some directions seven times as much as others.

    The worst corner is the minimum, as of any concave function on a simplex.
    """
    best = np.array([0.3, 0.25, 0.2, 0.15, 0.07, 0.03])
    factors = default_rng(1).normal(size=(6, 6))
    loss = factors @ np.diag([1.0, 1.4, 2.0, 3.0, 5.0, 7.0]) @ factors.T / 6

    def value(x: Floats) -> float:
        away = x - best
        return -float(away @ loss @ away)

    worst = min(value(corner) for corner in np.eye(6))
    return Problem("6 weights", np.zeros(6), np.ones(6), value, 0.0, -worst, simplex=True)
