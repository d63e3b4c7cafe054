"""Which cycles a settled session asks for."""

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
