"""What is asked of an optimiser, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from learning.errors import LearningError


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What is known of one arm: its values, the mean of its reward and the variance of that mean (variance / n).

    ``units`` is the effective number of units behind it, (sum w)^2 / sum w^2, as ``arm_effects`` counts. ``regime`` is
    the regime of the units, None where regimes are not told apart; ``age`` is how long ago, in sessions. What is not
    ``running`` any more is known all the same, and may be recommended again.
    """

    values: Mapping[str, float]
    mean: float
    variance: float
    units: float
    regime: str | None = None
    age: float = 0.0
    running: bool = True

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.mean, self.variance, self.units, self.age)):
            raise LearningError(f"an observation needs finite numbers; leave out what is missing: {self}")
        if self.variance < 0 or self.units <= 0 or self.age < 0:
            raise LearningError(f"variance and age must not be negative and units must be positive: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """A value is allowed only if, with ``confidence``, it is worse than the incumbent by no more than ``margin``.

    Its lower bound: posterior mean of the difference to the incumbent less that many deviations of the difference,
    in reward (SafeOpt, Sui et al. 2015; the pair is compared, so what is unsure about both does not count).
    """

    margin: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (self.margin >= 0 and 0.5 <= self.confidence < 1):
            raise LearningError(
                f"margin must not be negative and confidence be .5 to 1: {self.margin}, {self.confidence}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What there must be before anything is recommended.

    ``arms``: so many different arms, the incumbent aside, with ``units`` effective units each; ``effective``: so many
    effective units in all of these. Few are enough where an arm's variance is moderated with that of all, as
    ``arm_effects`` does: the model counts what is unsure about each. ``improvement``: the least expected improvement
    over the best arm known, in reward, that is worth a trial.
    """

    arms: int = 3
    units: float = 10.0
    effective: float = 100.0
    improvement: float = 0.0
    safety: Safety | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is believed of an arm that was observed, in the regime and at the time that is asked about.

    ``gain`` and ``deviation`` are the posterior mean and standard deviation of its reward less the incumbent's;
    ``better`` is the probability that the gain is positive, ``contends`` that the arm is no worse than the best
    one known, which is the incumbent or the arm of the highest posterior mean.
    """

    values: Mapping[str, float]
    gain: float
    deviation: float
    better: float
    contends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an answer stands on: arms and effective units, the incumbent aside; the fit, for the next start.

    ``length_scales`` are by parameter, in parts of the side of the unit cube (of the range, of its logarithm where
    log-scaled). They and ``beliefs``, one for each different arm, are empty where nothing was fitted.
    """

    arms: int
    effective: float
    log_parameters: tuple[float, ...] | None = None
    length_scales: Mapping[str, float] = field(default_factory=dict)
    beliefs: tuple[Belief, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """New arm values, feasible exactly.

    ``gain`` and ``deviation`` are the posterior mean and standard deviation of its reward less the incumbent's;
    ``better`` is the probability that the gain is positive; ``improvement`` is the expected improvement over
    the best arm known and the candidates before it. All are beliefs of the model, to be proved by a trial.
    """

    values: Mapping[str, float]
    gain: float
    deviation: float
    better: float
    improvement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Candidates, the most promising first; fewer than asked for where no more were worth it."""

    candidates: tuple[Candidate, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRecommendation:
    """Why there is none, in a sentence."""

    reason: str
    evidence: Evidence
