"""Which weights of a score a sample suggests, and how sure that is."""

from collections.abc import Iterator, Mapping

import numpy as np
import structlog
from msgspec import Struct

from learning.correlation import LEAST
from learning.errors import LearningError
from learning.moments import moments
from learning.regression import Regression, ridge
from learning.scoring import next_weights
from learning.uniqueness import effective_n
from schemas.allocation import Value
from schemas.parameters import Parameter, Registry
from workers.insight.sample import Floats, Sample

log = structlog.get_logger()

DRAWS = 2_000
"""So many slopes are drawn from the belief for the interval of a weight."""


class WeightFinding(Struct, frozen=True):
    """One weight. ``suggested`` keeps to bounds and the largest change a day; ``low`` to ``high`` is where the share of
    its slope among all slopes above 0 lies with 95 %, whatever bounds and days say. ``slope`` is what one standard
    deviation of the feature adds to the return, ``rising`` the probability that this is above 0. ``n`` alerts show
    the feature, and count as ``effective`` independent ones."""

    parameter: str
    feature: str
    old: float
    suggested: float
    low: float
    high: float
    slope: float
    rising: float
    n: int
    effective: float


def suggested_weights(
    sample: Sample, registry: Registry, values: Mapping[str, Value], *, seed: int
) -> Iterator[WeightFinding]:
    """A weight for each member of every learnable group each of whose features enough alerts show.

    Opinions of one regression on all features of the group, not tests: nothing is claimed of a single one.
    """
    declared = {name: feature for learner in registry.learners for name, feature in learner.weights.items()}
    for names in registry.groups.values():
        members = [registry.parameters[name] for name in names]
        features = [declared.get(name) or feature_of(name) for name in names]
        if not all(one.learnable for one in members) or not set(features) <= set(sample.names):
            continue
        columns = sample.features[:, [sample.names.index(feature) for feature in features]]
        known = [sample.uniqueness[~np.isnan(column)] for column in columns.T]
        if any(len(one) < LEAST * len(names) or effective_n(one) <= 2 * len(names) + 1 for one in known):
            continue
        old = np.array([_number(values.get(one.name, one.default)) for one in members])
        try:
            fit = ridge(moments(columns, sample.outcomes, weights=sample.uniqueness))
            suggested = _suggested(fit, members, old)
        except LearningError as error:
            log.info("weights.not_suggested", strategy=registry.strategy, parameters=names, reason=str(error))
            continue
        low, high = _interval(fit, len(names), float(old.sum()), seed=seed)
        for place, (name, feature) in enumerate(zip(names, features, strict=True)):
            yield WeightFinding(
                parameter=name,
                feature=feature,
                old=float(old[place]),
                suggested=float(suggested[place]),
                low=float(low[place]),
                high=float(high[place]),
                slope=float(fit.coefficients[place]),
                rising=float(fit.probabilities_positive[place]),
                n=len(known[place]),
                effective=effective_n(known[place]),
            )


def feature_of(parameter: str) -> str:
    """The feature that a weight weighs where no learner says so: ``gap`` of ``weight.gap``."""
    return parameter.partition(".")[2] or parameter


def _suggested(fit: Regression, members: list[Parameter], old: Floats) -> Floats:
    lower = np.array([0.0 if one.min is None else one.min for one in members])
    upper = np.array([float(old.sum()) if one.max is None else one.max for one in members])
    caps = [one.largest_change(float(now)) for one, now in zip(members, old, strict=True)]
    cap = np.array([float(old.sum()) if one is None else one for one in caps])
    return next_weights(fit, old=old, lower=lower, upper=upper, cap=cap)


def _interval(fit: Regression, width: int, total: float, *, seed: int) -> tuple[Floats, Floats]:
    """Where each feature's share of the slopes above 0 lies, by drawing slopes; without any such, equal shares."""
    generator = np.random.default_rng(seed)
    scales = fit.scaling.scales[:width]
    drawn = generator.multivariate_normal(
        fit.coefficients[:width], fit.covariance[:width, :width], size=DRAWS, method="eigh"
    )
    slopes = np.maximum(drawn / np.where(scales > 0, scales, np.inf), 0.0)
    sums = slopes.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, slopes / np.where(sums > 0, sums, 1.0), 1 / width) * total
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    return low, high


def _number(value: Value) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"a weight is a number, not {value!r}: the registry lets nothing else into a group")
    return float(value)
