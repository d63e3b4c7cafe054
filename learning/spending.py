"""How an error rate is divided among arms that come one after the other, with no end known."""

import math

from learning.errors import LearningError


def spent_on(rank: int, *, together: int) -> float:
    """The part of an error rate that the arm of this ``rank`` (0 is the first) may use, of ``together`` arms at a time.

    The parts of all ranks sum to 1: 6 / pi^2 / (1 + g)^2 for each generation g of ``together`` arms, shared evenly by
    them (a union bound over the series of the inverse squares). So of all arms that are ever tried, however many there
    come to be, one without an edge is taken for better with the error rate.

    Raises:
        LearningError: a negative rank, or no arm at a time.

    >>> round(2 * spent_on(0, together=2) + 2 * spent_on(3, together=2), 4)
    0.7599
    """
    if rank < 0 or together < 1:
        raise LearningError(f"a rank from 0 and at least one arm at a time are needed, not {rank} and {together}")
    return 6 / math.pi**2 / (1 + rank // together) ** 2 / together
