"""How each pattern has done, as it is shown."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct
from sqlalchemy import Connection

from learning.multiset import Multiset
from learning.pattern import Performance
from learning.rewards import RewardSum
from learning.uniqueness import average_uniqueness, effective_n
from schemas.calendar import Calendar
from store.occurrences import OccurrenceRow, PatternSums, patterns_of, standing_of
from workers.insight.intake import place_of, window


class PatternLine(Struct, frozen=True):
    """One pattern in one regime. Returns are fractions: ``average`` is winsorised at 100 %, the others are not.

    ``drawdown`` is the deepest fall below the entry that one case went through; ``holding`` in sessions. ``confidence``
    is the mean of what alerts told, of ``told`` cases, ``hit_rate`` the share of these that won, ``brier`` their score.
    """

    signature: str
    subject: str
    horizon: str
    origin: str
    regime: str
    n: int
    effective: float
    success: float
    low: float
    high: float
    average: float
    holding: float | None
    best: float | None
    worst: float | None
    drawdown: float | None
    told: int
    confidence: float | None
    hit_rate: float | None
    brier: float | None
    last_seen: str


def pattern_lines(connection: Connection, strategy: str, calendar: Calendar) -> Iterator[PatternLine]:
    """Every pattern that has cases, the one with the most first."""
    for sums in sorted(patterns_of(connection, strategy), key=lambda one: (-one.n, one)):
        yield _line(sums, standing_of(connection, sums), calendar)


def performance_of(sums: PatternSums, rows: Sequence[OccurrenceRow], calendar: Calendar) -> Performance:
    """What is kept of a pattern: the sums, and of the occurrences that stand how often each value came."""
    return Performance(
        returns=RewardSum(sums.n, sums.total, sums.squares),
        wins=sums.wins,
        nets=_counted(row.net for row in rows),
        maes=_counted(row.mae for row in rows),
        held=sums.held,
        holding=sums.holding,
        forecasts=RewardSum(sums.told, sums.forecast, sum((row.confidence or 0) ** 2 for row in rows)),
        hits=sums.hits,
        misses=sums.misses,
        regimes=Multiset(((sums.regime, sums.n),)),
        sessions=_counted(place_of(calendar, row.session) for row in rows),
    )


def _line(sums: PatternSums, rows: Sequence[OccurrenceRow], calendar: Calendar) -> PatternLine:
    made = performance_of(sums, rows, calendar)
    effective = _effective(rows, calendar)
    low, high = made.success_interval(effective=effective) or (0.0, 1.0)
    told = made.calibration
    return PatternLine(
        **dict(zip(PatternSums._fields[1:6], sums[1:6], strict=True)),
        n=made.n,
        effective=effective,
        success=made.success_rate or 0.0,
        low=low,
        high=high,
        average=made.average_return or 0.0,
        holding=made.holding_period,
        best=made.best,
        worst=made.worst,
        drawdown=made.worst_drawdown,
        told=told.n if told else 0,
        confidence=told.confidence if told else None,
        hit_rate=told.hit_rate if told else None,
        brier=told.brier if told else None,
        last_seen=max(row.session for row in rows),
    )


def _effective(rows: Sequence[OccurrenceRow], calendar: Calendar) -> float:
    """As how many independent cases these count; one whose times are not known counts whole."""
    timed = [row for row in rows if row.entry_time is not None and row.exit_time is not None]
    if not timed:
        return float(len(rows))
    windows = [window(calendar, row.entry_time or 0, row.exit_time or 0) for row in timed]
    starts, stops = np.array(windows, dtype=np.int64).T
    _, symbols = np.unique([row.symbol for row in timed], return_inverse=True)
    return effective_n(average_uniqueness(symbols.astype(np.int64), starts, stops)) + len(rows) - len(timed)


def _counted(values: Iterable[int | None]) -> Multiset[int]:
    return Multiset(tuple(sorted(Counter(one for one in values if one is not None).items())))
