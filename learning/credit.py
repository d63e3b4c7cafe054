"""Who is to thank, when two parameters are under allocation at once: each one's effect with the other as a covariate.

The model is additive: reward = session + arm of the first + arm of the second + noise, by least squares over units,
from nothing but the sums of each cell (session, arm of the first, arm of the second). As the two assignments are
independent, leaving the other out would be unbiased too, but its effect would then be noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc, stdtrit

from learning.errors import LearningError
from learning.rewards import SCALE, RewardSum

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Cells = Mapping[tuple[str, str], RewardSum]
"""The rewards of one session by (arm of the first parameter, arm of the second)."""

RANK = 1e-10
"""What is smaller than this part of the largest eigenvalue counts as nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An arm's difference to its baseline, in reward a unit, the other parameter's arms being equal.

    ``low`` to ``high`` is its interval, for one look. They and ``standard_error`` are None while rewards have no
    degree of freedom left.
    """

    value: float
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """Whether one parameter's effect depends on the other's arm: F with its degrees of freedom and p-value.

    Where it does, each ``Difference`` is an average over the arms that the other happened to have.
    """

    f: float
    numerator: int
    denominator: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Independence:
    """Whether the two assignments were independent within sessions: chi-square, degrees of freedom and p-value."""

    chi_square: float
    freedom: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Credit:
    """The differences of both parameters' arms to their baselines, from ``units`` in ``sessions``.

    Both are empty for the ``reason`` given. ``interaction`` is None where no arms met in more than one way, or nothing
    is left to judge it by; ``independence`` where no session had two arms of each.
    """

    units: int
    sessions: int
    first: Mapping[str, Difference]
    second: Mapping[str, Difference]
    interaction: Interaction | None
    independence: Independence | None
    reason: str | None = None


def credit(sessions: Sequence[Cells], *, baselines: tuple[str, str], confidence: float = 0.95) -> Credit:
    """Estimate both parameters' effects together, within sessions.

    Standard errors do not ask that cells be equally noisy (HC2, MacKinnon & White 1985); a unit that alone decides an
    arm's effect counts as noisy as all units are. Intervals are Student's t; they are for one look.

    Args:
        sessions: one mapping of cells for each assignment session.
        baselines: the arm of the first and of the second parameter that others are compared with.

    Raises:
        LearningError: a negative count, sums that no rewards can have, or a confidence outside of 0 to 1.
    """
    if not 0 < confidence < 1:
        raise LearningError(f"confidence must lie between 0 and 1, not {confidence}")
    table = _table(sessions, baselines)
    independence = _independence(table)
    counted = (int(table.counts.sum()), len(table.units))
    for which, baseline in enumerate(baselines):
        if not (table.arms[:, which] == 0).any():
            return Credit(*counted, {}, {}, None, independence, f"the baseline {baseline!r} has had no unit")
    fit = _fit(table, table.additive)
    if fit.rank < fit.design.shape[1]:
        reason = "the effects cannot be told apart: within sessions, arms of one parameter came with arms of the other"
        return Credit(*counted, {}, {}, None, independence, f"{reason} only, or did not meet their baseline")
    differences = _differences(table, fit, confidence=confidence)
    names = [(0, name) for name in table.names[0][1:]] + [(1, name) for name in table.names[1][1:]]
    found: tuple[dict[str, Difference], dict[str, Difference]] = ({}, {})
    for (which, name), difference in zip(names, differences, strict=True):
        found[which][name] = difference
    return Credit(*counted, *found, _interaction(table, fit), independence)


def doubts(credit: Credit, *, alpha: float = 0.01) -> list[str]:
    """What speaks against reading each difference as the effect of its arm alone, in sentences with the figures."""
    said = [] if credit.reason is None else [credit.reason]
    independence, interaction = credit.independence, credit.interaction
    if independence and independence.p_value < alpha:
        said.append(
            f"the two assignments are not independent (chi-square {independence.chi_square:.2f} with "
            f"{independence.freedom} degrees of freedom, p = {independence.p_value:.2g}): look for what ties them"
        )
    if interaction and interaction.p_value < alpha:
        said.append(
            f"the effect of one parameter depends on the other (F({interaction.numerator}, {interaction.denominator}) "
            f"= {interaction.f:.2f}, p = {interaction.p_value:.2g}): compare combinations as arms of one allocation"
        )
    return said


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Cells with units, one a row: session, places of both arms (0 is the baseline), counts and sums.

    ``scores`` are n (mean of the cell - mean of its session) and ``residuals`` the sums of squares within cells, in
    reward; ``units`` count by session.
    """

    names: tuple[list[str], list[str]]
    places: Integers
    arms: Integers
    counts: Floats
    scores: Floats
    residuals: Floats
    units: Floats

    @property
    def additive(self) -> Floats:
        """One column for each arm but the baselines."""
        return np.hstack([_dummies(self.arms[:, which], len(self.names[which])) for which in (0, 1)])

    @property
    def crossed(self) -> Floats:
        """Those, and one for each pair of such arms."""
        first, second = (_dummies(self.arms[:, which], len(self.names[which])) for which in (0, 1))
        pairs = (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)
        return np.hstack([first, second, pairs])

    @property
    def within(self) -> float:
        """Sum of squares around the means of sessions."""
        return float(self.residuals.sum() + (self.scores**2 / self.counts).sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Least squares: the design less its session means, its inverse information, coefficients and what is left over."""

    design: Floats
    inverse: Floats
    coefficients: Floats
    rank: int
    left: float
    freedom: int


def _table(sessions: Sequence[Cells], baselines: tuple[str, str]) -> _Table:
    kept = [[(arms, sums) for arms, sums in session.items() if sums.n] for session in sessions]
    kept = [cells for cells in kept if cells]
    rows = [(place, arms, sums) for place, cells in enumerate(kept) for arms, sums in cells]
    if any(sums.n < 0 for _, _, sums in rows):
        raise LearningError("a negative count of rewards: more was taken back than was ever added")
    if any(sums.residual < 0 for _, _, sums in rows):
        raise LearningError("no rewards have these sums and sums of squares; was too much taken back?")
    totals = [sum((sums for _, sums in cells), RewardSum()) for cells in kept]
    first, second = (
        [baseline, *sorted({arms[which] for _, arms, _ in rows} - {baseline})]
        for which, baseline in enumerate(baselines)
    )
    scores = [(s.total * totals[at].n - s.n * totals[at].total) / (totals[at].n * SCALE) for at, _, s in rows]
    return _Table(
        names=(first, second),
        places=np.array([place for place, _, _ in rows], dtype=np.int64),
        arms=np.array([[first.index(one), second.index(two)] for _, (one, two), _ in rows], np.int64).reshape(-1, 2),
        counts=np.array([sums.n for _, _, sums in rows], dtype=np.float64),
        scores=np.array(scores, dtype=np.float64),
        residuals=np.array([sums.residual for _, _, sums in rows], dtype=np.float64),
        units=np.array([total.n for total in totals], dtype=np.float64),
    )


def _dummies(places: Integers, count: int) -> Floats:
    return np.asarray(places[:, None] == np.arange(1, count), dtype=np.float64)


def _fit(table: _Table, columns: Floats) -> _Fit:
    sums = np.zeros((len(table.units), columns.shape[1]))
    np.add.at(sums, table.places, table.counts[:, None] * columns)
    design = columns - (sums / table.units[:, None])[table.places]
    information = design.T @ (table.counts[:, None] * design)
    values, vectors = np.linalg.eigh(information)
    solid = values > RANK * max(values.max(initial=0.0), RANK)
    inverse = (vectors[:, solid] / values[solid]) @ vectors[:, solid].T
    explained = design.T @ table.scores
    coefficients = inverse @ explained
    rank = int(solid.sum())
    left = max(table.within - float(coefficients @ explained), 0.0)
    return _Fit(design, inverse, coefficients, rank, left, int(table.counts.sum()) - len(table.units) - rank)


def _differences(table: _Table, fit: _Fit, *, confidence: float) -> list[Difference]:
    if fit.freedom <= 0:
        return [Difference(float(value)) for value in fit.coefficients]
    leverage = 1 / table.units[table.places] + np.einsum("ij,jk,ik->i", fit.design, fit.inverse, fit.design)
    missed = table.scores / table.counts - fit.design @ fit.coefficients
    squares = table.residuals + table.counts * missed**2
    alone = 1 - leverage < RANK
    expected = table.counts * fit.left / fit.freedom
    noise = np.where(alone, expected, squares / np.where(alone, 1.0, 1 - leverage))
    covariance = fit.inverse @ (fit.design.T @ (noise[:, None] * fit.design)) @ fit.inverse
    errors = np.sqrt(covariance.diagonal())
    half = float(stdtrit(fit.freedom, (1 + confidence) / 2)) * errors
    columns = (fit.coefficients, errors, fit.coefficients - half, fit.coefficients + half)
    return [Difference(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _interaction(table: _Table, fit: _Fit) -> Interaction | None:
    """F of what the crossed model explains beyond the additive one; it asks that units be equally noisy."""
    crossed = _fit(table, table.crossed)
    more = crossed.rank - fit.rank
    if more <= 0 or crossed.freedom <= 0 or not crossed.left > 1e-12 * table.within:
        return None
    f = max(fit.left - crossed.left, 0.0) / more / (crossed.left / crossed.freedom)
    return Interaction(f, more, crossed.freedom, float(fdtrc(more, crossed.freedom, f)))


def _independence(table: _Table) -> Independence | None:
    """The generalised Cochran-Mantel-Haenszel test (Landis, Heyman & Koch 1978): conditional on each session's margins.

    Deviations are summed over sessions before they are squared, so that many small sessions suffice, and shares that
    move between sessions tie nothing.
    """
    met = np.zeros((len(table.units), len(table.names[0]), len(table.names[1])))
    met[table.places, table.arms[:, 0], table.arms[:, 1]] = table.counts
    met = met[table.units > 1]
    units, rows, columns = met.sum(axis=(1, 2)), met.sum(axis=2), met.sum(axis=1)
    expected = rows[:, :, None] * columns[:, None, :] / units[:, None, None]
    deviation = (met - expected)[:, 1:, 1:].sum(axis=0).ravel()
    spreads = [_spread(margin[:, 1:], units) for margin in (rows, columns)]
    covariance = np.einsum("s,sij,skl->ikjl", 1 / (units**2 * (units - 1)), *spreads)
    values, vectors = np.linalg.eigh(covariance.reshape(len(deviation), len(deviation)))
    solid = values > RANK * max(values.max(initial=0.0), RANK)
    freedom = int(solid.sum())
    if not freedom:
        return None
    chi_square = float(((vectors[:, solid].T @ deviation) ** 2 / values[solid]).sum())
    return Independence(chi_square, freedom, float(chdtrc(freedom, chi_square)))


def _spread(margin: Floats, units: Floats) -> Floats:
    """N diag(n) - n n' of each session, of shape (sessions, arms, arms)."""
    return np.asarray(
        units[:, None, None] * margin[:, :, None] * np.eye(margin.shape[1]) - margin[:, :, None] * margin[:, None, :]
    )
