"""What is known of an example."""

from typing import NamedTuple

LARGEST = 1_000.0
"""The largest return, on both sides, that an event may hold: a hundred thousand per cent."""


class Figures(NamedTuple):
    """Prices in currency, times in microseconds, the rest fractions of the entry, signed as the position earned them;
    ``benchmark`` is without sign. None is unknown.

    Attributes:
        time: when it became known.
        jump: a bar of the window holds a jump; ``held_until`` is then the end of the session up to which a factor
            or a second source is waited for.
        inferred: the outcome bore no id and was joined by the declared rule.
    """

    entry_time: int | None = None
    exit_time: int | None = None
    entry_price: float | None = None
    exit_price: float | None = None
    return_: float | None = None
    net: float | None = None
    benchmark: float | None = None
    mfe: float | None = None
    mae: float | None = None
    volatility: float | None = None
    peak_after: int | None = None
    exit_reason: str | None = None
    time: int | None = None
    jump: bool = False
    held_until: int | None = None
    inferred: bool = False


def bounded(fraction: float | None) -> float | None:
    """A return within what an event may hold."""
    return None if fraction is None else max(-LARGEST, min(LARGEST, fraction))
