"""How alike two arms are expected to be: by their values, their regime and their age."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """What a kernel looks at in pairs of inputs, for any shape of pairs.

    ``squares`` (d x pairs): squared differences by dimension; ``other`` (pairs): whether the regimes differ;
    ``gaps`` (pairs): differences of age. The last two are None where the kernel has no such part.
    """

    squares: Floats
    other: NDArray[np.bool_] | None = None
    gaps: Floats | None = None


@dataclass(frozen=True, slots=True)
class Kernel:
    """A correlation, 1 between equal inputs: Matern 5/2 x exchangeable regimes x exponential ageing.

    An input is a row: ``dimensions`` coordinates, then the code of its regime if ``regimes``, then its age if
    ``ages``. The parameters are logarithms, in this order: a length scale for each dimension; ``rho``, the
    correlation of different regimes; ``scale``, the age difference after which the correlation is 1/e.

    With a = sqrt(5 sum((x - y)^2 / length^2)) the Matern part is (1 + a + a^2 / 3) exp(-a) (Rasmussen & Williams
    2006, 4.17). Forgetting (1 - eps)^(|t - t'| / 2) (Bogunovic 2016) is ``scale`` = ``forgetting_scale(eps)``.
    """

    dimensions: int
    regimes: bool = False
    ages: bool = False

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.dimensions + self.regimes + self.ages

    def pairs(self, one: Floats, other: Floats) -> Pairs:
        """Each row of ``one`` (m) with the row of ``other`` (m) in its place."""
        d = self.dimensions
        differs = one[:, d] != other[:, d] if self.regimes else None
        return Pairs(_squares(one[:, :d].T, other[:, :d].T), differs, _gaps(one, other) if self.ages else None)

    def crossed(self, one: Floats, other: Floats) -> Pairs:
        """Each row of ``one`` (m) with each of ``other`` (n); pairs are m x n."""
        d = self.dimensions
        return Pairs(_squares(one[:, :d].T[:, :, None], other[:, :d].T[:, None]), *self._contexts(one, other))

    def at(self, log_parameters: Floats, pairs: Pairs) -> PairCorrelations:
        """The correlations of ``pairs``, ready to be differentiated.

        Raises:
            LearningError: the number of parameters is not ``size``.
        """
        precisions = self._precisions(log_parameters)
        distance = np.sqrt((5 * precisions) @ pairs.squares.reshape(self.dimensions, -1)).reshape(
            pairs.squares.shape[1:]
        )
        values, steepness = _matern(distance, self._context(log_parameters, pairs.other, pairs.gaps))
        return PairCorrelations(self, log_parameters, values, steepness, pairs)

    def between(self, log_parameters: Floats, one: Floats, other: Floats) -> Correlations:
        """The correlations of each row of ``one`` (m) with each of ``other`` (n), by one product of matrices.

        Squared distances are right to 1e-15 of the squared coordinates in length scales, so neighbours are told apart
        less well than ``at`` of ``crossed`` tells them, which takes twice as long or more.

        Raises:
            LearningError: the number of parameters is not ``size``.
        """
        d, root = self.dimensions, np.sqrt(5 * self._precisions(log_parameters))
        near, far = one[:, :d] * root, other[:, :d] * root
        squares = (near * near).sum(axis=1)[:, None] + (far * far).sum(axis=1) - 2 * near @ far.T
        context = self._context(log_parameters, *self._contexts(one, other))
        return Correlations(self, log_parameters, *_matern(np.sqrt(squares.clip(min=0)), context))

    def _precisions(self, log_parameters: Floats) -> Floats:
        if len(log_parameters) != self.size:
            raise LearningError(f"this kernel has {self.size} parameters, not {len(log_parameters)}")
        return np.asarray(np.exp(-2 * log_parameters[: self.dimensions]))

    def _contexts(self, one: Floats, other: Floats) -> tuple[NDArray[np.bool_] | None, Floats | None]:
        """Of each row with each: whether their regimes differ, and their difference of age."""
        d = self.dimensions
        differs = one[:, d, None] != other[:, d] if self.regimes else None
        return differs, _gaps(one[:, None], other[None]) if self.ages else None

    def _context(self, log_parameters: Floats, other: NDArray[np.bool_] | None, gaps: Floats | None) -> Floats | float:
        """The regimes' and the ages' part of the product."""
        factor: Floats | float = 1.0
        if other is not None:
            factor = np.where(other, np.exp(log_parameters[self.dimensions]), 1.0)
        if gaps is not None:
            factor = factor * np.exp(-gaps * np.exp(-log_parameters[-1]))
        return factor


@dataclass(frozen=True, eq=False)
class Correlations:
    """``values`` of a kernel; ``steepness`` is -3/5 of the derivative by half the squared distance."""

    kernel: Kernel
    log_parameters: Floats
    values: Floats
    steepness: Floats

    def slope(self, weights: Floats, *, one: Floats, other: Floats) -> Floats:
        """The gradient (m x d) of sum(weights * values) over the coordinates of ``one``, of these rows (m x n)."""
        d = self.kernel.dimensions
        pull = weights * self.steepness * (5 / 3)
        moved = pull @ other[:, :d] - pull.sum(axis=1, keepdims=True) * one[:, :d]
        return np.asarray(moved * np.exp(-2 * self.log_parameters[:d]))


@dataclass(frozen=True, eq=False)
class PairCorrelations(Correlations):
    """Those of ``pairs``."""

    pairs: Pairs

    def pullback(self, weights: Floats) -> Floats:
        """The gradient of sum(weights * values) over the kernel's log parameters."""
        d = self.kernel.dimensions
        gradient = np.empty(self.kernel.size)
        pulled = self.pairs.squares.reshape(d, -1) @ (weights * self.steepness).ravel()
        gradient[:d] = pulled * np.exp(-2 * self.log_parameters[:d]) * (5 / 3)
        weighted = weights * self.values
        if self.pairs.other is not None:
            gradient[d] = weighted[self.pairs.other].sum()
        if self.pairs.gaps is not None:
            gradient[-1] = (weighted * self.pairs.gaps).sum() * np.exp(-self.log_parameters[-1])
        return gradient


def forgetting_scale(eps: float) -> float:
    """The ``scale`` of ageing at which correlation falls as (1 - ``eps``)^(gap / 2), in the unit of age.

    Raises:
        LearningError: ``eps`` does not lie between 0 and 1.
    """
    if not 0 < eps < 1:
        raise LearningError(f"eps must lie between 0 and 1, not {eps}; without forgetting leave the ages out")
    return -2 / math.log1p(-eps)


def _matern(distance: Floats, context: Floats | float) -> tuple[Floats, Floats]:
    """Values and steepness at distances in length scales, times sqrt(5)."""
    fall = np.exp(-distance) * context
    steepness = fall * (1 + distance)
    return steepness + fall * (distance * distance) / 3, steepness


def _squares(one: Floats, other: Floats) -> Floats:
    differences = one - other
    return np.multiply(differences, differences, out=differences)


def _gaps(one: Floats, other: Floats) -> Floats:
    return np.asarray(abs(one[..., -1] - other[..., -1]))
