"""Which cycles a settled session asks for."""

from bisect import bisect_right

from schemas.calendar import Calendar
from schemas.parameters import Registry

DAILY, WEEKLY = "daily", "weekly"
KINDS = (DAILY, WEEKLY)


def kinds_after(registry: Registry, session: str) -> list[str]:
    """The kinds of cycles that run when ``session`` has settled: the daily one, and where the registry has learners
    the weekly one after the last session of an ISO week.

    Facts outlive registries: a date that is no session of the strategy's calendar ends no week.
    """
    calendar = Calendar.named(registry.market.calendar)
    weekly = registry.learners and calendar.is_session(session) and calendar.ends_week(session)
    return [DAILY, WEEKLY] if weekly else [DAILY]


def last_of_week(registry: Registry, session: str) -> str | None:
    """The newest session up to ``session`` that ended an ISO week; None before the calendar's first."""
    calendar = Calendar.named(registry.market.calendar)
    till = calendar.sessions[: bisect_right(calendar.sessions, session)]
    return next((day for day in reversed(till) if calendar.ends_week(day)), None)
