"""What a policy would have earned, from units that another one drew; or the reason why that cannot be told.

Every estimator is a mean of one number a unit. With weights w (target by propensity), rewards r and a model's
predictions q of them:

=============  ========================================================  ======================================
IPS            w r                                                       Horvitz & Thompson 1952
SNIPS          w (r - V) / mean(w), around V = sum(w r) / sum(w)         Swaminathan & Joachims 2015
DR             sum over arms of target x q + w (r - q)                   Dudik 2014
SWITCH-DR      as DR, without the correction where w > threshold         Wang 2017
shrunk DR      as DR, with w s / (w^2 + s) for w; s is the shrinkage     Su 2020 (optimistic shrinkage, "DRos")
=============  ========================================================  ======================================

The predictions for a unit must come from a model that has not seen it (cross-fitted), or errors come out too small.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from learning.errors import LearningError
from learning.importance import Floats, Integers, Logged, Overlap, Weighing, refusal, weighed

QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)
"""Of the weights: the thresholds, and as squares the shrinkages, that are tried; with 1.0 nothing is cut off."""

UNSHRUNK = 100
"""Times the largest weight: as a square the shrinkage that changes no weight by more than 1 in 10,000."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A policy's value, in reward a unit, with its standard error and interval.

    ``bias`` is what cutting off or shrinking weights has probably taken from the value, itself an estimate; 0 where
    weights are as they are. The interval does not contain it. ``parameter`` is the threshold or shrinkage, else None.
    """

    value: float
    standard_error: float
    low: float
    high: float
    bias: float = 0.0
    parameter: float | None = None

    @property
    def squared_error(self) -> float:
        """The squared error to expect: variance and squared bias (Su 2020)."""
        return self.standard_error**2 + self.bias**2


@dataclass(frozen=True, slots=True)
class Sampling:
    """What counts as independent, and the confidence of intervals.

    Without ``sessions`` units do: right where rewards are taken relative to their session. With ``sessions`` (n, one
    number a unit) the sessions do: units of one session share its market, so the level of a policy is known no better
    than sessions differ (Liang & Zeger 1986; Student's t with one degree of freedom less than sessions).
    """

    sessions: Integers | None = None
    confidence: float = 0.95


UNITS = Sampling()


def ips(logged: Logged, *, sampling: Sampling = UNITS) -> Estimate:
    """Inverse propensity score: unbiased, and the widest."""
    return _estimate(logged.weights * logged.rewards, sampling)


def snips(logged: Logged, *, sampling: Sampling = UNITS) -> Estimate:
    """Self-normalised IPS: never outside of the rewards seen, and the same policy ahead if all rewards are shifted.

    Its error is that of the ratio to first order; its bias, of order 1 / n, is not told.

    Raises:
        LearningError: no unit has any weight.
    """
    weights = logged.weights
    total = math.fsum(weights)
    if not total > 0:
        raise LearningError(f"none of {logged.n:,} units has an arm that the policy would choose")
    value = math.fsum(weights * logged.rewards) / total
    value = min(max(value, float(logged.rewards.min())), float(logged.rewards.max()))
    return _estimate(weights * (logged.rewards - value) * (logged.n / total), sampling, around=value)


def dr(logged: Logged, predictions: Floats, *, sampling: Sampling = UNITS) -> Estimate:
    """Doubly robust: unbiased as IPS is, and the narrower the better the ``predictions`` (n x k) of rewards."""
    return _corrected(logged, predictions, logged.weights, sampling=sampling)


def switch_dr(logged: Logged, predictions: Floats, *, threshold: float, sampling: Sampling = UNITS) -> Estimate:
    """Doubly robust where the weight is at most ``threshold``, the model alone where it is more."""
    _positive(threshold, "threshold")
    kept = np.where(logged.weights <= threshold, logged.weights, 0.0)
    return _corrected(logged, predictions, kept, sampling=sampling, parameter=threshold)


def shrunk_dr(logged: Logged, predictions: Floats, *, shrinkage: float, sampling: Sampling = UNITS) -> Estimate:
    """Doubly robust with weights w s / (w^2 + s): never above sqrt(s) / 2; the model alone at 0, DR as s grows."""
    _positive(shrinkage, "shrinkage")
    shrunk = logged.weights / (1 + logged.weights**2 / shrinkage)
    return _corrected(logged, predictions, shrunk, sampling=sampling, parameter=shrinkage)


def least_error(estimates: Sequence[Estimate]) -> Estimate:
    """The estimate with the least squared error to expect, the first of equals (Su 2020, direct estimate of the bias).

    Looking for it makes the interval of what is found a little too narrow.
    """
    return min(estimates, key=lambda estimate: estimate.squared_error)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a log says of a policy: ``estimates`` by name, or the ``refusal`` to give any; the weights either way."""

    weighing: Weighing
    refusal: str | None
    estimates: Mapping[str, Estimate]


def evaluate(
    logged: Logged, *, predictions: Floats | None = None, overlap: Overlap | None = None, sampling: Sampling = UNITS
) -> Evaluation:
    """All estimators, if the weights bear them; those that need ``predictions`` (n x k) only where they are given.

    Threshold and shrinkage are those with the least squared error to expect among quantiles of the weights.

    Raises:
        LearningError: predictions or sessions that do not fit, or fewer than two units or sessions.
    """
    weighing = weighed(logged)
    refused = refusal(weighing, overlap or Overlap())
    if refused:
        return Evaluation(weighing, refused, {})
    estimates = {"ips": ips(logged, sampling=sampling), "snips": snips(logged, sampling=sampling)}
    if predictions is not None:
        estimates["dr"] = dr(logged, predictions, sampling=sampling)
        cuts = [float(cut) for cut in np.unique(np.quantile(logged.weights[logged.weights > 0], QUANTILES))[::-1]]
        estimates["switch_dr"] = least_error(
            [switch_dr(logged, predictions, threshold=cut, sampling=sampling) for cut in cuts]
        )
        estimates["shrunk_dr"] = least_error(
            [shrunk_dr(logged, predictions, shrinkage=cut**2, sampling=sampling) for cut in (UNSHRUNK * cuts[0], *cuts)]
        )
    return Evaluation(weighing, None, estimates)


def _corrected(
    logged: Logged, predictions: Floats, weights: Floats, *, sampling: Sampling, parameter: float | None = None
) -> Estimate:
    """The model's value, corrected by ``weights`` x what it missed; the bias is what full weights would have added."""
    if predictions.shape != logged.target.shape or not np.isfinite(predictions).all():
        raise LearningError(f"finite predictions {logged.target.shape} are needed, not {predictions.shape}")
    missed = logged.rewards - logged.taken(predictions)
    modelled = np.einsum("ij,ij->i", logged.target, predictions)
    bias = math.fsum((weights - logged.weights) * missed) / logged.n
    return _estimate(modelled + weights * missed, sampling, bias=bias, parameter=parameter)


def _estimate(
    scores: Floats,
    sampling: Sampling,
    *,
    around: float = 0.0,
    bias: float = 0.0,
    parameter: float | None = None,
) -> Estimate:
    """The mean of ``scores`` (n), moved by ``around``, with its error."""
    mean = math.fsum(scores) / len(scores)
    groups = _groups(scores - mean, sampling.sessions)
    if len(groups) < 2:
        what = "units" if sampling.sessions is None else "sessions"
        raise LearningError(f"an error needs at least 2 {what}, not {len(groups)}")
    if not 0 < sampling.confidence < 1:
        raise LearningError(f"confidence must lie between 0 and 1, not {sampling.confidence}")
    error = math.sqrt(len(groups) / (len(groups) - 1) * math.fsum(groups**2)) / len(scores)
    beyond = (1 + sampling.confidence) / 2
    quantile = float(ndtri(beyond) if sampling.sessions is None else stdtrit(len(groups) - 1, beyond))
    value = around + mean
    return Estimate(value, error, value - quantile * error, value + quantile * error, bias, parameter)


def _groups(residuals: Floats, sessions: Integers | None) -> Floats:
    """The residuals, summed by session where there are sessions."""
    if sessions is None:
        return residuals
    if sessions.shape != residuals.shape:
        raise LearningError(f"{len(residuals)} units need one session each, not {sessions.shape}")
    _, places = np.unique(sessions, return_inverse=True)
    return np.asarray(np.bincount(places, weights=residuals), dtype=np.float64)


def _positive(value: float, name: str) -> None:
    if not value > 0:
        raise LearningError(f"the {name} must be positive, not {value}")
