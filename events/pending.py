"""What a consumer was handed and has not acknowledged."""

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import structlog
from redis import Redis

from events.entry import Entry, EntryId, read_group

log = structlog.get_logger()


class PendingEntry(NamedTuple):
    """An entry that is handed out once more; ``attempts`` counts this time too."""

    key: str
    entry: str
    fields: dict[bytes, bytes]
    attempts: int


class _Span(NamedTuple):
    """A stretch of a stream, after one id and up to another; None is its end."""

    after: EntryId
    until: EntryId | None

    def holds(self, entry: bytes) -> bool:
        """Whether this later entry is not beyond its end."""
        return self.until is None or EntryId.parse(entry) <= self.until


class Pending:
    """Reads once through what is pending of one consumer, in spans of the streams at ``keys``.

    Not for several threads. Raises what the driver raises.
    """

    def __init__(self, redis: Redis, *, group: str, consumer: str, keys: Iterable[str]) -> None:
        self._redis = redis
        self._group = group
        self._consumer = consumer
        self._keys = tuple(keys)
        self._spans: dict[str, _Span] = {}

    def __bool__(self) -> bool:
        """Whether something is left to read."""
        return bool(self._spans)

    def start_over(self) -> None:
        """Read through everything, from the first entry of every stream."""
        self._spans = dict.fromkeys(self._keys, _Span(EntryId(0, 0), None))

    def claim(self, *, idle_ms: int, count: int) -> bool:
        """Take over up to ``count`` entries a stream that nobody has acknowledged for ``idle_ms``, to be read next.

        Returns whether there may be more of them. Two questions and JUSTID, not XAUTOCLAIM: Redis 6.2 answers a
        deleted entry with nothing at all there, not even its id, and leaves it pending for ever.
        """
        full = False
        for key in self._keys:
            idle = self._redis.xpending_range(key, self._group, min="-", max="+", count=count, idle=idle_ms)
            ids = [cast(bytes, entry["message_id"]) for entry in idle]
            full |= len(ids) == count
            if ids and self._redis.xclaim(key, self._group, self._consumer, idle_ms, cast(Any, ids), justid=True):
                log.info("group.claimed", key=key, group=self._group, entries=len(ids))
                self._spans[key] = _Span(EntryId.parse(ids[0]).previous, EntryId.parse(ids[-1]))
        return full

    def read(self, count: int) -> list[PendingEntry]:
        """Up to ``count`` more entries of each stream; none where a stretch holds nothing."""
        spans = self._spans
        after = {key: str(span.after) for key, span in spans.items()}
        reply = dict(read_group(self._redis, after, group=self._group, consumer=self._consumer, count=count))
        found = {key: [one for one in reply.get(key, []) if spans[key].holds(one[0])] for key in after}
        self._spans = {
            key: _Span(EntryId.parse(entries[-1][0]), spans[key].until)
            for key, entries in found.items()
            if len(entries) == count
        }
        return [one for key, entries in found.items() if entries for one in self._existing(key, entries)]

    def _existing(self, key: str, entries: list[Entry]) -> list[PendingEntry]:
        """Without those that were deleted meanwhile; they are acknowledged, or they would stay pending for ever."""
        if deleted := [entry for entry, fields in entries if not fields]:
            self._redis.xack(key, self._group, *deleted)
            log.warning("group.deleted", key=key, group=self._group, entries=len(deleted))
        attempts = self._attempts(key, entries)
        return [
            PendingEntry(key, entry.decode(), fields, attempts.get(entry, 1)) for entry, fields in entries if fields
        ]

    def _attempts(self, key: str, entries: list[Entry]) -> dict[bytes, int]:
        first, last = entries[0][0], entries[-1][0]
        known = self._redis.xpending_range(
            key, self._group, min=first, max=last, count=len(entries), consumername=self._consumer
        )
        return {cast(bytes, entry["message_id"]): cast(int, entry["times_delivered"]) for entry in known}
