"""The entries of a stream, and the ids that it gives them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

from redis import Redis

LAST_NUMBER = 2**64 - 1

Entry = tuple[bytes, dict[bytes, bytes]]
"""Its id and its fields; none are left of one that was deleted while it was pending."""


class EntryId(NamedTuple):
    """``MILLISECONDS-NUMBER``: the broker's clock, and a count within the millisecond. They sort by time."""

    ms: int
    number: int

    @classmethod
    def parse(cls, raw: bytes | str) -> Self:
        """From what the broker answers, such as ``b"1700000000000-3"``."""
        ms, _, number = (raw.decode() if isinstance(raw, bytes) else raw).partition("-")
        return cls(int(ms), int(number))

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"

    @property
    def next(self) -> Self:
        """The smallest id after this one."""
        return type(self)(self.ms, self.number + 1)

    @property
    def previous(self) -> Self:
        """The largest id before this one."""
        return type(self)(self.ms, self.number - 1) if self.number else type(self)(self.ms - 1, LAST_NUMBER)


def read_group(
    redis: Redis, after: Mapping[str, str], *, group: str, consumer: str, count: int, block_ms: int | None = None
) -> list[tuple[str, list[Entry]]]:
    """XREADGROUP: up to ``count`` entries of each key, pending ones after an id, or new ones after ``>``.

    A key that is missing from the answer holds none.
    """
    reply = redis.xreadgroup(group, consumer, cast(Any, after), count=count, block=block_ms)
    return [(key.decode(), entries) for key, entries in cast(list[tuple[bytes, list[Entry]]], reply or [])]
