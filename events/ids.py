"""Ids that sort by time."""

import os
import struct
from collections.abc import Callable, Iterator
from threading import Lock

BLOCK = 256
"""So many ids are served by one draw of random bits."""


class Ids:
    """Makes UUIDv7 (RFC 9562, method 3): the milliseconds, twelve bits of the fraction of one, 62 random bits.

    Those of one maker rise strictly: where the clock stands still or steps back, the fraction counts on. Several
    threads may share a maker; after a fork each process draws bits of its own.
    """

    def __init__(self, rng_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._rng_bytes = rng_bytes
        self._lock = Lock()
        self._process = 0
        self._bits: Iterator[int] = iter(())
        self._last = 0

    def new(self, now_us: int) -> str:
        """An id for the moment ``now_us``, microseconds since 1970 in UTC."""
        with self._lock:
            ms, us = divmod(now_us, 1000)
            self._last = tick = max(ms << 12 | (us << 12) // 1000, self._last + 1)
            bits = self._random()
        high = tick >> 12 << 16 | 0x7000 | tick & 0xFFF
        low = 1 << 63 | bits >> 2
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _random(self) -> int:
        if self._process != os.getpid():
            self._process, self._bits = os.getpid(), iter(())
        bits = next(self._bits, None)
        if bits is None:
            self._bits = iter(struct.unpack(f">{BLOCK}Q", self._rng_bytes(8 * BLOCK)))
            bits = next(self._bits)
        return bits
