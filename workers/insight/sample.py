"""The alerts that a session's insights are drawn from, as arrays."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.uniqueness import average_uniqueness
from schemas.calendar import Calendar
from store.insights import InsightRun
from store.occurrences import SCALE, OccurrenceRow, occurrences_at, told_alerts
from workers.insight.intake import SHOWN, Intake, place_of, window

MOST_FEATURES = 50
"""So many features are looked at: those that most alerts have."""

MOST_ALERTS = 20_000
"""Of more alerts than this in the window, the oldest sessions are left out."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Alerts whose outcome is known, by session.

    ``features`` has the shape (alerts, names), NaN is missing; the others (alerts,). ``sessions`` and ``ends`` are the
    places of the session of the alert and of the last one of its outcome; ``outcomes`` are returns, ``wins`` 1 or 0.
    """

    names: tuple[str, ...]
    features: Floats
    outcomes: Floats
    wins: Floats
    sessions: Integers
    ends: Integers
    uniqueness: Floats
    signatures: tuple[str | None, ...]

    @property
    def longest(self) -> int:
        """How many sessions the longest window of an outcome reaches beyond the session of its alert."""
        return int((self.ends - self.sessions).max(initial=0))


def read_sample(connection: Connection, intake: Intake, run: InsightRun, *, days: int) -> Sample:
    """What stood at the cut of the ``days`` before the session's end; alerts never change, so their features may be
    read as they are now."""
    since = first_day(run.session, days)
    rows = occurrences_at(
        connection,
        run.strategy,
        slot=intake.alerts,
        since=since,
        until=run.session,
        cut=run.cut,
        most=MOST_ALERTS,
    )
    rows = [row for row in rows if row.entry_time is not None and row.exit_time is not None]
    alerts = told_alerts(connection, run.strategy, {row.alert_id for row in rows})
    return _sample(rows, [SHOWN.decode(alerts[row.alert_id].body).features for row in rows], intake.calendar)


def first_day(session: str, days: int) -> str:
    """The first date that an insight of ``session`` looks back to."""
    return str(date.fromisoformat(session) - timedelta(days=days - 1))


def _sample(rows: Sequence[OccurrenceRow], shown: Sequence[dict[str, float]], calendar: Calendar) -> Sample:
    counts = Counter(name for features in shown for name in features)
    names = tuple(sorted(sorted(counts, key=lambda name: (-counts[name], name))[:MOST_FEATURES]))
    features = np.array([[one.get(name, np.nan) for name in names] for one in shown], dtype=np.float64)
    windows = [window(calendar, row.entry_time or 0, row.exit_time or 0) for row in rows]
    starts, stops = np.array(windows, dtype=np.int64).reshape(-1, 2).T
    places = np.array([place_of(calendar, row.session) for row in rows], dtype=np.int64)
    _, symbols = np.unique([row.symbol for row in rows], return_inverse=True)
    return Sample(
        names=names,
        features=features.reshape(len(rows), len(names)),
        outcomes=np.array([(row.net or 0) / SCALE for row in rows], dtype=np.float64),
        wins=np.array([row.won or 0 for row in rows], dtype=np.float64),
        sessions=places,
        ends=np.maximum(stops, places),
        uniqueness=average_uniqueness(symbols.astype(np.int64), starts, stops),
        signatures=tuple(row.signature for row in rows),
    )
