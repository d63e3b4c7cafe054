"""Ids that sort by time."""

import os
from collections.abc import Callable

BLOCK, AT_ONCE = 64, 8
"""So many ends are drawn at a time: by a thread that has time, and by a caller, who has none."""

DIGITS = 20
"""Of an id's random end: 18 are written as they are, one names the variant, one is not used."""

VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

AHEAD = 4_096
"""So many ends are drawn ahead where there is time: 300 KB, and seconds of a broker that hangs."""

LASTS = 50_000_000
"""Nanoseconds for which the time in an id may be told: to write it anew for each takes longer than all else here."""


class Ids:
    """Makes UUIDv7 texts (RFC 9562): 48 bits of milliseconds, up to 50 ms ago, and 74 random bits, drawn in blocks.

    Any thread may ask. A forked child makes another, or parent and child give the same ids.

    Args:
        clock: nanoseconds since 1970 UTC.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._ends: list[str] = []
        self._since, self._begins = -LASTS, ""

    def make_ahead(self) -> None:
        """For a thread that has time: callers then find what they need and need not make any. A block of random bits at
        each call, because others wait meanwhile."""
        self._begin(self._clock())
        if len(self._ends) < AHEAD:
            self._ends.extend(_ends(BLOCK))

    def new(self, now: int) -> str:
        """An id of ``now``, nanoseconds since 1970."""
        begins = self._begins if 0 <= now - self._since < LASTS else self._begin(now)
        try:
            return begins + self._ends.pop()
        except IndexError:
            end, *others = _ends(AT_ONCE)
            self._ends.extend(others)
            return begins + end

    def _begin(self, now: int) -> str:
        milliseconds = now // 1_000_000
        begins = f"{milliseconds >> 16:08x}-{milliseconds & 65535:04x}"
        self._begins, self._since = begins, now
        return begins


def _ends(count: int) -> list[str]:
    """Random ends of ids, with the version (7) and the variant (binary 10) in their places."""
    drawn = os.urandom(DIGITS // 2 * count).hex()
    ends = (drawn[place : place + DIGITS] for place in range(0, len(drawn), DIGITS))
    return [f"-7{end[:3]}-{VARIANTS[end[3]]}{end[4:7]}-{end[7:19]}" for end in ends]
