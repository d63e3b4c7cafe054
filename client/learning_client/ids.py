"""Ids that sort by time."""

import os
import struct

BLOCK = 64
RANDOM = struct.Struct(">HHQ")


class Ids:
    """Makes UUIDv7 texts (RFC 9562): 48 bits of milliseconds, 74 random bits, drawn in blocks.

    Any thread may ask. After a fork call ``renew()``, or parent and child give the same ids.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget the random bits that were drawn ahead."""
        self._tails: list[str] = []
        self._head = (-1, "")

    def new(self, now: int) -> str:
        """An id of ``now``, microseconds since 1970."""
        milliseconds, head = self._head
        if milliseconds != now // 1000:
            milliseconds = now // 1000
            digits = f"{milliseconds:012x}"
            head = f"{digits[:8]}-{digits[8:]}"
            self._head = (milliseconds, head)
        try:
            return head + self._tails.pop()
        except IndexError:
            self._tails.extend(_tails())
            return head + self._tails.pop()


def _tails() -> list[str]:
    """Random ends of ids, with the version (7) and the variant (binary 10) in their places."""
    block = os.urandom(RANDOM.size * BLOCK)
    return [
        f"-7{low & 0xFFF:03x}-{variant & 0x3FFF | 0x8000:04x}-{node >> 16:012x}"
        for low, variant, node in RANDOM.iter_unpack(block)
    ]
