"""One learner's week: search history, judge the way of choosing out of fold, and take the first step of the way."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from learning.domain import Domain, Group, NoRoom, Parameter, Region
from learning.errors import LearningError
from learning.gate import Rules, Verdict
from learning.history_evidence import HistoryEvidence, judge_history
from learning.search import Candidate, Found
from learning.spending import spent_on
from learning.walk_forward import Fold, walk_forward
from scheduler.exit_question import exit_question
from scheduler.history import Entries, History, Positions, Units
from scheduler.question import NothingToAsk, Question
from scheduler.size_question import size_question
from scheduler.threshold_question import threshold_question
from scheduler.weight_question import weight_question
from schemas.allocation import Value
from schemas.learner import Learner, LearnerKind
from schemas.parameters import ParameterType, Registry, Scale
from schemas.trials import number_of
from schemas.version import Version

FOLDS = 4
"""So many blocks of sessions are judged, one after the other."""

WARM_UP = 3
"""One part of so many of all sessions is never judged, so that the first choice has seen something."""

LEAST_BLOCK, LEAST_TRAINED = 10, 20
"""Sessions that a block is judged on, and that a choice is made from, at the least."""


class Learned(NamedTuple):
    """What came of a learner: the verdict on its evidence, or on nothing where there was nothing to judge.

    ``unknown`` counts what was left out because its outcome, or a feature of its score, is not known.
    """

    learner: Learner
    evidence: HistoryEvidence | None
    verdict: Verdict
    unknown: int


def refit(learner: Learner, registry: Registry, version: Version, history: History, *, passed: int = 0) -> Learned:
    """Learn from ``history`` beside the values of ``version``. The same history gives the same bits: what is drawn is
    seeded by the version number and the learner's id.

    All learners of a registry share its error rate. Each spends its part over the windows of so many sessions as it
    looks at: ``passed`` have been whole before, and what it looks at now rolls through the next one. So all of them
    propose something, where nothing is better, with about that error rate, however long they go on.
    """
    try:
        question = _question(learner, registry, version.values, history)
        evidence = _evidence(learner, registry, version, question, passed)
    except (NothingToAsk, LearningError) as nothing:
        return Learned(learner, None, Verdict(False, str(nothing)), _unknown(history))
    rules = Rules(minimum_units=registry.gate.minimum_units, minimum_sessions=registry.gate.minimum_sessions)
    verdict = judge_history(evidence, rules, alpha=registry.gate.alpha)
    return Learned(learner, evidence, verdict, _unknown(history))


def _unknown(history: History) -> int:
    lacking = 0 if isinstance(history, Positions) else np.isnan(history.features).any(axis=1).sum()
    return history.unknown + int(lacking)


def _question(learner: Learner, registry: Registry, values: Mapping[str, Value], history: History) -> Question:
    if isinstance(history, Entries):
        return exit_question(learner, registry, values, history)
    if isinstance(history, Positions):
        return size_question(learner, registry, values, history)
    assert isinstance(history, Units)
    ask = weight_question if learner.kind is LearnerKind.WEIGHTS else threshold_question
    return ask(learner, registry, values, history)


def _evidence(
    learner: Learner, registry: Registry, version: Version, question: Question, passed: int
) -> HistoryEvidence:
    names = learner.learned
    incumbent = {name: number_of(version.values[name]) for name in names}
    way = _Way(learner, registry, incumbent)
    folds = _folds(question)
    error_rate = registry.gate.alpha / len(registry.learners) * spent_on(passed, together=1)
    found = question.find(folds, _generator(version, learner), error_rate)
    judged = found.improvement
    chosen = dict(zip(names, found.chosen, strict=True))
    return HistoryEvidence(
        learner=learner.id,
        measure=question.measure,
        incumbent=incumbent,
        chosen=chosen,
        proposed=way.step(found.chosen),
        choices=[dict(zip(names, choice, strict=True)) for choice in found.choices],
        tried=found.tried,
        folds=len(folds),
        sessions=judged.n,
        units=sum(int(question.units[fold.test].sum()) for fold in folds),
        error_rate=error_rate,
        beside={name: number_of(version.values[name]) for name in learner.read},
        mean=judged.mean,
        low=judged.low,
        high=judged.high,
        probability=judged.probability,
        confidence=judged.confidence,
        effective_sessions=judged.effective_n,
        step_mean=_step_mean(question, folds, found, way),
    )


def _folds(question: Question) -> list[Fold]:
    """Blocks of equal length in what follows the warm-up, with the longest outcome between any two."""
    span = int(question.sessions[-1] - question.sessions[0]) + 1
    embargo = int((question.ends - question.sessions).max())
    warm_up = span // WARM_UP
    block = max(-(-(span - warm_up) // FOLDS) - embargo, LEAST_BLOCK)
    return walk_forward(
        question.sessions, question.ends, warm_up=warm_up, block=block, embargo=embargo, minimum=LEAST_TRAINED
    )


def _step_mean(question: Question, folds: Sequence[Fold], found: Found, way: "_Way") -> float | None:
    """What a session would have gained if each fold had gone the first step toward its choice only."""
    if not folds:
        return None
    steps = [list(way.step(choice).values()) for choice in found.choices]
    table = question.gains(np.array([*steps, list(found.incumbent)]))
    gained = [(table[:, place] - table[:, -1])[fold.test] for place, fold in enumerate(folds)]
    return float(np.concatenate(gained).mean())


class _Way:
    """From the values in force toward others, as far as one day's budget of change goes."""

    def __init__(self, learner: Learner, registry: Registry, incumbent: Mapping[str, float]) -> None:
        self._names = learner.learned
        self._incumbent = dict(incumbent)
        group = (Group(self._names),) if learner.kind is LearnerKind.WEIGHTS else ()
        self._domain = Domain(tuple(_bounded(registry, name, incumbent[name]) for name in self._names), group)

    def step(self, chosen: Candidate) -> dict[str, float]:
        """The values nearest to ``chosen`` that may be in force tomorrow; those in force where there is no room."""
        try:
            region = Region.of(self._domain, self._incumbent)
        except NoRoom:
            return dict(self._incumbent)
        wanted = self._domain.point(dict(zip(self._names, chosen, strict=True)))
        return region.values(region.snap(wanted[None])[0])


def _bounded(registry: Registry, name: str, value: float) -> Parameter:
    parameter = registry.parameters[name]
    assert parameter.min is not None, "a learnable number has bounds"
    assert parameter.max is not None, "a learnable number has bounds"
    return Parameter(
        name=name,
        low=parameter.min,
        high=parameter.max,
        step=parameter.step,
        integer=parameter.type is ParameterType.INTEGER,
        log=parameter.scale is Scale.LOG,
        change=parameter.largest_change(value),
    )


def _generator(version: Version, learner: Learner) -> np.random.Generator:
    named = int.from_bytes(sha256(learner.id.encode()).digest()[:4], "big")
    return np.random.default_rng([version.epoch, version.number, named])
