"""What is learned of real prices to the end of a year, judged on the next: out of sample, against the defaults."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from examples.scanner import FEATURES, HISTORY, Bar, candidates
from learning.excursions import Bars
from learning.exits import ExitPlans, exits, session_sums
from learning.improvement import improvement
from scheduler.exit_question import exit_question
from scheduler.history import Entries, Units
from scheduler.question import Question
from scheduler.refit import refit
from scheduler.threshold_question import threshold_question
from scheduler.weight_question import weight_question
from schemas.allocation import Value
from schemas.learner import Learner, LearnerKind
from schemas.parameters import Registry
from schemas.trials import number_of
from schemas.version import Version
from simulation.stocks import Stocks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HORIZON = 5
"""Sessions of the return that weights and the threshold are judged by: from the next open to the fifth close."""

LONGEST = 6
"""Bars that exits look at."""

ERROR_RATE = 0.025
"""Of each end of an interval."""

TOGETHER = "all three together"

QUESTIONS: Mapping[LearnerKind, Callable[..., Question]] = {
    LearnerKind.WEIGHTS: weight_question,
    LearnerKind.THRESHOLD: threshold_question,
    LearnerKind.EXITS: exit_question,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a learner chose at the end of a year, and what that was worth in the next beside the defaults.

    ``default`` is what the defaults earned of each alert, bought or not, ``mean`` by how much the chosen values earned
    more, ``low`` and ``high`` the 95 % interval, which few sessions do not have: all in fractions of one position.
    ``accepted`` says whether the gate would have let the first step toward them in; ``known`` is its evidence.
    """

    learner: str
    until: str
    judged: str
    chosen: dict[str, float]
    accepted: bool
    known: str
    sessions: int
    units: int
    default: float
    mean: float
    low: float | None
    high: float | None


class Alerts:
    """What the example scanner would have told of the stocks, with what followed; rows by session."""

    def __init__(self, stocks: Stocks) -> None:
        self._bars = stocks.bars
        self.years = np.array([int(date[:4]) for date in stocks.dates])
        rows = [
            (session, stock, [features[name] for name in FEATURES])
            for session, found in _found(stocks)
            for stock, features in found
            if session + LONGEST < len(stocks.dates)
        ]
        self.sessions = np.array([row[0] for row in rows], dtype=np.int64)
        self._stocks = np.array([row[1] for row in rows], dtype=np.int64)
        self.features = np.array([row[2] for row in rows], dtype=np.float64)

    def units(self, chosen: NDArray[np.bool_]) -> Units:
        """The chosen rows with their returns."""
        sessions, stocks = self.sessions[chosen], self._stocks[chosen]
        returns = self._bars[sessions + HORIZON, stocks, 3] / self._bars[sessions + 1, stocks, 0] - 1
        features = self.features[chosen]
        return Units(sessions, sessions + HORIZON, features.mean(axis=1), features, 0, returns)

    def entries(self, chosen: NDArray[np.bool_]) -> Entries:
        """The chosen rows with the bars that followed, all long."""
        sessions, stocks = self.sessions[chosen], self._stocks[chosen]
        windows = self._bars[sessions[:, None] + 1 + np.arange(LONGEST), stocks[:, None], :4]
        opens, highs, lows, closes = (np.ascontiguousarray(windows[..., field]) for field in range(4))
        bars = Bars(opens, highs, lows, closes, np.full_like(opens, np.nan))
        features = self.features[chosen]
        scores = features.mean(axis=1)
        return Entries(sessions, sessions + LONGEST, scores, features, 0, np.ones(len(sessions)), bars)


def judged_by_year(stocks: Stocks, registry: Registry, *, seed: int) -> Iterator[Judged]:
    """Learn to the end of each year with the registry's learners, from as many sessions as they look at."""
    alerts = Alerts(stocks)
    for year in sorted(set(alerts.years))[:-1]:
        last = int(np.flatnonzero(alerts.years == year)[-1])
        chosen: dict[str, Value] = {}
        accepted = True
        for learner in registry.learners:
            if learner.kind in QUESTIONS:
                found = _judged(alerts, registry, learner, last, seed)
                chosen |= found.chosen
                accepted &= found.accepted
                yield found
        yield _together(alerts, registry, chosen, last, seed=seed, accepted=accepted)


def _found(stocks: Stocks) -> Iterator[tuple[int, list[tuple[int, dict[str, float]]]]]:
    places = {symbol: place for place, symbol in enumerate(stocks.symbols)}
    histories: dict[str, deque[Bar]] = {symbol: deque(maxlen=HISTORY) for symbol in stocks.symbols}
    for session, (date, table) in enumerate(zip(stocks.dates, stocks.bars.tolist(), strict=True)):
        for symbol, bar in zip(stocks.symbols, table, strict=True):
            histories[symbol].append(Bar(symbol, date, *bar))
        yield session, [(places[symbol], features) for symbol, features in candidates(histories).items()]


