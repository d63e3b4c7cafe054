"""Units, and what they are worth, in the one wording that every report, reason and label uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """So many ``units``; ``effective`` is as how many independent ones of equal weight they count, ``uniqueness`` the
    part of its window that each has to itself, on average. What is not known is None, and left out of the wording.

    >>> str(Counted(1_200, 300.0, 0.25))
    '1,200 units (effective 300.0, uniqueness 0.25)'
    """

    units: int = 0
    effective: float | None = 0.0
    uniqueness: float | None = None

    def __add__(self, other: Counted) -> Counted:
        """Both together; the units of one do not overlap those of the other."""
        if not (self.units and other.units):
            return self if self.units else other
        effective = None if self.effective is None or other.effective is None else self.effective + other.effective
        units = self.units + other.units
        if self.uniqueness is None or other.uniqueness is None:
            return Counted(units, effective, None)
        return Counted(units, effective, (self.units * self.uniqueness + other.units * other.uniqueness) / units)

    def __str__(self) -> str:
        worth = [] if self.effective is None else [f"effective {self.effective:,.1f}"]
        worth += [] if self.uniqueness is None else [f"uniqueness {self.uniqueness:.2f}"]
        return f"{self.units:,} units ({', '.join(worth)})" if worth else f"{self.units:,} units"


def compared(candidate: Counted, baseline: Counted, *, sessions: int) -> str:
    """The units of both sides, and in how many sessions they met.

    >>> compared(Counted(30, 30.0), Counted(90, 88.2), sessions=12)
    '30 units (effective 30.0) against 90 units (effective 88.2) in 12 sessions'
    """
    return f"{candidate} against {baseline} in {sessions:,} sessions"
