"""Moments on the wire (RFC 3339) and in the engine (int64 microseconds since 1970, UTC)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

RIGHT_TIME = "2024-01-31T21:00:00Z"
"""What a time on the wire looks like."""


EARLIEST = -2_208_988_800_000_000
"""1900-01-01: an earlier time is some language's zero, which stands for a missing one."""


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with a time zone, exactly."""
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=10_000)
def moment(time: int) -> datetime:
    """The moment in UTC of ``time`` microseconds since 1970.

    Raises:
        OverflowError: outside of the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=time)


def moment_text(time: int) -> str:
    """``time`` as RFC 3339: ``2024-01-31T21:00:00Z``, with six digits of a second where it has any."""
    return moment(time).isoformat().replace("+00:00", "Z")
