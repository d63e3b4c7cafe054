"""The yardstick of every worker: what reading a stream into a table costs where nothing else is done."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from redis import Redis

from bench.bare_table import Keep
from bench.codec import Plain
from events.moments import microseconds
from schemas.event import Event

GROUP = "bare"

Entry = tuple[str, bytes, dict[bytes, bytes]]
"""The stream, the id in it, the fields."""


class BareLoop:
    """redis-py with hiredis, msgspec and the database's driver, one step after the other.

    XREADGROUP of a batch from each stream; for every batch: decode, one executemany into one table with a unique,
    time-ordered id, commit, XACK. Nothing is checked but types and bounds, no error is survived, nothing is joined.
    """

    def __init__(self, redis: Redis, keep: Keep, kinds: Mapping[str, type[Event]], *, batch: int) -> None:
        self._redis = redis
        self._batch = batch
        self._keep = keep
        self._decoders = {stream: msgspec.json.Decoder(Plain[kind]) for stream, kind in kinds.items()}  # type: ignore[valid-type]

    def drain(self, count: int) -> None:
        """Take ``count`` entries in."""
        while count > 0:
            for batch in self._read():
                self._take(batch)
                count -= len(batch)

    def _read(self) -> Iterator[list[Entry]]:
        wanted: Any = dict.fromkeys(self._decoders, ">")
        reply = cast(list[Any], self._redis.xreadgroup(GROUP, "bench", wanted, count=self._batch, block=1_000))
        entries = [(key.decode(), entry, fields) for key, found in reply for entry, fields in found]
        for start in range(0, len(entries), self._batch):
            yield entries[start : start + self._batch]

    def _take(self, batch: list[Entry]) -> None:
        rows = []
        for stream, _, fields in batch:
            event = self._decoders[stream].decode(fields[b"event"])
            rows.append((event.id, microseconds(event.time), stream, getattr(event.data, "symbol", None)))
        self._keep(rows)
        for stream in {stream for stream, _, _ in batch}:
            self._redis.xack(stream, GROUP, *(entry for from_, entry, _ in batch if from_ == stream))
