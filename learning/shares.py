"""From belief to shares: the probability of being best, within a budget, as integers."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from learning.errors import LearningError
from learning.symmetric import roots

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]


TOGETHER = 2**18
"""So many rewards are drawn at a time: they stay in a core's cache."""


def probability_best(mean: Floats, covariance: Floats, *, seed: int, draws: int = 4096) -> Floats:
    """Probability that each arm has the highest reward; the baseline, whose difference is 0, comes LAST.

    ``mean`` (k) and ``covariance`` (k x k) are those of the differences to the baseline. Exact for one arm beside the
    baseline; else from ``draws`` (a power of two from 8 on) scrambled Sobol points (Owen 1998), to about 0.005. The
    arms are put in an order of their own first, so how they are listed does not matter.

    Raises:
        LearningError: shapes that do not fit, a value that is not finite, or a negative variance.
    """
    mean = np.asarray(mean, dtype=np.float64)
    covariance = np.asarray(covariance, dtype=np.float64)
    row: Floats = probabilities_best(mean[None], covariance[None], seed=seed, draws=draws)[0]
    return row


def probabilities_best(means: Floats, covariances: Floats, *, seed: int, draws: int = 4096) -> Floats:
    """``probability_best`` of many allocations with equally many arms at once, of shape (allocations, k + 1).

    Row for row the same bits as one by one, since all look at the same points: only the work on them is shared.

    Args:
        means: of shape (allocations, k), differences to the baseline.
        covariances: of shape (allocations, k, k).

    Raises:
        LearningError: shapes that do not fit, a value that is not finite, or a negative variance.
    """
    means, covariances = _checked(means, covariances)
    if means.shape[1] == 1:
        better = _one_better(means[:, 0], np.sqrt(covariances[:, 0, 0]))
        return np.column_stack([better, 1 - better])
    return _first_and_second(means, covariances, seed=seed, draws=draws, second=False)[0]


def top_two(means: Floats, covariances: Floats, *, seed: int, draws: int = 4096, beta: float = 0.5) -> Floats:
    """Probability that top-two Thompson sampling plays each arm, of shape (allocations, k + 1), the baseline LAST.

    With probability ``beta`` the arm that a draw of the belief finds best; else draws are repeated until another one is
    best, and that is played (Russo 2016). With p the probabilities of being best, in closed form:
    p_i (beta + (1 - beta) sum over j != i of p_j / (1 - p_j)). An arm that is best in every draw has nobody beside it
    that ever is: then it shares with those that come second, which is what the repetition tends to.

    Args:
        means, covariances: as for ``probabilities_best``; the points are the same too.
        beta: 1 is Thompson sampling, the probability of being best; the less, the more the contenders are tried.

    Raises:
        LearningError: as ``probabilities_best``, or beta outside 0 to 1.
    """
    if not 0 <= beta <= 1:
        raise LearningError(f"beta is a probability, not {beta}")
    means, covariances = _checked(means, covariances)
    if means.shape[1] == 0:
        return np.ones((len(means), 1))
    if means.shape[1] == 1:
        best = probabilities_best(means, covariances, seed=seed)
        return beta * best + (1 - beta) * best[:, ::-1]
    best, second = _first_and_second(means, covariances, seed=seed, draws=draws, second=True)
    certain = best == 1
    odds = np.where(certain, 0.0, best / np.where(certain, 1.0, 1 - best))
    challenged = np.where(certain.any(axis=1, keepdims=True), second, best * (_in_order_of_size(odds) - odds))
    return beta * best + (1 - beta) * challenged


