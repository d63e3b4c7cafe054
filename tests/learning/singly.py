"""Beliefs about one allocation at a time, as the formulas are written: what the tables are compared with."""

import numpy as np


def canonical(effects):
    """The precision of the measured differences, and the precision times the differences."""
    if effects.noise is None:
        return np.zeros_like(effects.information), np.zeros_like(effects.scores)
    weights = effects.information @ np.linalg.pinv(effects.noise, rcond=1e-12, hermitian=True)
    return weights @ effects.information, weights @ effects.scores


def posterior_of(effects, *, prior_sd):
    """Mean and covariance of the differences: prior N(0, prior_sd^2) for each arm, times the likelihood."""
    precision, weighed = canonical(effects)
    covariance = np.linalg.inv(np.eye(len(effects.arms)) / prior_sd**2 + precision)
    return covariance @ weighed, (covariance + covariance.T) / 2
