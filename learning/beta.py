"""Wins and losses: what is believed about the probability of a win."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, gammaln

from learning.errors import LearningError

Floats = NDArray[np.float64]

NODES = 48
"""Points at which an integral over win rates is looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Beta:
    """Beta belief about win rates, one for each entry; ``wins`` and ``losses`` are its two parameters, of one shape.

    They count pseudo-observations: those of the prior and the (aged) ones that were seen.
    """

    wins: Floats
    losses: Floats

    def after(self, wins: Floats, losses: Floats) -> Beta:
        """The belief once these wins and losses (aged, so not always whole) were seen, one by one or at once.

        Statistics of rewards 1 and 0 give them as s1 and n - s1; what rounding of faded ones leaves below 0 is 0.

        Raises:
            LearningError: a count that is negative or not finite.
        """
        wins, losses = np.asarray(wins, dtype=np.float64), np.asarray(losses, dtype=np.float64)
        least = -1e-9 * np.fmax(wins, losses).clip(min=0)
        for name, counts in (("wins", wins), ("losses", losses)):
            if not (np.isfinite(counts) & (counts >= least)).all():
                raise LearningError(f"{name} must be numbers of at least 0, not {counts}")
        return Beta(self.wins + wins.clip(min=0), self.losses + losses.clip(min=0))

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

    def drawn(self, generator: np.random.Generator) -> Floats:
        """A win rate drawn for each entry, and the mean where it was drawn below it.

        Optimistic Thompson sampling (May et al. 2012): an arm is never played less for what its belief may be too high
        by, so that exploring costs less than with plain draws. The arm with the highest is to be played next.
        """
        return np.maximum(generator.beta(self.wins, self.losses), self.mean)

    def best(self) -> Floats:
        """Probability that each arm of the last axis has the highest of what ``drawn`` gives, of the same shape.

        A draw above the highest mean M wins with the density f_i(x) prod over j != i of F_j(x), integrated from M on by
        Gauss and Legendre's rule, to 1e-5 where both parameters are at least 1/2; where all lie below, an arm of mean M
        wins, equals by turns. For stationary settings only, where levels may be pooled. Permuting arms permutes the
        answer to the last bit.
        """
        mean, top = self.mean, self.mean.max(axis=-1, keepdims=True)
        reach = (self.mean + 14 * np.sqrt(self.variance)).max(axis=-1, keepdims=True).clip(max=1.0)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        # Points gather at M, where what is known well rises from 1/2 to 1 at once, and at 1, where densities peak.
        part = (nodes + 1) / 2
        x = (top + (reach - top) * part**2 * (3 - 2 * part))[..., None, :]
        wins, losses = self.wins[..., None], self.losses[..., None]
        below = betainc(wins, losses, x)
        density = np.exp((wins - 1) * np.log(x) + (losses - 1) * np.log1p(-x) - betaln(wins, losses))
        highest = density / below * np.sort(below, axis=-2).prod(axis=-2, keepdims=True)
        above = (highest * (weights * 3 * part * (1 - part))).sum(axis=-1) * (reach - top)
        leads = mean == top
        rest = (1 - np.sort(above, axis=-1).sum(axis=-1, keepdims=True)).clip(min=0)
        return np.asarray(above + leads * rest / np.count_nonzero(leads, axis=-1, keepdims=True))


def beta_like(mean: Floats, variance: Floats) -> Beta:
    """The Beta belief with this mean and variance; one as wide as no Beta above 1 pseudo-unit is has 1.

    Raises:
        LearningError: a mean that is not between 0 and 1, or a variance that is not positive.
    """
    if not ((mean > 0) & (mean < 1) & (variance > 0)).all():
        raise LearningError(f"a win rate needs means between 0 and 1 and positive variances, not {mean} and {variance}")
    units = np.maximum(mean * (1 - mean) / variance - 1, 1.0)
    return Beta(mean * units, (1 - mean) * units)


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
