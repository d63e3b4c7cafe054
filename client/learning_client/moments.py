"""Times: int64 microseconds since 1970 in UTC inside, RFC 3339 on the wire."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from operator import index

from learning_client.errors import Misuse

Clock = Callable[[], int]
"""Says the present in microseconds since 1970, UTC."""

Moment = datetime | int
"""An aware datetime, or microseconds since 1970 in UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)

LEAST = 10**14
"""An integer of a smaller magnitude, 1966 to 1973, is taken for seconds or milliseconds."""


def now() -> int:
    """The wall clock in microseconds."""
    return time.time_ns() // 1000


def micros(moment: object) -> int:
    """``moment`` as microseconds.

    Raises:
        Misuse: a naive datetime, a bool, neither a datetime nor an integer, or seconds or milliseconds.
    """
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return (moment - EPOCH) // MICROSECOND
    with suppress(TypeError):
        if not isinstance(moment, bool):
            return _checked(index(moment))  # type: ignore[arg-type]
    raise Misuse(f"{moment!r}: a time is an aware datetime, or integer microseconds since 1970 in UTC")


def _checked(moment: int) -> int:
    if -LEAST < moment < LEAST:
        each = 1_000_000 if abs(moment) < LEAST // 1_000 else 1_000
        raise Misuse(
            f"{moment}: as microseconds that is {rfc3339(moment)}; write {moment} * {each:_}, or an aware datetime"
        )
    return moment


def rfc3339(moment: int) -> str:
    """Microseconds as ``2024-01-31T21:00:00.000000Z``."""
    return (EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def session_text(session: "str | date") -> str:
    """A session date as ``2024-01-31``; of a datetime only its own date counts."""
    if isinstance(session, datetime):
        session = session.date()
    return str(session)
