"""A figure and what it is compared with."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of the table: what was measured, against what, and both figures of every pair of runs.

    ``unit`` says which way is better: a rate (``events/s``) is better when it is higher, a time (``µs``) when
    it is lower.
    """

    what: str
    against: str
    unit: str
    ours: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Ours by the baseline, pair by pair: what disturbs the machine for a while disturbs both of a pair."""
        return [ours / baseline for ours, baseline in zip(self.ours, self.baseline, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(self.ratios)
