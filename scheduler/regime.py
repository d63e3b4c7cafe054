"""Which regime shares follow."""

from sqlalchemy import Connection

from schemas.calendar import Calendar
from schemas.parameters import Registry
from store.regimes import latest_regime

RECENT = 10
"""For how many sessions the last regime that an alert named holds."""

ALL = "all"
"""The one regime where nobody names any."""


def regime_of(connection: Connection, registry: Registry, *, session: str, cut: int) -> str:
    """The regime that the market was last said to be in by ``session``, by the facts up to ``cut``."""
    calendar = Calendar.named(registry.market.calendar)
    first = calendar.sessions[max(0, calendar.place(session) - RECENT)]
    return latest_regime(connection, registry.strategy, first=first, last=session, cut=cut) or ALL
