"""Times as tables tell them."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from events.errors import Unfit
from events.flat import rfc3339
from events.moments import RIGHT_TIME, microseconds
from schemas.calendar import Calendar, NoSession
from schemas.spans import span_of
from workers.replay.column_map import Column

Moment = Callable[[str], int]
"""Microseconds in UTC of what a cell says. Raises Unfit."""

_MIDNIGHT = re.compile(r"([ T]00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?)?")


def moment_reader(column: Column, path: str, *, calendar: Calendar) -> Moment:
    """Reads the times of ``column``; ``path`` is the field's name in what is refused.

    ``at`` is of the sessions of ``calendar``, or of its time zone.
    """
    if column.at:
        read = _at(column.at, path, calendar)
    elif column.zone:
        read = _local(ZoneInfo(column.zone), path)
    else:
        read = _exact(path)
    later = span_of(column.plus) or 0 if column.plus else 0
    return (lambda text: read(text) + later) if later else read


def _exact(path: str) -> Moment:
    def read(text: str) -> int:
        said = rfc3339(text, path)
        if said.tzinfo is None:
            raise Unfit(f'{path} is "{text[:60]}", expected a time with its zone, such as {RIGHT_TIME}')
        return microseconds(said)

    return read


def _local(zone: ZoneInfo, path: str) -> Moment:
    def read(text: str) -> int:
        try:
            said = datetime.fromisoformat(text)
        except ValueError as error:
            raise Unfit(f'{path} is "{text[:60]}", expected a time such as 2024-01-31 15:30') from error
        return microseconds(said if said.tzinfo else _existing(said, zone, path))

    return read


def _existing(said: datetime, zone: ZoneInfo, path: str) -> datetime:
    """The moment of a local time; of an hour that comes twice in autumn, its first coming."""
    local = said.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != said:
        raise Unfit(f"{path} is {said.isoformat()}, an hour that clocks in {zone.key} left out")
    return local


def _at(at: str, path: str, calendar: Calendar) -> Moment:
    def read(text: str) -> int:
        day = _day(text, path)
        try:
            return calendar.open_of(day) if at == "open" else calendar.close_of(day)
        except NoSession as error:
            raise Unfit(f"{path}: {error}") from error

    if at in ("open", "close"):
        return read
    zone, clock = ZoneInfo(calendar.timezone), time_of_day.fromisoformat(at)
    return lambda text: microseconds(
        _existing(datetime.combine(date.fromisoformat(_day(text, path)), clock), zone, path)
    )


def _day(text: str, path: str) -> str:
    """The date ``2024-01-31``, of ``20240131`` and ``2024-01-31 00:00:00+00:00`` too; never of a time of day."""
    head, rest = (text[:8], text[8:]) if text[:8].isdigit() else (text[:10], text[10:])
    try:
        day = date.fromisoformat(head).isoformat()
    except ValueError as error:
        raise Unfit(f'{path} is "{text[:60]}", expected a date such as 2024-01-31') from error
    if not _MIDNIGHT.fullmatch(rest):
        raise Unfit(f'{path} is "{text[:60]}", a time of day: expected a date alone, or a map without "at"')
    return day
