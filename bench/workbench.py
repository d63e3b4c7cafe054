"""What a measurement works with."""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.comparison import Comparison

OFTEN = 5
"""How much oftener short runs are repeated."""

Figure = TypeVar("Figure")


class LeftOut(Exception):
    """What a measurement needs is not on this machine; the text says what."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """An empty folder, a broker that holds nothing, and how often each side runs.

    ``tell`` is told what runs now. The smaller ``size`` (1 is whole), the less each run does. What is done in a
    few milliseconds runs ``OFTEN`` times as often, so that what disturbs the machine hits both sides of some pairs.
    """

    folder: Path
    url: str
    tell: Callable[[str], None]
    runs: int = 5
    size: float = 1.0

    def count(self, whole: int) -> int:
        """How much a run of ``whole`` does at this size."""
        return max(1, round(whole * self.size))

    def pairs(
        self, what: str, *, ours: Callable[[], Figure], baseline: Callable[[], Figure], times: int = 1
    ) -> list[tuple[Figure, Figure]]:
        """Both sides by turns: ours, baseline, ours, baseline, …; ``times`` as often as usual."""
        found = []
        gc.collect()
        for number in range(self.runs * times):
            self.tell(f"{what}, run {number + 1} of {self.runs * times}")
            found.append((ours(), baseline()))
        return found

    def compare(
        self,
        what: str,
        against: str,
        *,
        unit: str,
        ours: Callable[[], float],
        baseline: Callable[[], float],
        times: int = 1,
    ) -> Comparison:
        """One line from runs that have one figure each."""
        pairs = self.pairs(what, ours=ours, baseline=baseline, times=times)
        return comparison(what, against, unit=unit, pairs=pairs)


def comparison(what: str, against: str, *, unit: str, pairs: Iterable[tuple[float, float]]) -> Comparison:
    """One line from the figures of every pair of runs, ours first."""
    ours, baseline = zip(*pairs, strict=True)
    return Comparison(what=what, against=against, unit=unit, ours=ours, baseline=baseline)


def rate(count: int, work: Callable[[], object]) -> float:
    """How many a second, where ``work`` does ``count``."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)
