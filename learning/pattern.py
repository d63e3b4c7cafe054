"""How one pattern has done, kept event by event, so that a revised outcome leaves no trace."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from learning.agreement import wilson
from learning.errors import LearningError
from learning.multiset import Multiset
from learning.rewards import SCALE, RewardSum, quantise

_NO_REWARDS = RewardSum()
_NO_NUMBERS: Multiset[int] = Multiset()
_NO_WORDS: Multiset[str] = Multiset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that a pattern came, and what followed.

    ``net`` is the return after costs and ``mae`` the deepest fall below the entry (0 or less), both as fractions;
    ``session`` the number of the session it came in, ``holding`` how many sessions it was held, ``confidence`` the
    probability of winning that was told before. What is not known is None and counts nowhere.
    """

    net: float
    won: bool
    session: int
    holding: int | None = None
    mae: float | None = None
    confidence: float | None = None
    regime: str | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of ``n`` occurrences that were told with a confidence: its mean, the share that won, and the Brier score.

    The Brier score is the mean of (confidence - won)^2: 0 is perfect, 0.25 what always saying one half earns.
    """

    n: int
    confidence: float
    hit_rate: float
    brier: float


@dataclass(frozen=True, slots=True)
class Performance:
    """All that is kept of a pattern: whole numbers only, in 1e-6 and their squares in 1e-12.

    Adding, merging and taking back are exact in any order. ``returns`` are winsorised sums for the mean; best, worst
    and deepest fall are of the values as they were, and need every distinct one (``nets``, ``maes``, ``sessions``):
    at most three pairs of numbers an occurrence, and an addition takes as long as what is kept is long. So
    add a batch at once: ``merged``.

    ``forecasts`` are the sums of confidences that were told, ``hits`` how many of those won, ``misses`` the sum of
    (confidence - won)^2 in 1e-12.
    """

    returns: RewardSum = _NO_REWARDS
    wins: int = 0
    nets: Multiset[int] = _NO_NUMBERS
    maes: Multiset[int] = _NO_NUMBERS
    held: int = 0
    holding: int = 0
    forecasts: RewardSum = _NO_REWARDS
    hits: int = 0
    misses: int = 0
    regimes: Multiset[str] = _NO_WORDS
    sessions: Multiset[int] = _NO_NUMBERS

    def __add__(self, other: Performance) -> Performance:
        return Performance(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __sub__(self, other: Performance) -> Performance:
        """Take a revised outcome back."""
        return Performance(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))

    @property
    def n(self) -> int:
        """Occurrences.

        Raises:
            LearningError: more were taken back than were ever added.
        """
        if self.returns.n < 0:
            raise LearningError(f"{-self.returns.n} more occurrences were taken back than were ever added")
        return self.returns.n

    @property
    def success_rate(self) -> float | None:
        """The share that won, or None before the first."""
        return self.wins / self.n if self.n else None

    def success_interval(
        self, *, effective: float | None = None, confidence: float = 0.95
    ) -> tuple[float, float] | None:
        """Wilson's interval of the success rate; ``effective`` is as how many independent ones the occurrences count.

        None before the first.

        Raises:
            LearningError: an effective number that is not above 0 and at most n, or a confidence outside of 0 to 1.
        """
        if self.success_rate is None:
            return None
        worth = self.n if effective is None else effective
        if not 0 < worth <= self.n:
            raise LearningError(f"{self.n} occurrences cannot count as {worth}")
        return wilson(self.success_rate, worth, confidence=confidence)

    @property
    def average_return(self) -> float | None:
        """Mean of the winsorised returns."""
        return self.returns.mean if self.n else None

    @property
    def best(self) -> float | None:
        """The highest return, as it was."""
        return _fraction(self.nets.greatest)

    @property
    def worst(self) -> float | None:
        """The lowest return, as it was."""
        return _fraction(self.nets.least)

    @property
    def worst_drawdown(self) -> float | None:
        """The deepest fall below its entry that one occurrence went through while it was held: the least ``mae``.

        Of single occurrences, not of their sequence: those of a pattern overlap, and nobody held them one by one.
        """
        return _fraction(self.maes.least)

    @property
    def holding_period(self) -> float | None:
        """Mean number of sessions held, of the occurrences where it is known."""
        return self.holding / self.held if self.held > 0 else None

    @property
    def calibration(self) -> Calibration | None:
        """How well confidences told before fit what followed; None where none was told."""
        n = self.forecasts.n
        if n <= 0 or self.forecasts.mean is None:
            return None
        return Calibration(n, self.forecasts.mean, self.hits / n, self.misses / (n * SCALE**2))

    @property
    def by_regime(self) -> dict[str, int]:
        """Occurrences by regime, where it is known."""
        return dict(self.regimes.counts)

    @property
    def last_seen(self) -> int | None:
        """The latest session in which the pattern came."""
        return self.sessions.greatest


def contribution(occurrence: Occurrence, *, bound: float) -> Performance:
    """What one occurrence adds; keep it, or the occurrence, to take it back by the same numbers.

    Args:
        bound: returns are winsorised to -bound ... bound in their mean.

    Raises:
        LearningError: a return or fall that is not finite, a fall above 0, a holding below 0 or a confidence outside
            of 0 to 1.
    """
    _check(occurrence)
    won, told = int(occurrence.won), occurrence.confidence
    forecast = _NO_REWARDS if told is None else quantise(told, bound=1.0)
    return Performance(
        returns=quantise(occurrence.net, bound=bound),
        wins=won,
        nets=Multiset.of(round(occurrence.net * SCALE)),
        maes=_NO_NUMBERS if occurrence.mae is None else Multiset.of(round(occurrence.mae * SCALE)),
        held=int(occurrence.holding is not None),
        holding=occurrence.holding or 0,
        forecasts=forecast,
        hits=won * forecast.n,
        misses=(forecast.total - won * SCALE) ** 2 * forecast.n,
        regimes=_NO_WORDS if occurrence.regime is None else Multiset.of(occurrence.regime),
        sessions=Multiset.of(occurrence.session),
    )


def merged(parts: Iterable[Performance]) -> Performance:
    """All of ``parts`` together, by halves, so that time grows with n log n."""
    left = list(parts) or [Performance()]
    while len(left) > 1:
        odd = left[len(left) - len(left) % 2 :]
        left = [one + other for one, other in zip(left[0::2], left[1::2], strict=False)] + odd
    return left[0]


def _fraction(quantised: int | None) -> float | None:
    return None if quantised is None else quantised / SCALE


def _check(occurrence: Occurrence) -> None:
    if not math.isfinite(occurrence.net):
        raise LearningError(f"a return must be a finite number, not {occurrence.net}; leave an unknown outcome out")
    if occurrence.mae is not None and not -math.inf < occurrence.mae <= 0:
        raise LearningError(f"the deepest fall must be 0 or a finite number below, not {occurrence.mae}")
    if occurrence.holding is not None and occurrence.holding < 0:
        raise LearningError(f"a position cannot be held for {occurrence.holding} sessions")
    if occurrence.confidence is not None and not 0 <= occurrence.confidence <= 1:
        raise LearningError(f"a confidence must lie in 0 to 1, not {occurrence.confidence}")
