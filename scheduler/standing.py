"""For how long the shares of an allocation have been in force, and its arms in shadow."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from schemas.allocation import Allocation
from schemas.calendar import Calendar
from schemas.parameters import Registry
from schemas.version import Version
from store.versions import Versions


class Standing(NamedTuple):
    """Of one allocation, counted in sessions; what is older than any rule asks may count less than it is.

    ``sessions``: for how many its present shares have been in force. ``known``: by arm key, for how many the arm has
    been in the allocation, whatever its share.
    """

    sessions: int
    known: Mapping[str, int]


def read_standing(
    connection: Connection, registry: Registry, version: Version | None, *, calendar: Calendar, session: str
) -> dict[str, Standing]:
    """The standing of each allocation of ``version``, which was in force when ``session`` settled."""
    if version is None:
        return {}
    reach = max(registry.learning.dwell, registry.learning.shadow)
    first = calendar.sessions[max(0, calendar.place(session) - reach)]
    past = Versions(connection).back_to(version.strategy, until=version.id, session=first)
    return {
        allocation.id: _standing(allocation, past, calendar=calendar, session=session)
        for allocation in version.allocations
    }


def _standing(allocation: Allocation, past: Sequence[Version], *, calendar: Calendar, session: str) -> Standing:
    """``past``: the newest first, back to what was in force as long ago as any rule asks."""
    sessions, known = 0, dict.fromkeys((arm.key for arm in allocation.arms), 0)
    present, unmoved = set(known), True
    for version in past:
        then = next((one for one in version.allocations if one.id == allocation.id), None)
        ago = max(0, calendar.place(session) + 1 - bisect_right(calendar.sessions, version.session))
        present &= {arm.key for arm in then.arms} if then else set()
        known.update(dict.fromkeys(present, ago))
        unmoved = unmoved and then == allocation
        sessions = ago if unmoved else sessions
    return Standing(sessions, known)
