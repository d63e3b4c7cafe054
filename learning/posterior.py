"""What is believed about the differences between arms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.effects import ArmEffects
from learning.errors import LearningError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Normal belief about the differences of ``arms`` to the baseline, in reward: mean (k), covariance (k x k)."""

    arms: tuple[str, ...]
    mean: Floats
    covariance: Floats


def posterior_of(effects: ArmEffects, *, prior_sd: float) -> Posterior:
    """Shrink measured differences toward no difference: prior N(0, prior_sd^2) for each arm, independent.

    An arm that nothing is known of yet keeps the prior, and so do all arms while ``effects.noise`` is None or 0.

    Raises:
        LearningError: ``prior_sd`` is not positive.
    """
    if not (prior_sd > 0 and np.isfinite(prior_sd)):
        raise LearningError(f"the prior's standard deviation must be a positive number, not {prior_sd}")
    prior = np.eye(len(effects.arms)) / prior_sd**2
    if effects.noise is None:
        return Posterior(effects.arms, np.zeros(len(effects.arms)), np.eye(len(effects.arms)) * prior_sd**2)
    weighed = effects.information @ np.linalg.pinv(effects.noise, rcond=1e-12, hermitian=True)
    covariance = np.asarray(np.linalg.inv(prior + weighed @ effects.information), dtype=np.float64)
    return Posterior(effects.arms, covariance @ weighed @ effects.scores, (covariance + covariance.T) / 2)
