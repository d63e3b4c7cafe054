"""Many small symmetric matrices at once: their square roots and inverses, each by itself to the last bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

Floats = NDArray[np.float64]

(_potrf,) = get_lapack_funcs(("potrf",), dtype=np.float64)

DEFINITE = 1e-4
"""With less between the smallest and the largest pivot of its Cholesky root, a matrix is inverted by eigenvalues."""


def roots(matrices: Floats) -> Floats:
    """R (..., k, k) with R R' = each of ``matrices`` (..., k, k), which must not have negative eigenvalues.

    Cholesky's, or by eigenvalues where there is none, as for something known exactly; an eigenvalue that rounding left
    below 0 is 0.
    """
    found = np.empty(matrices.shape)
    for place in np.ndindex(matrices.shape[:-2]):
        root, failed = _potrf(matrices[place], lower=1, clean=1)
        found[place] = _eigenroot(matrices[place]) if failed else root
    return found


def pseudo_inverses(matrices: Floats, *, rcond: float) -> Floats:
    """Those of Moore and Penrose (..., k, k) of ``matrices`` without negative eigenvalues, symmetric exactly.

    The inverse where there plainly is one; else by eigenvalues, of which those below ``rcond`` times the largest count
    as 0.
    """
    definite = np.array([_definite(matrices[place]) for place in np.ndindex(matrices.shape[:-2])], dtype=bool)
    definite = definite.reshape(matrices.shape[:-2])
    found = np.empty(matrices.shape)
    found[definite] = np.linalg.inv(matrices[definite])
    found[~definite] = np.linalg.pinv(matrices[~definite], rcond=rcond, hermitian=True)
    return np.asarray((found + np.swapaxes(found, -1, -2)) / 2)


def _definite(matrix: Floats) -> bool:
    root, failed = _potrf(matrix, lower=1)
    pivots = root.diagonal()
    return bool(not failed and (not len(pivots) or pivots.min() > DEFINITE * pivots.max()))


def _eigenroot(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))
