"""A week's refit: six weights on a million units, and every plan of exit on fifty thousand entries."""

from collections.abc import Iterator

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from bench.comparison import Comparison
from bench.workbench import Workbench, rate
from learning.barrier import barriers
from learning.excursions import Bars
from learning.exits import ExitPlans, Exits, exits
from learning.search import Found
from learning.walk_forward import Fold, walk_forward
from learning.weight_search import ScoredHistory, search_weights

UNITS, FEATURES, SESSIONS = 1_000_000, 6, 250
ENTRIES, LENGTH = 50_000, 30
STOPS, TARGETS, HOLDS = np.linspace(0.01, 0.1, 10), np.linspace(0.01, 0.2, 10), np.array([5, 10, 20, 30])
"""Ten stops, ten targets and four holding times are 400 plans."""

ONE_BY_ONE = 4
"""So many plans are computed one after the other; all of them would take as many times longer."""

Floats = NDArray[np.float64]
Examples = tuple[Floats, Floats, NDArray[np.int64]]


def measure(bench: Workbench) -> Iterator[Comparison]:
    """The whole search of the weights against its fits alone by numpy; all exits at once against plan by plan."""
    examples, folds = drawn(bench.count(UNITS)), folds_of(SESSIONS)
    yield bench.compare(
        f"weekly refit, {FEATURES} weights, {bench.count(UNITS):,} units",
        "numpy lstsq, its fits alone",
        unit="s",
        ours=lambda: 1 / rate(1, lambda: refit(examples, folds)),
        baseline=lambda: 1 / rate(1, lambda: fits(examples, folds)),
    )
    bars, plans = walks(bench.count(ENTRIES)), all_plans()
    yield bench.compare(
        f"exits, {bench.count(ENTRIES):,} entries x {LENGTH} bars x {len(plans.holds)} plans",
        f"barriers plan by plan, {ONE_BY_ONE} plans, times {len(plans.holds) // ONE_BY_ONE}",
        unit="s",
        ours=lambda: 1 / rate(1, lambda: at_once(bars, plans)),
        baseline=lambda: len(plans.holds) / ONE_BY_ONE / rate(1, lambda: one_by_one(bars, plans, count=ONE_BY_ONE)),
    )


def drawn(count: int) -> Examples:
    """Features, rewards and sessions of units; the first feature has a small effect."""
    generator = default_rng(1)
    features = generator.random((count, FEATURES))
    rewards = 0.02 * (0.02 * generator.standard_t(4, count) + 0.002 * (features[:, 0] - 0.5))
    return features, rewards, generator.integers(0, SESSIONS, count)


def folds_of(sessions: int) -> list[Fold]:
    """Four blocks of sessions, as the weekly cycle has them."""
    days = np.arange(sessions)
    return walk_forward(days, days + 5, warm_up=sessions // 3, block=36, embargo=5, minimum=20)


def refit(examples: Examples, folds: list[Fold]) -> Found:
    """What the weekly cycle does for weights, from arrays on."""
    features, rewards, sessions = examples
    return search_weights(
        ScoredHistory(features, rewards, sessions, threshold=0.55),
        old=np.full(FEATURES, 1 / FEATURES),
        lower=np.full(FEATURES, 0.02),
        upper=np.full(FEATURES, 0.6),
        folds=folds,
        generator=default_rng(1),
        error_rate=0.05,
    )


def fits(examples: Examples, folds: list[Fold]) -> list[Floats]:
    """Least squares on the past of each fold and on everything, and nothing else."""
    features, rewards, sessions = examples
    design = np.column_stack([features, np.ones(len(features))])
    parts = [np.isin(sessions, fold.train) for fold in folds]
    return [np.linalg.lstsq(design[part], rewards[part])[0] for part in (*parts, np.ones(len(rewards), bool))]


def walks(count: int) -> Bars:
    """Driftless bars of as many entries."""
    generator = default_rng(2)
    closes = generator.normal(0, 0.02, (count, LENGTH)).cumsum(axis=1)
    opens = np.concatenate([np.zeros((count, 1)), closes[:, :-1]], axis=1)
    reach = abs(generator.normal(0, 0.01, (2, count, LENGTH)))
    highs, lows = np.maximum(opens, closes) + reach[0], np.minimum(opens, closes) - reach[1]
    opens, highs, lows, closes = (100 * np.exp(one) for one in (opens, highs, lows, closes))
    return Bars(opens, highs, lows, closes, np.full((count, LENGTH), np.nan))


def all_plans() -> ExitPlans:
    """Every stop with every target and every holding time."""
    stops, targets, holds = (one.ravel() for one in np.meshgrid(STOPS, TARGETS, HOLDS, indexing="ij"))
    return ExitPlans(stops, targets, holds)


def at_once(bars: Bars, plans: ExitPlans) -> Exits:
    """All plans of all entries."""
    return exits(bars, signs=np.ones(len(bars.opens)), plans=plans, costs=0.0)


def one_by_one(bars: Bars, plans: ExitPlans, *, count: int) -> list[Floats]:
    """The returns of some plans, each by the function that measures an example's triple barrier."""
    entries, signs = bars.opens[:, 0], np.ones(len(bars.opens))
    found = []
    for place in np.linspace(0, len(plans.holds) - 1, count).astype(int):
        hold = int(plans.holds[place])
        part = Bars(*(getattr(bars, name)[:, :hold] for name in ("opens", "highs", "lows", "closes", "factors")))
        made = barriers(
            part,
            signs=signs,
            entries=np.full(len(entries), np.nan),
            stops=entries * (1 - plans.stops[place]),
            targets=entries * (1 + plans.targets[place]),
            trusted=np.ones((len(entries), hold), bool),
            guard=10.0,
            complete=np.ones(len(entries), bool),
        )
        found.append(made.returns)
    return found
