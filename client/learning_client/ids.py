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
    """Makes UUIDv7 texts (RFC 9562) of two parts: a beginning that tells milliseconds, up to 50 ms ago, and an end of
    74 random bits, drawn in blocks.

    Any thread may ask. A forked child makes another, or parent and child give the same ids.

    Args:
        clock: nanoseconds since 1970 UTC.

    Attributes:
        begins: of an id that is told before ``until``, nanoseconds since 1970.
        ends: drawn ahead; each is taken away by who uses it.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.begins, self.until = "", 0
        self.ends: list[str] = []

    def make_ahead(self) -> None:
        """For a thread that has time: callers then find what they need and need not make any. A block of random bits at
        each call, because others wait meanwhile."""
        self.begin(self._clock())
        if len(self.ends) < AHEAD:
            self.ends.extend(_ends(BLOCK))

    def begin(self, now: int) -> str:
        """The beginning of an id of ``now``, and of those in the next 50 ms."""
        milliseconds = now // 1_000_000
        begins = f"{milliseconds >> 16:08x}-{milliseconds & 65535:04x}"
        self.begins, self.until = begins, now + LASTS
        return begins

    def draw(self) -> str:
        """An end where none is there, and some for the next callers."""
        end, *others = _ends(AT_ONCE)
        self.ends.extend(others)
        return end


def _ends(count: int) -> list[str]:
    """Random ends of ids, with the version (7) and the variant (binary 10) in their places."""
    drawn = os.urandom(DIGITS // 2 * count).hex()
    ends = (drawn[place : place + DIGITS] for place in range(0, len(drawn), DIGITS))
    return [f"-7{end[:3]}-{VARIANTS[end[3]]}{end[4:7]}-{end[7:19]}" for end in ends]