def _told(alerts: Alerts, learner: Learner, first: int, last: int) -> Units | Entries:
    """The alerts of these sessions with what the learner looks at."""
    chosen = (alerts.sessions >= first) & (alerts.sessions <= last)
    return alerts.entries(chosen) if learner.kind is LearnerKind.EXITS else alerts.units(chosen)


def _known(alerts: Alerts, learner: Learner, last: int) -> Units | Entries:
    """What a learner looks back on at the end of session ``last``: what was known by then."""
    longest = LONGEST if learner.kind is LearnerKind.EXITS else HORIZON
    return _told(alerts, learner, last - learner.sessions + 1, last - longest)


def _next(alerts: Alerts, last: int) -> tuple[int, int]:
    """First and last session of the year after ``last``."""
    there = np.flatnonzero(alerts.years == alerts.years[last] + 1)
    return int(there[0]), int(there[-1])


def _judged(alerts: Alerts, registry: Registry, learner: Learner, last: int, seed: int) -> Judged:
    version = Version(
        strategy=registry.strategy,
        epoch=1,
        number=1 + seed,
        previous=None,
        session="",
        regime="all",
        registry="",
        values=registry.defaults,
        allocations=[],
    )
    learned = refit(learner, registry, version, _known(alerts, learner, last))
    assert learned.evidence is not None, learned.verdict.reason
    later = _told(alerts, learner, *_next(alerts, last))
    question = QUESTIONS[learner.kind](learner, registry, version.values, later)
    names = learner.learned
    table = question.gains(
        np.array([[learned.evidence.chosen[name] for name in names], [number_of(version.values[n]) for n in names]])
    )
    return Judged(
        learner=learner.id,
        until=str(alerts.years[last]),
        judged=str(alerts.years[last] + 1),
        chosen=learned.evidence.chosen,
        accepted=learned.verdict.accepted,
        known=learned.evidence.figures,
        **_compared(table, len(later.sessions), learner.size, seed),
    )


def _together(
    alerts: Alerts, registry: Registry, chosen: Mapping[str, Value], last: int, *, seed: int, accepted: bool
) -> Judged:
    """Weights, threshold and exits as they were chosen, against the defaults, through the next year's paths."""
    [learner] = [learner for learner in registry.learners if learner.kind is LearnerKind.EXITS]
    later = _told(alerts, learner, *_next(alerts, last))
    assert isinstance(later, Entries)
    table = np.column_stack([_earned(later, learner, registry.defaults | changes) for changes in (dict(chosen), {})])
    return Judged(
        learner=TOGETHER,
        until=str(alerts.years[last]),
        judged=str(alerts.years[last] + 1),
        chosen={},
        accepted=accepted,
        known="",
        **_compared(table, len(later.sessions), learner.size, seed),
    )


def _earned(entries: Entries, learner: Learner, values: Mapping[str, Value]) -> Floats:
    """What each session earned by these values."""
    weights = np.array([number_of(values[name]) for name in learner.weights])
    names = (learner.stop_loss, learner.take_profit, learner.max_hold, learner.threshold)
    stop, target, hold, threshold = (number_of(values[name]) for name in names if name is not None)
    bought = np.round(entries.features @ weights, 9) >= threshold
    plans = ExitPlans(np.array([stop]), np.array([target]), np.array([round(hold)]))
    made = exits(entries.bars, signs=entries.signs, plans=plans, costs=learner.costs)
    sums: Floats = session_sums(made, entries.sessions, sizes=np.where(bought, learner.size, 0.0))[1][:, 0]
    return sums


class _Compared(TypedDict):
    sessions: int
    units: int
    default: float
    mean: float
    low: float | None
    high: float | None


def _compared(table: Floats, units: int, size: float, seed: int) -> _Compared:
    """Of what sessions earned (sessions, 2) by the chosen values and by the defaults."""
    chance = np.random.default_rng(seed)
    found = improvement(table[:, 0] - table[:, 1], generator=chance, error_rate=ERROR_RATE, overlap=LONGEST)
    each = len(table) / units / size
    return _Compared(
        sessions=found.n,
        units=units,
        default=float(table[:, 1].mean()) * each,
        mean=float((table[:, 0] - table[:, 1]).mean()) * each,
        low=None if found.low is None else found.low * each,
        high=None if found.high is None else found.high * each,
    )
