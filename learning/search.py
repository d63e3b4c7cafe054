"""Coarse search, fine search inside the coarse plateau, and what the choice was worth where it was not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError
from learning.improvement import Improvement, improvement
from learning.walk_forward import Fold

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Candidate = tuple[float, ...]

Gains = Callable[[Floats], Floats]
"""What candidates (candidates, d) would have gained in each session: (sessions, candidates), from history alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search chose from all sessions, and how its way of choosing fared on sessions that it had not seen.

    ``chosen`` is the candidate, the incumbent itself where nothing was better. ``coarse`` is the best of the coarse
    grid and ``plateau`` the coarse candidates around it that are as good within one standard error. ``choices`` is
    what each fold chose from its own past: that they agree is a sign of a real optimum. ``tried`` counts the distinct
    candidates that were computed, the incumbent not among them.
    """

    chosen: Candidate
    incumbent: Candidate
    coarse: Candidate
    plateau: tuple[Candidate, ...]
    choices: tuple[Candidate, ...]
    tried: int
    improvement: Improvement

    @property
    def proposes(self) -> bool:
        """Whether there is another value than the incumbent, and its way of choosing held out of fold."""
        return self.chosen != self.incumbent and self.improvement.proposes


def search(
    gains: Gains,
    *,
    axes: Sequence[Floats],
    incumbent: Floats,
    folds: Sequence[Fold],
    generator: np.random.Generator,
    steps: Sequence[float] | None = None,
    fine: int = 9,
    error_rate: float = 0.05,
) -> Found:
    """Search the grid of ``axes``, then finely inside its plateau, in the past of each fold and once in all sessions.

    The plateau is what connects to the best coarse candidate within one standard error of the difference to it (the
    rule of Breiman et al. 1984). Fine candidates lie nearest to a coarse one on the plateau. The best of them
    and the incumbent is chosen; between equals, the nearest to the incumbent.

    However many candidates are tried, all choosing happens inside the training folds, and what is judged is the
    difference to the incumbent on test sessions. So a search without any edge proposes with probability ``error_rate``
    (``learning/improvement.py``), and ``tried`` needs no further correction. The figure is that of choosing
    this way again and again; the last choice has seen a little more of history than the judged ones.

    Args:
        gains: pure; called once for the coarse grid and the incumbent each, and once for each distinct fine grid.
        axes: for each parameter its coarse values, rising.
        incumbent: of shape (d,), it need not lie on the grid.
        folds: of ``walk_forward``, over the rows of the gains: one a session, in order of time.
        steps: for each parameter the step of its values, counted from its first coarse one; 0 is none.
        fine: values a parameter that the fine search spreads over the plateau.

    Raises:
        LearningError: axes that do not rise or do not fit the incumbent, or gains that are not a finite number for
            each session and candidate, or of no session.
    """
    grid = _Grid(axes, steps, incumbent, fine)
    history = _History(gains, grid)
    parts = [_choose(history, grid, fold.train) for fold in folds]
    differences = [(part.gained - history.incumbent)[fold.test] for part, fold in zip(parts, folds, strict=True)]
    whole = _choose(history, grid, np.arange(len(history.incumbent)))
    return Found(
        chosen=whole.candidate,
        incumbent=_named(grid.incumbent),
        coarse=whole.coarse,
        plateau=whole.plateau,
        choices=tuple(part.candidate for part in parts),
        tried=len(history.tried - {_named(grid.incumbent)}),
        improvement=improvement(
            np.concatenate(differences) if differences else np.empty(0),
            generator=generator,
            error_rate=error_rate,
            overlap=max((fold.overlap for fold in folds), default=0),
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    candidate: Candidate
    coarse: Candidate
    plateau: tuple[Candidate, ...]
    gained: Floats


class _Grid:
    """The coarse candidates, and the fine ones of a plateau."""

    def __init__(self, axes: Sequence[Floats], steps: Sequence[float] | None, incumbent: Floats, fine: int) -> None:
        self.axes = [np.asarray(axis, dtype=np.float64) for axis in axes]
        self.incumbent = np.asarray(incumbent, dtype=np.float64)
        self.steps = [0.0] * len(axes) if steps is None else list(steps)
        self._fine = fine
        self._check()
        self.shape = tuple(len(axis) for axis in self.axes)
        self.candidates = _product(self.axes)
        self._spans = np.array([max(float(np.ptp(axis)), abs(float(axis[0])), 1e-300) for axis in self.axes])

    def _check(self) -> None:
        if not (self.axes and self.incumbent.shape == (len(self.axes),) and len(self.steps) == len(self.axes)):
            raise LearningError(
                f"each of {len(self.axes)} axes needs a value of the incumbent and a step, "
                f"not {self.incumbent.tolist()} and {self.steps}"
            )
        for axis, step in zip(self.axes, self.steps, strict=True):
            if axis.ndim != 1 or not len(axis) or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
                raise LearningError(f"an axis needs finite values that rise, not {axis.tolist()}")
            if not (step >= 0 and np.isfinite(step)):
                raise LearningError(f"a step must be a positive number, or 0 for none, not {step}")
        if not np.isfinite(self.incumbent).all() or self._fine < 1:
            raise LearningError(f"a finite incumbent and at least one fine value are needed: {self.incumbent.tolist()}")

    def distances(self, candidates: Floats) -> Floats:
        """How far candidates are from the incumbent, in ranges of the axes."""
        distances: Floats = np.abs((candidates - self.incumbent) / self._spans).sum(axis=1)
        return distances

    def plateau(self, good: Flags, best: int) -> Flags:
        """What of ``good`` connects to ``best`` by steps to neighbours on the grid; all flat."""
        table, region = good.reshape(self.shape), np.zeros(self.shape, dtype=bool)
        region[np.unravel_index(best, self.shape)] = True
        for _ in range(good.size):
            grown = region.copy()
            for axis in range(table.ndim):
                turned, from_ = np.moveaxis(grown, axis, 0), np.moveaxis(region, axis, 0)
                turned[1:] |= from_[:-1]
                turned[:-1] |= from_[1:]
            grown &= table
            if (grown == region).all():
                break
            region = grown
        return region.ravel()

    def inside(self, plateau: Flags) -> Floats:
        """Fine candidates whose nearest coarse one is on the plateau, and the plateau itself."""
        places = np.array(np.unravel_index(np.flatnonzero(plateau), self.shape))
        values, nearest = [], []
        for axis, step, chosen in zip(self.axes, self.steps, places, strict=True):
            middles = np.concatenate([axis[:1], (axis[1:] + axis[:-1]) / 2, axis[-1:]])
            spread = np.linspace(middles[chosen.min()], middles[chosen.max() + 1], self._fine)
            if step:
                spread = axis[0] + np.rint((spread - axis[0]) / step) * step
            spread = np.unique(spread.clip(axis[0], axis[-1]))
            values.append(spread)
            nearest.append(np.abs(spread[:, None] - axis).argmin(axis=1).astype(np.float64))
        cells = _product(nearest).astype(np.int64).T
        return np.concatenate([_product(values)[plateau.reshape(self.shape)[tuple(cells)]], self.candidates[plateau]])


class _History:
    """What was computed so far: nothing is computed twice."""

    def __init__(self, gains: Gains, grid: _Grid) -> None:
        self._gains = gains
        self._fine: dict[bytes, Floats] = {}
        self.tried: set[Candidate] = set()
        self.coarse = self._computed(grid.candidates)
        self.incumbent = self._computed(grid.incumbent[None])[:, 0]

    def fine(self, candidates: Floats) -> Floats:
        key = candidates.tobytes()
        if key not in self._fine:
            self._fine[key] = self._computed(candidates)
        return self._fine[key]

    def _computed(self, candidates: Floats) -> Floats:
        table = np.asarray(self._gains(candidates), dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != len(candidates) or not np.isfinite(table).all():
            raise LearningError(
                f"gains must be a finite number for each session and each of {len(candidates)} candidates; "
                f"of shape {table.shape}, {np.count_nonzero(~np.isfinite(table))} are not finite"
            )
        if not len(table):
            raise LearningError("nothing can be chosen from gains of no session at all")
        self.tried.update(_named(row) for row in candidates)
        return table


def _choose(history: _History, grid: _Grid, rows: Integers) -> _Choice:
    """Choose from the gains of ``rows`` alone."""
    coarse = history.coarse[rows]
    best = _best(coarse, grid.distances(grid.candidates))
    behind = coarse[:, [best]] - coarse
    errors = behind.std(axis=0, ddof=min(1, len(rows) - 1)) / np.sqrt(len(rows))
    plateau = grid.plateau(behind.mean(axis=0) <= errors, best)
    fine = grid.inside(plateau)
    everything = np.column_stack([history.fine(fine), history.incumbent])
    candidates = np.vstack([fine, grid.incumbent])
    chosen = _best(everything[rows], grid.distances(candidates))
    return _Choice(
        candidate=_named(candidates[chosen]),
        coarse=_named(grid.candidates[best]),
        plateau=tuple(_named(row) for row in grid.candidates[plateau]),
        gained=everything[:, chosen],
    )


def _best(gains: Floats, distances: Floats) -> int:
    """The highest mean; between equals the least distance, then the first."""
    means = gains.mean(axis=0)
    return int(np.where(means == means.max(), distances, np.inf).argmin())


def _product(axes: Sequence[Floats]) -> Floats:
    return np.stack([one.ravel() for one in np.meshgrid(*axes, indexing="ij")], axis=1)


def _named(candidate: Floats) -> Candidate:
    return tuple(float(value) for value in candidate)
