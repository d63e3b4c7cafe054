"""Which regime the market was last said to be in."""

from sqlalchemy import Connection, func, select

from schemas.calendar import Calendar
from schemas.parameters import Registry
from store.tables import alerts, instruments

RECENT = 10
"""For how many sessions the last regime that an alert named holds."""

ALL = "all"
"""The one regime where nobody names any."""


def regime_of(connection: Connection, registry: Registry, *, session: str, cut: int) -> str:
    """The regime that the market was last said to be in by ``session``, by the facts up to ``cut``."""
    calendar = Calendar.named(registry.market.calendar)
    first = calendar.sessions[max(0, calendar.place(session) - RECENT)]
    return latest_regime(connection, registry.strategy, first=first, last=session, cut=cut) or ALL


def latest_regime(connection: Connection, strategy: str, *, first: str, last: str, cut: int) -> str | None:
    """The regime that most alerts bear in the newest of the sessions ``first`` to ``last`` in which any names one.

    By the facts up to ``cut``; between equals the first by name. None where no alert of these sessions names a regime.
    """
    chosen = (
        select(alerts.c.entry_session, alerts.c.regime, func.count())
        .select_from(instruments)
        .join(alerts, alerts.c.instrument == instruments.c.id)
        .where(
            instruments.c.strategy == strategy,
            alerts.c.entry_session >= first,
            alerts.c.entry_session <= last,
            alerts.c.regime.is_not(None),
            # The sum keeps SQLite on the index of sessions, as in ``store.assigned``.
            alerts.c.sequence + 0 <= cut,
        )
        .group_by(alerts.c.entry_session, alerts.c.regime)
    )
    counted = [(session, count, regime) for session, regime, count in connection.execute(chosen)]
    newest = max((session for session, _, _ in counted), default=None)
    of_newest = [(-count, regime) for session, count, regime in counted if session == newest]
    return min(of_newest)[1] if of_newest else None
