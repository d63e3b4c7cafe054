"""What one look at one part found."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.reports import HealthReported, HealthState

MOST_REASONS = 20
LONGEST_TEXT = 1_000
MOST_COUNTS = 200

BADNESS = {HealthState.HEALTHY: 0, HealthState.DEGRADED: 1, HealthState.CRITICAL: 2}
"""The order of the states, as the exit code of ``learning health`` says it."""


class Reason(NamedTuple):
    """Why a part is not healthy.

    ``code`` names the same trouble as long as it lasts, whatever its figures; ``text`` says what, which value, which
    limit, where, and what to do.
    """

    code: str
    text: str
    state: HealthState = HealthState.DEGRADED


class Figure(NamedTuple):
    """A number that was measured: ``metric`` is a key of ``METRICS``, ``labels`` are in the order named there."""

    metric: str
    value: float
    labels: tuple[str, ...] = ()


class Reading(NamedTuple):
    """How one part was when it was looked at. Without reasons it is healthy."""

    part: str
    reasons: tuple[Reason, ...] = ()
    figures: tuple[Figure, ...] = ()

    @property
    def state(self) -> HealthState:
        """The worst of its reasons."""
        return worst(reason.state for reason in self.reasons)

    @property
    def codes(self) -> frozenset[tuple[str, HealthState]]:
        """Which troubles there are, without their figures."""
        return frozenset((reason.code, reason.state) for reason in self.reasons)

    @property
    def texts(self) -> list[str]:
        """The reasons as they are told, the worst first, at most ``MOST_REASONS``."""
        ordered = sorted(self.reasons, key=lambda reason: -BADNESS[reason.state])
        told = [reason.text[:LONGEST_TEXT] for reason in ordered[:MOST_REASONS]]
        more = len(ordered) - len(told)
        return [*told, f"and {more:,} more reasons"] if more else told

    @property
    def counts(self) -> Mapping[str, int]:
        """The figures as an event carries them: whole numbers by name."""
        named = ((" ".join((figure.metric, *figure.labels))[:100], figure.value) for figure in self.figures)
        return {name: max(0, int(value)) for name, value in list(named)[:MOST_COUNTS]}


def worst(states: Iterable[HealthState]) -> HealthState:
    """The worst of some states; healthy where there are none."""
    return max(states, key=BADNESS.__getitem__, default=HealthState.HEALTHY)


def worst_of(parts: Iterable[HealthReported]) -> HealthState:
    """How all parts together are."""
    return worst(part.state for part in parts)


def part_name(*words: str) -> str:
    """A name for a part made of words that others chose."""
    return re.sub(r"[^A-Za-z0-9_.:\-]", "_", ".".join(words))[:100] or "unnamed"


def graded(value: float, *, limit: float, critical: float) -> HealthState:
    """How bad a value is that should stay below both limits."""
    if value >= critical:
        return HealthState.CRITICAL
    return HealthState.DEGRADED if value >= limit else HealthState.HEALTHY


def span(seconds: float) -> str:
    """A duration for people: ``3.2 s``, ``4 min 10 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = int(seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    if seconds < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60} min"
    return f"{whole // 86_400:,} d {whole % 86_400 // 3_600} h"
