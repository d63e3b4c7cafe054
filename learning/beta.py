"""Wins and losses: what is believed about the probability of a win."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, betaln, gammaln

from learning.errors import LearningError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Beta:
    """Beta belief about win rates, one for each entry; ``wins`` and ``losses`` are its two parameters, of one shape.

    They count pseudo-observations: those of the prior and the (aged) ones that were seen.
    """

    wins: Floats
    losses: Floats

    def after(self, wins: Floats, losses: Floats) -> Beta:
        """The belief once these wins and losses (aged, so not always whole) were seen, one by one or at once.

        Statistics of rewards 1 and 0 give them as s1 and n - s1.

        Raises:
            LearningError: a count that is negative or not finite.
        """
        for name, counts in (("wins", wins), ("losses", losses)):
            if not (np.isfinite(counts) & (np.asarray(counts) >= 0)).all():
                raise LearningError(f"{name} must be numbers of at least 0, not {counts}")
        return Beta(self.wins + wins, self.losses + losses)

    @property
    def mean(self) -> Floats:
        """The probability that the next one is a win: the predictive of one unit."""
        return self.wins / (self.wins + self.losses)

    @property
    def variance(self) -> Floats:
        """Of the win rate."""
        units = self.wins + self.losses
        return self.wins * self.losses / (units**2 * (units + 1))

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """The equal-tailed interval that holds the win rate with probability ``level``.

        Raises:
            LearningError: a level that is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise LearningError(f"the level of an interval must lie between 0 and 1, not {level}")
        tail = (1 - level) / 2
        # The upper end by way of the losses: mirrored beliefs have mirrored intervals to the last bit.
        return betaincinv(self.wins, self.losses, tail), 1 - betaincinv(self.losses, self.wins, tail)

    def predictive(self, wins: Floats, *, of: Floats) -> Floats:
        """Probability of exactly ``wins`` wins among the next ``of`` units: the beta-binomial distribution."""
        ways = gammaln(of + 1.0) - gammaln(wins + 1.0) - gammaln(of - wins + 1.0)
        seen = betaln(self.wins + wins, self.losses + of - wins) - betaln(self.wins, self.losses)
        return np.asarray(np.exp(ways + seen))


def beta_prior(wins: Floats | float, losses: Floats | float) -> Beta:
    """A belief from so many pseudo-wins and pseudo-losses: 1 and 1 is uniform, ½ and ½ is Jeffreys' (1946).

    Raises:
        LearningError: a parameter that is not positive.

    >>> beta_prior(1, 1).after(np.array([3.0]), np.array([1.0])).mean
    array([0.66666667])
    """
    alpha, beta = np.asarray(wins, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if not (np.isfinite([alpha, beta]).all() and (alpha > 0).all() and (beta > 0).all()):
        raise LearningError(f"a prior needs positive pseudo-wins and pseudo-losses, not {wins} and {losses}")
    return Beta(alpha, beta)
