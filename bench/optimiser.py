"""What a search for better values finds in 60 noisy evaluations, and how long it thinks, against other optimisers."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from rich.console import Console

from bench.comparison import Comparison
from bench.problems import Problem, branin, hartmann, weights
from bench.searched import FIGURES, Run, Searched, kept, plot, table, write
from bench.workbench import LeftOut, Workbench, comparison, rate
from learning.domain import Domain, Group, Parameter
from learning.optimiser import suggest
from learning.recommendation import NoRecommendation, Observation, Recommendation, Requirements

SEEDS = 30
EVALUATIONS = 60
BEGIN = 10
"""So many Sobol points all searches begin with, the same ones."""

NOISE = 0.05
"""Standard deviation of an evaluation, as a part of the problem's range; nobody is told."""

KNOWN = 200
"""So many evaluations are known where the time of one suggestion is measured."""

Floats = NDArray[np.float64]


class Search(Protocol):
    """Asks for an evaluation and is told the result; at the end it names what is to be used."""

    def ask(self) -> Floats: ...
    def tell(self, point: Floats, result: float) -> None: ...
    def named(self) -> Floats: ...


class Ours:
    """``learning.optimiser``; every tenth fit starts afresh, the others from the last one. It names the arm of the
    highest belief."""

    def __init__(self, problem: Problem, seed: int) -> None:
        names = tuple(f"x{place}" for place in range(len(problem.low)))
        ends = zip(names, problem.low.tolist(), problem.high.tolist(), strict=True)
        parameters = tuple(Parameter(name=name, low=low, high=high) for name, low, high in ends)
        self._domain = Domain(parameters, (Group(names),) if problem.simplex else ())
        self._arms: list[Observation] = []
        self._previous: tuple[float, ...] | None = None
        self._seed = 1_000 * seed

    def ask(self) -> Floats:
        answer = self._asked()
        if not isinstance(answer, Recommendation):
            raise LeftOut(answer.reason)
        self._previous = answer.evidence.log_parameters
        return np.array([*answer.candidates[0].values.values()])

    def named(self) -> Floats:
        best = max(self._asked().evidence.beliefs, key=lambda belief: belief.gain)
        return np.array([*(best.values if best.gain > 0 else self._incumbent).values()])

    @property
    def _incumbent(self) -> Mapping[str, float]:
        return max(self._arms, key=lambda arm: arm.mean).values

    def _asked(self) -> Recommendation | NoRecommendation:
        count = len(self._arms)
        return suggest(
            self._arms,
            domain=self._domain,
            incumbent=self._incumbent,
            seed=self._seed + count,
            requirements=Requirements(arms=1, units=1, effective=1),
            previous=self._previous if count % 10 != 5 else None,
        )

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

    def named(self) -> Floats:
        return np.array([self._study.best_params[name] for name in self._space])


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

    def named(self) -> Floats:
        return np.array([*self._search.max["params"].values()])


class Sobol:
    """Points that fill the space, whatever the results; the one with the highest result is named."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._points = iter(problem.beginnings(EVALUATIONS, seed + 10_000))
        self._best = (-math.inf, np.zeros(0))

    def ask(self) -> Floats:
        return np.asarray(next(self._points))

    def tell(self, point: Floats, result: float) -> None:
        self._best = max(self._best, (result, point), key=lambda one: one[0])

    def named(self) -> Floats:
        return self._best[1]


OTHERS: dict[str, Callable[[Problem, int], Search]] = {
    "Sobol points": Sobol,
    "Optuna GPSampler": Optuna,
    "bayesian-optimization": BayesianOptimization,
}

PACKAGES = {"Optuna GPSampler": "optuna", "bayesian-optimization": "bayesian-optimization"}
"""What they find depends on the version of these alone, so it is kept."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Regret after 60 evaluations (10 of them given), and the time of a suggestion when 200 are known."""
    for problem in (branin(), hartmann(), weights()):
        mine = [regrets(problem, Ours, seed) for seed in told(bench, problem.name, "ours")]
        for against, make in OTHERS.items():
            theirs = [regrets(problem, make, seed) for seed in told(bench, problem.name, against)]
            for name, figure in FIGURES.items():
                pairs = [(figure(one), figure(other)) for one, other in zip(mine, theirs, strict=True)]
                yield comparison(f"regret of the best {name}, {problem.name}", against, unit="regret", pairs=pairs)
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


def regrets(problem: Problem, make: Callable[[Problem, int], Search], seed: int) -> Run:
    """What points lack of the maximum, both without noise. The n-th noise is the same for all."""
    search = make(problem, seed)
    noise = NOISE * problem.spread * default_rng(seed).standard_normal(EVALUATIONS)
    begin = problem.beginnings(BEGIN, seed)
    believing = Ours(problem, seed)
    values: list[float] = []
    results: list[float] = []
    for number in range(EVALUATIONS):
        asked = begin[number] if number < BEGIN else search.ask()
        point = problem.point(asked)
        value = problem.value(point)
        values.append(value)
        results.append(value + noise[number])
        search.tell(asked, results[-1])
        believing.tell(point, results[-1])
    curve = (problem.best - np.maximum.accumulate(values)).tolist()
    named, believed = (problem.best - problem.value(problem.point(one.named())) for one in (search, believing))
    return Run(curve, named, problem.best - values[int(np.argmax(results))], believed)


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


def main() -> int:
    """``python -m bench.optimiser``: every search of every problem; the table, curves and plot into ``bench/``.

    What the libraries found is kept, run by run, and only what is missing is run: they take an hour.
    """
    here = Path(__file__).parent
    found = kept(here / "optimiser.json")
    for problem in (branin(), hartmann(), weights()):
        for name, make in {"ours": Ours, **OTHERS}.items():
            one = _known(found, problem.name, name)
            found = [*(other for other in found if (other.problem, other.search) != (problem.name, name)), one]
            try:
                for seed in range(len(one.runs), SEEDS):
                    print(f"{problem.name}, {name}, seed {seed + 1} of {SEEDS}", file=sys.stderr, flush=True)
                    one.runs.append(regrets(problem, make, seed))
                    write(found, here / "optimiser.json")
            except LeftOut as reason:
                print(reason, file=sys.stderr)
    Console(width=110).print(table(found))
    plot(found, here / "optimiser.svg")
    return 0


def _known(found: list[Searched], problem: str, name: str) -> Searched:
    """What is known of a search; of ours and of other versions nothing."""
    package = PACKAGES.get(name)
    try:
        installed = None if package is None else version(package)
    except PackageNotFoundError:
        installed = None
    for one in found:
        same = (one.problem, one.search) == (problem, name)
        if same and package is not None and installed in (None, one.version):
            return one
    return Searched(problem=problem, search=name, version=installed, runs=[])


if __name__ == "__main__":
    sys.exit(main())
