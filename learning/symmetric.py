"""Many small symmetric matrices at once: their square roots and inverses, each by itself to the last bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

Floats = NDArray[np.float64]

(_potrf,) = get_lapack_funcs(("potrf",), dtype=np.float64)

DEFINITE = 1e-8
"""With less between its smallest and its largest pivot, a matrix is inverted by eigenvalues."""


def roots(matrices: Floats) -> Floats:
    """R (..., k, k) with R R' = each of ``matrices`` (..., k, k), which must not have negative eigenvalues.

    Cholesky's, or by eigenvalues where there is none, as for something known exactly; an eigenvalue that rounding left
    below 0 is 0.
    """
    found = np.empty(matrices.shape)
    for matrix, place in zip(_listed(matrices), _listed(found), strict=True):
        root, failed = _potrf(matrix, lower=1, clean=1)
        place[:] = _eigenroot(matrix) if failed else root
    return found


def inverses(matrices: Floats) -> Floats:
    """Those of positive definite ``matrices`` (..., k, k), symmetric exactly."""
    return _reduced(matrices)[0]


def pseudo_inverses(matrices: Floats, *, rcond: float) -> Floats:
    """Those of Moore and Penrose (..., k, k) of ``matrices`` without negative eigenvalues, symmetric exactly.

    The inverse where there plainly is one; else by eigenvalues, of which those below ``rcond`` times the largest count
    as 0.
    """
    found, pivots = _reduced(matrices)
    smallest, largest = pivots.min(axis=-1, initial=np.inf), pivots.max(axis=-1, initial=0.0)
    singular = ~(smallest > DEFINITE * largest)
    if singular.any():
        others = np.linalg.pinv(matrices[singular], rcond=rcond, hermitian=True)
        found[singular] = (others + np.swapaxes(others, -1, -2)) / 2
    return found


def _reduced(matrices: Floats) -> tuple[Floats, Floats]:
    """Inverses (..., k, k) by Gauss and Jordan, on the diagonal, and the pivots (..., k).

    Without exchanges, since a definite matrix needs none (Higham 2002, chapter 14). Where a pivot is not above 0 the
    matrix is not definite and what is found no inverse.
    """
    *leading, k, _ = matrices.shape
    # Matrices last: each step is one operation on all of them.
    work = np.array(np.moveaxis(_listed(matrices), 0, -1), dtype=np.float64, order="C")
    pivots = np.empty((k, work.shape[-1]))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for place in range(k):
            pivots[place] = work[place, place]
            row, column = work[place] / pivots[place], work[:, place].copy()
            work -= column[:, None] * row
            work[place], work[:, place] = row, -column / pivots[place]
            work[place, place] = 1 / pivots[place]
        work = (work + np.swapaxes(work, 0, 1)) / 2
    found = np.ascontiguousarray(np.moveaxis(work, -1, 0)).reshape(matrices.shape)
    return found, np.moveaxis(pivots, 0, -1).reshape(*leading, k)


def _listed(matrices: Floats) -> Floats:
    """The same ones (count, k, k), whatever dimensions lead."""
    return matrices.reshape(math.prod(matrices.shape[:-2]), *matrices.shape[-2:])


def _eigenroot(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))
