"""What a story tells of the bars that an example was measured with. None is not known, never 0."""

from datetime import datetime

from msgspec import Struct


class Quoted(Struct, frozen=True, kw_only=True):
    """What one source finally told of a bar."""

    source: str
    event_id: str
    close: float
    factor: float | None
    revision: int
    recorded_at: datetime


class Bar(Struct, frozen=True, kw_only=True):
    """A bar as it was used, in currency, and what every source told of it."""

    start: datetime
    end: datetime
    session: str
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    factor: float | None
    quotes: list[Quoted]


class Factor(Struct, frozen=True, kw_only=True):
    """What prices before a bar were multiplied by to compare with it."""

    session: str
    end: datetime
    factor: float


class Jump(Struct, frozen=True, kw_only=True):
    """A step beyond the guard that led to a bar, as a fraction, after factors."""

    session: str
    end: datetime
    step: float


class Compared(Struct, frozen=True, kw_only=True):
    """The bars of the benchmark over the same window; None where one is missing."""

    symbol: str
    entry: Bar | None
    exit: Bar | None


class Prices(Struct, frozen=True, kw_only=True):
    """The bars that an example was measured with, from its entry to its exit."""

    interval: str
    bars: int
    entry: Bar | None
    exit: Bar | None
    factors: list[Factor]
    jumps: list[Jump]
    benchmark: Compared | None
