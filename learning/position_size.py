"""What caps on the size of a position would have made of history: growth, all caps at once."""

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def capped_growth(sizes: Floats, returns: Floats, sessions: Integers, *, caps: Floats) -> tuple[Integers, Floats]:
    """The numbers of the sessions (sessions,), rising, and the logarithm of equity's growth in each by cap (sessions,
    caps): log(1 + sum of min(size, cap) x return).

    The cap with the highest mean maximises long-run growth (Kelly 1956) among caps on these sizes. Full Kelly
    is the edge of over-betting, and the best cap of history is an optimistic one; so users search up to a fraction of
    it. Feed the table to ``search`` as the gains of its candidates.

    Args:
        sizes, returns, sessions: of shape (positions,). A size is a fraction of equity, 0 or more; a return is the
            position's net one, signed as it earned, and belongs to the session it is assigned to.
        caps: of shape (caps,), fractions of equity.

    Raises:
        LearningError: shapes that differ, a number that is missing or negative where it must not be, or a cap under
            which a session would have lost all equity: its growth is no number.

    >>> capped_growth(np.array([0.5, 1.0]), np.array([0.1, -0.2]), np.array([3, 4]), caps=np.array([0.5]))[1].round(4)
    array([[ 0.0488],
           [-0.1054]])
    """
    _check(sizes, returns, sessions, caps)
    numbers, places = np.unique(sessions, return_inverse=True)
    earned = np.empty((len(caps), len(numbers)))
    for row, cap in zip(earned, caps, strict=True):
        row[:] = np.bincount(places, weights=np.minimum(sizes, cap) * returns, minlength=len(numbers))
    if (earned <= -1).any():
        cap, session = np.argwhere(earned <= -1)[0]
        raise LearningError(
            f"under a cap of {caps[cap]} session {numbers[session]} would have lost {-earned[cap, session]:.0%} "
            "of equity: leave such caps out"
        )
    return numbers, np.log1p(earned).T


def _check(sizes: Floats, returns: Floats, sessions: Integers, caps: Floats) -> None:
    if not (sizes.ndim == caps.ndim == 1 and sizes.shape == returns.shape == sessions.shape):
        shapes = ", ".join(str(one.shape) for one in (sizes, returns, sessions))
        raise LearningError(f"sizes, returns and sessions must have one shape (positions,), not {shapes}")
    if not np.isfinite(returns).all():
        raise LearningError("a return is not a finite number: leave out positions whose return is unknown")
    for name, numbers in (("size", sizes), ("cap", caps)):
        if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
            raise LearningError(f"a {name} must be a finite fraction of equity, 0 or more")
