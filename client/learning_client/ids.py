"""Ids that sort by time."""

import os

BLOCK, AT_ONCE = 64, 8
"""So many ends are drawn at a time: by a thread that has time, and by a caller, who has none."""

DIGITS = 20
"""Of an id's random end: 18 are written as they are, one names the variant, one is not used."""

PAIRS = tuple(f"{number:02x}" for number in range(256))
"""Two hexadecimal digits; to look them up takes a third of the time of writing them."""

VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

AHEAD = 4_096
"""So many ends are drawn ahead where there is time: 300 KB, and seconds of a broker that hangs."""


class Ids:
    """Makes UUIDv7 texts (RFC 9562): 48 bits of milliseconds, 74 random bits, drawn in blocks.

    Any thread may ask. A forked child makes another, or parent and child give the same ids.
    """

    def __init__(self) -> None:
        self._tails: list[str] = []
        self._begun = (-1, "")

    def draw_ahead(self) -> None:
        """For a thread that has time: callers then find random bits and need not draw any. A block at each call,
        because others wait meanwhile."""
        if len(self._tails) < AHEAD:
            self._tails.extend(_tails(BLOCK))

    def new(self, now: int) -> str:
        """An id of ``now``, microseconds since 1970."""
        milliseconds = now // 1000
        minute, head = self._begun
        if minute != milliseconds >> 16:
            minute = milliseconds >> 16  # of 65.536 seconds
            head = f"{minute:08x}-"
            self._begun = (minute, head)
        try:
            tail = self._tails.pop()
        except IndexError:
            tail, *others = _tails(AT_ONCE)
            self._tails.extend(others)
        return head + PAIRS[milliseconds >> 8 & 255] + PAIRS[milliseconds & 255] + tail


def _tails(count: int) -> list[str]:
    """Random ends of ids, with the version (7) and the variant (binary 10) in their places."""
    drawn = os.urandom(DIGITS // 2 * count).hex()
    ends = (drawn[place : place + DIGITS] for place in range(0, len(drawn), DIGITS))
    return [f"-7{end[:3]}-{VARIANTS[end[3]]}{end[4:7]}-{end[7:19]}" for end in ends]
