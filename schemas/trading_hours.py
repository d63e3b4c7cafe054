"""When each session of an exchange opens and closes, computed once a machine and kept in a file."""

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from platformdirs import user_cache_path

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

FIRST, LAST = date(1990, 1, 1), date(2035, 12, 31)
"""The dates that a calendar covers; fixed, so that no clock decides what a session is."""

_DIGEST_BYTES = hashlib.sha256().digest_size


class TradingHours(msgspec.Struct, frozen=True, array_like=True):
    """Moments are microseconds since 1970 in UTC, those of midnight are of the exchange's time zone.

    Attributes:
        timezone: its IANA name.
        sessions: their dates, in order.
        begins, ends: the midnights around each session's date.
        opens, closes: of each session.
        pauses: from when until when a session pauses, of those that do.
    """

    timezone: str
    sessions: list[str]
    begins: list[int]
    ends: list[int]
    opens: list[int]
    closes: list[int]
    pauses: list[tuple[int, int]]


def trading_hours(name: str) -> TradingHours | None:
    """The hours of an exchange by its ISO 10383 code (``XNYS``), or of ``24/7``; None where nobody knows it.

    Computing them takes longer than anything else at the start of a process, so they are kept in the user's cache
    folder (``XDG_CACHE_HOME``), for this version of exchange-calendars. A file that is damaged, or was written under
    other rules of daylight saving time, is made anew; where none can be written they are computed each time.
    """
    made_by = f"exchange-calendars-{version('exchange-calendars')}"
    file = user_cache_path("learning-engine") / f"{quote(name, safe='')}-{made_by}"
    if (kept := _kept(file, made_by)) is not None:
        return kept
    computed = _computed(name)
    if computed is not None:
        with suppress(OSError):
            _keep(computed, file, made_by)
    return computed


def known_calendars() -> list[str]:
    """The names of all calendars."""
    from exchange_calendars import get_calendar_names  # noqa: PLC0415 - brings pandas, which is slow to import

    return get_calendar_names()


def _kept(file: Path, made_by: str) -> TradingHours | None:
    try:
        content = file.read_bytes()
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != _digest(body, made_by):
            return None
        hours = msgspec.msgpack.decode(body, type=TradingHours)
    except (OSError, msgspec.DecodeError):
        return None
    return hours if (hours.begins, hours.ends) == _midnights(hours.sessions, hours.timezone) else None


def _keep(hours: TradingHours, file: Path, made_by: str) -> None:
    """Whoever reads meanwhile finds the old file or the new one, never a part."""
    body = msgspec.msgpack.encode(hours)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as new:
        try:
            new.write(_digest(body, made_by) + body)
            new.close()
            Path(new.name).replace(file)
        except OSError:
            Path(new.name).unlink()
            raise


def _digest(body: bytes, made_by: str) -> bytes:
    return hashlib.sha256(f"{made_by} {FIRST} {LAST} ".encode() + body).digest()


def _computed(name: str) -> TradingHours | None:
    from exchange_calendars import get_calendar  # noqa: PLC0415
    from exchange_calendars.errors import InvalidCalendarName  # noqa: PLC0415

    # A range that every calendar covers tells how far this one reaches; without a range a clock would be read.
    try:
        probe = get_calendar(name, start="2022-01-01", end="2022-12-31")
    except InvalidCalendarName:
        return None
    first, last = probe.bound_min(), probe.bound_max()
    start = FIRST if first is None else max(FIRST, first.date())
    end = LAST if last is None else min(LAST, last.date())
    found = get_calendar(name, start=start.isoformat(), end=end.isoformat())
    sessions, timezone = list(found.sessions.strftime("%Y-%m-%d")), str(found.tz)
    begins, ends = _midnights(sessions, timezone)
    return TradingHours(
        timezone=timezone,
        sessions=sessions,
        begins=begins,
        ends=ends,
        opens=(found.opens_nanos // 1_000).tolist(),
        closes=(found.closes_nanos // 1_000).tolist(),
        pauses=_pauses(found),
    )


def _pauses(found: "ExchangeCalendar") -> list[tuple[int, int]]:
    starts, ends = found.break_starts_nanos // 1_000, found.break_ends_nanos // 1_000
    pausing = ~found.schedule["break_start"].isna().to_numpy()
    return list(zip(starts[pausing].tolist(), ends[pausing].tolist(), strict=True))


def _midnights(sessions: Sequence[str], timezone: str) -> tuple[list[int], list[int]]:
    """When the date of each session begins and ends in a time zone."""
    zone = ZoneInfo(timezone)
    days = [date.fromisoformat(session) for session in sessions]
    begins = [_midnight(day, zone) for day in days]
    following = [day + timedelta(days=1) for day in days]
    ends = [
        begin if day == end else _midnight(end, zone)
        for end, day, begin in zip(following, [*days[1:], None], [*begins[1:], 0], strict=True)
    ]
    return begins, ends


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000
