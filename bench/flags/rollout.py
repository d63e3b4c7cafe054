"""What every SDK is asked: a hundred flags, each with another value for a quarter of all units, which ask again."""

import math
from collections.abc import Callable

FLAGS = tuple(f"flag.{number}" for number in range(100))
UNITS = tuple(f"S{number}/2024-01-31" for number in range(20))
READS = len(FLAGS) * len(UNITS)

OLD, NEW = 0.6, 0.8
PERCENT = 25

Pass = Callable[[], int]
"""Reads every flag for every unit, one by one, and says how often the new value came."""


def is_fair(new: int) -> bool:
    """Whether so many of all reads are a quarter, within five standard deviations of independent draws."""
    share = PERCENT / 100
    return abs(new - READS * share) < 5 * math.sqrt(READS * share * (1 - share))