def integer_shares(
    probabilities: Sequence[float] | Floats, *, baseline_index: int, budget: float, floor: float, total: int = 10_000
) -> list[int]:
    """Shares in 1/``total`` that sum to ``total``, in the order of ``probabilities``.

    Arms other than the baseline get their probability of being best, scaled down until together they fit
    into ``budget`` (a fraction), but at least ``floor`` (a fraction) each, or an equal part of the budget
    where that is less. The baseline has the rest. The last units go to the largest remainders, then to
    the earlier arm; the budget is never exceeded.

    Raises:
        LearningError: probabilities that do not sum to 1, or a budget or floor outside 0 to 1.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if not 0 <= baseline_index < len(values):
        raise LearningError(f"there is no arm {baseline_index} among {len(values)}")
    others = [place for place in range(len(values)) if place != baseline_index]
    order = [*others, baseline_index]
    split = many_shares(values[order][None], budget=budget, floor=floor, total=total)[0].tolist()
    return [share for _, share in sorted(zip(order, split, strict=True))]


def many_shares(probabilities: Floats, *, budget: float, floor: float, total: int = 10_000) -> Integers:
    """``integer_shares`` of many allocations with equally many arms at once, of shape (allocations, arms).

    Args:
        probabilities: of shape (allocations, arms), the baseline LAST.

    Raises:
        LearningError: as ``integer_shares``.
    """
    if not ((probabilities >= 0).all() and (abs(probabilities.sum(axis=1) - 1) < 1e-6).all()):
        raise LearningError(f"probabilities must not be negative and must sum to 1: {probabilities.tolist()}")
    if not (0 <= budget <= 1 and 0 <= floor <= 1):
        raise LearningError(f"budget and floor must lie in 0 to 1: {budget}, {floor}")
    shares = np.zeros(probabilities.shape, dtype=np.int64)
    if probabilities.shape[1] > 1:
        shares[:, :-1] = _within(probabilities[:, :-1] * total, budget=budget * total, floor=floor * total)
    shares[:, -1] = total - shares.sum(axis=1)
    return shares


def _checked(means: Floats, covariances: Floats) -> tuple[Floats, Floats]:
    means, covariances = np.asarray(means, dtype=np.float64), np.asarray(covariances, dtype=np.float64)
    if means.ndim != 2 or covariances.shape != (*means.shape, means.shape[1]):
        raise LearningError(
            f"finite means of {means.shape[1:]} arms need finite covariances for each two, not {covariances.shape[1:]}"
        )
    if not (np.isfinite(means).all() and np.isfinite(covariances).all()):
        raise LearningError("means and covariances must be finite; leave an arm out whose belief is not")
    if (variances := covariances.diagonal(axis1=1, axis2=2)).min(initial=0.0) < 0:
        raise LearningError(f"the variance of a difference must not be negative, and one is {variances.min()}")
    return means, covariances


def _first_and_second(
    means: Floats, covariances: Floats, *, seed: int, draws: int, second: bool
) -> tuple[Floats, Floats]:
    """How often each arm is best, among the same points for all allocations.

    Also, if asked for and where one is best everywhere, how often each of the others is second.
    """
    allocations, k = means.shape
    wins, seconds = np.zeros((2, allocations, k + 1))
    if k == 0:
        return wins + 1, seconds
    # Single precision is twice as fast, and its rounding far below the error of so many points.
    points = np.ones((k + 1, draws), dtype=np.float32)
    points[:-1] = ndtri(qmc.Sobol(k, scramble=True, seed=seed).random(draws).T.clip(1e-12, 1 - 1e-12))
    orders = np.lexsort((covariances.sum(axis=2), covariances.diagonal(axis1=1, axis2=2), means), axis=1)
    rows = np.arange(allocations)[:, None]
    maps = _maps(means[rows, orders], roots(covariances[rows[..., None], orders[:, :, None], orders[:, None]]))
    step = max(1, TOGETHER // (k * draws))
    room = np.empty((step, k, draws), dtype=np.float32)
    for start in range(0, allocations, step):
        drawn = np.matmul(maps[start : start + step], points, out=room[: allocations - start])
        wins[start : start + step] = found = _wins(drawn)
        if second:
            for place, best in np.argwhere(found == draws).tolist():
                seconds[start + place] = _wins_without(drawn[place], best)
    places = np.column_stack([orders.argsort(axis=1), np.full(allocations, k)])
    return wins[rows, places] / draws, seconds[rows, places] / draws


def _maps(means: Floats, roots_: Floats) -> Singles:
    """What makes of each point and a 1 below it rewards of all arms but the baseline, as parts of the largest."""
    maps = np.concatenate([roots_, means[:, :, None]], axis=2)
    largest = abs(maps).max(axis=(1, 2), keepdims=True)
    return (maps / np.where(largest > 0, largest, 1.0)).astype(np.float32)


def _wins(drawn: Singles, *, baseline: float = 0.0) -> Integers:
    """In how many columns of ``drawn`` (allocations, k, draws) each arm is highest, of equals the first.

    Of shape (allocations, k + 1): the baseline, which has the same reward in all columns, comes last.
    """
    allocations, k, draws = drawn.shape
    highest = drawn.max(axis=1, initial=baseline)
    leads = np.empty((allocations, k + 1, draws), dtype=np.bool_)
    np.equal(drawn, highest[:, None], out=leads[:, :-1])
    np.equal(highest, baseline, out=leads[:, -1])
    wins = _counted(leads)
    for place in np.flatnonzero(wins.sum(axis=1) > draws):
        rewards = np.vstack([drawn[place], np.full(draws, baseline, dtype=np.float32)])
        wins[place] = np.bincount(rewards.argmax(axis=0), minlength=k + 1)
    return wins


def _wins_without(drawn: Singles, arm: int) -> Integers:
    """``_wins`` of one allocation (k + 1) once ``arm`` is out; overwrites ``drawn`` (k, draws)."""
    if arm < len(drawn):
        drawn[arm] = -np.inf
    [wins] = _wins(drawn[None], baseline=0.0 if arm < len(drawn) else -np.inf)
    return np.asarray(wins, dtype=np.int64)


def _counted(flags: NDArray[np.bool_]) -> Integers:
    """How many along the last axis are true: eight are added at once, as the bytes of a word, at most 128 times."""
    words = flags.view(np.uint64)
    sums = words.reshape(*words.shape[:-1], -1, min(128, words.shape[-1])).sum(axis=-1)
    return np.asarray(sums.view(np.uint8).sum(axis=-1, dtype=np.int64))


def _in_order_of_size(values: Floats) -> Floats:
    """The sum of each row, (rows, 1), added from the smallest on, so that the order of arms changes no bit."""
    return np.asarray(np.sort(values, axis=1).sum(axis=1, keepdims=True))


def _one_better(means: Floats, sds: Floats) -> Floats:
    exact = sds == 0
    return np.asarray(np.where(exact, np.heaviside(means, 0.5), ndtr(means / np.where(exact, 1.0, sds))))


def _within(wanted: Floats, *, budget: float, floor: float) -> Integers:
    """Integers near ``wanted`` (allocations, k), each at least ``floor``, in each row together at most ``budget``."""
    limit = math.floor(budget + 1e-9)
    least = min(math.floor(floor + 0.5), limit // wanted.shape[1])
    ideal = _filled(wanted, limit=limit, least=least)
    shares = np.floor(ideal + 1e-9).astype(np.int64)
    spare = np.minimum(limit, np.floor(ideal.sum(axis=1) + 1e-9).astype(np.int64)) - shares.sum(axis=1)
    largest_first = np.argsort(shares - ideal, axis=1, kind="stable")
    ranks = np.argsort(largest_first, axis=1)
    return np.asarray(shares + (ranks < spare[:, None]), dtype=np.int64)


def _filled(wanted: Floats, *, limit: int, least: int) -> Floats:
    """max(least, scale x wanted) with the largest scale up to 1 that keeps a row within ``limit``."""
    low = np.zeros(wanted.shape, dtype=bool)
    while True:
        free = np.where(low, 0.0, wanted).sum(axis=1)
        room = limit - least * np.count_nonzero(low, axis=1)
        scale = np.where(free > room, room / np.where(free > 0, free, 1.0), 1.0)[:, None]
        below = ~low & (scale * wanted < least)
        if not below.any():
            return np.where(low, least, scale * wanted)
        low |= below
