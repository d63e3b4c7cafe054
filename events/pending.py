"""What a consumer was handed and has not acknowledged."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import structlog
from redis import Redis

from events.connection import server_ms
from events.entry import Entry, EntryId, read_group
from events.newer import place_of, version_at
from schemas.catalogue import EVENTS

log = structlog.get_logger()


PLACES = 20
"""So many schema versions have a place of their own to wait in, the next ones."""


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
    """Reads once through what is pending of one consumer, in spans of the streams at the keys of ``streams``.

    What waits for a newer engine is left alone by those that are not, until it is older than ``newer_ms``. Not for
    several threads. Raises what the driver raises.
    """

    def __init__(self, redis: Redis, *, group: str, consumer: str, streams: Mapping[str, str], newer_ms: int) -> None:
        self._redis = redis
        self._group = group
        self._consumer = consumer
        self._keys = tuple(streams)
        self._versions = {
            key: EVENTS[stream].schema_version if stream in EVENTS else 1 for key, stream in streams.items()
        }
        self._newer_ms = newer_ms
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
            ids = self._idle(key, idle_ms=idle_ms, count=count)
            full |= len(ids) == count
            if ids and self._redis.xclaim(key, self._group, self._consumer, idle_ms, cast(Any, ids), justid=True):
                log.info("group.claimed", key=key, group=self._group, entries=len(ids))
                self._spans[key] = _Span(EntryId.parse(ids[0]).previous, EntryId.parse(ids[-1]))
        return full

    def set_aside(self, key: str, entries: list[str], *, version: int) -> None:
        """Give up entries that need a newer engine: they wait for one that knows ``version``.

        Of versions that are far away the nearer engines have a look too, so that there are few places.
        """
        place = place_of(min(version, self._versions[key] + PLACES))
        self._redis.xclaim(key, self._group, place, 0, cast(Any, entries), justid=True)

    def _idle(self, key: str, *, idle_ms: int, count: int) -> list[bytes]:
        """The oldest entries at ``key`` that are in nobody's hand for so long and may be taken over."""
        found: list[bytes] = []
        for holder in self._redis.xinfo_consumers(key, self._group):
            if not holder["pending"]:
                continue
            version = version_at(holder["name"])
            newer = version is not None and version > self._versions[key]
            last = str(EntryId(max(0, server_ms(self._redis) - self._newer_ms), 0)) if newer else "+"
            idle = self._redis.xpending_range(
                key, self._group, min="-", max=last, count=count, consumername=holder["name"], idle=idle_ms
            )
            found += (cast(bytes, entry["message_id"]) for entry in idle)
        return sorted(found, key=EntryId.parse)[:count]

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
