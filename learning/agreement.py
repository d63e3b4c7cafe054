"""Whether what was recommended agreed with what followed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import ndtri

from learning.errors import LearningError

WIN, NEUTRAL, LOSS = "win", "neutral", "loss"
CLASSES = (WIN, NEUTRAL, LOSS)

RIGHT: Mapping[str, frozenset[str]] = {
    "BUY_MORE": frozenset({WIN}),
    "HOLD": frozenset({WIN, NEUTRAL}),
    "TRIM": frozenset({NEUTRAL, LOSS}),
    "TRIM_25": frozenset({NEUTRAL, LOSS}),
    "TRIM_50": frozenset({NEUTRAL, LOSS}),
    "LIQUIDATE": frozenset({LOSS}),
}
"""After which outcome each recommendation was right.

The strong ones (buy more, get out) claim that the position will move far enough to matter, and are right only when it
did; the weak ones (hold, trim) claim that it will not move that far the other way. So the table is symmetric: with all
returns turned round, BUY_MORE is judged as LIQUIDATE was, and HOLD as TRIM. What is not named here is not judged.
"""

Cells = Mapping[tuple[str, str], int]
"""How often each (recommendation, outcome class) came."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of ``n`` judged recommendations so many were ``right``.

    ``by_chance`` is the share that would be right on average if the same recommendations had been dealt out among the
    same outcomes blindly: an accuracy no better than that says nothing.
    """

    n: int
    right: int
    by_chance: float

    @property
    def share(self) -> float:
        """The part that was right."""
        return self.right / self.n


def agreement(cells: Cells) -> Agreement | None:
    """Judge a table of recommendations and outcomes; None where nothing in it is judged.

    Raises:
        LearningError: a negative count, or an outcome class that nobody knows.

    >>> agreement({("BUY_MORE", "win"): 3, ("BUY_MORE", "loss"): 1, ("RESEARCH", "win"): 9})
    Agreement(n=4, right=3, by_chance=0.75)
    """
    _check(cells)
    judged = {cell: count for cell, count in cells.items() if cell[0] in RIGHT and count}
    n = sum(judged.values())
    if not n:
        return None
    right = sum(count for (said, came), count in judged.items() if came in RIGHT[said])
    outcomes = {one: sum(count for (_, came), count in judged.items() if came == one) for one in CLASSES}
    blind = sum(count * outcomes[came] for (said, _), count in judged.items() for came in RIGHT[said])
    return Agreement(n, right, blind / n**2)


def wilson(share: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share that was seen among ``n`` independent cases (Wilson 1927).

    ``n`` may be an effective number, which is not whole.

    Raises:
        LearningError: a share or a confidence outside of 0 to 1, or no case at all.

    >>> low, high = wilson(0.5, 10)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)
    """
    if not (0 <= share <= 1 and 0 < confidence < 1 and n > 0):
        raise LearningError(f"a share of 0 to 1 among more than 0 cases is needed, not {share} among {n}")
    z = float(ndtri((1 + confidence) / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def nearness(predicted: float, actual: float) -> float:
    """How near two amounts are, 0 to 1: the smaller as a part of the larger. Twice too much is as bad as half.

    Raises:
        LearningError: a negative amount.

    >>> nearness(3.0, 1.5)
    0.5
    """
    if not (predicted >= 0 and actual >= 0):
        raise LearningError(f"amounts must not be negative: {predicted}, {actual}")
    return min(predicted, actual) / max(predicted, actual) if max(predicted, actual) > 0 else 1.0


def _check(cells: Cells) -> None:
    for (said, came), count in cells.items():
        if came not in CLASSES or count < 0:
            raise LearningError(f"{said!r} with {came!r}, {count} times: the outcome must be one of {CLASSES}")
