"""Events that wait in their streams, to be read from the beginning by each run."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from redis import Redis

from events.codec import encode
from schemas.event import Envelope, Event

AT_ONCE = 1_000


class State(NamedTuple):
    """How far a group is with a stream: how many read, how much they have in hand, what was handed out last."""

    consumers: int
    pending: int
    last: bytes


class Backlog:
    """The same entries for every reader. Only the streams that events were put into are read again.

    ``count`` is how many there are, ``kinds`` which, by the name of their stream.
    """

    def __init__(self, redis: Redis, envelopes: Iterable[Envelope]) -> None:
        self._redis = redis
        self.count = 0
        self.kinds: dict[str, type[Event]] = {}
        for part in _parts(iter(envelopes)):
            self.count += len(part)
            with redis.pipeline(transaction=False) as pipe:
                for envelope in part:
                    self.kinds[envelope.data.type] = type(envelope.data)
                    pipe.xadd(envelope.data.type, {"event": encode(envelope)})
                pipe.execute()
        self._last = [redis.xinfo_stream(stream)["last-generated-id"] for stream in self.kinds]

    def again(self, group: str) -> None:
        """Hand everything to ``group`` from the first entry on, as if it had never been there."""
        for stream in self.kinds:
            self._redis.xgroup_destroy(stream, group)
            self._redis.xgroup_create(stream, group, id="0")

    def held_back(self, group: str) -> None:
        """Nothing of it comes to ``group``, as if it had never been there, until it is ``let``."""
        for stream in self.kinds:
            self._redis.xgroup_destroy(stream, group)
            self._redis.xgroup_create(stream, group, id="$")

    def let(self, group: str) -> None:
        """All of it at one moment."""
        with self._redis.pipeline(transaction=True) as pipe:
            for stream in self.kinds:
                pipe.xgroup_setid(stream, group, id="0")
            pipe.execute()

    def states(self, group: str) -> list[State]:
        """How far ``group`` is with each stream."""
        with self._redis.pipeline(transaction=False) as pipe:
            for stream in self.kinds:
                pipe.xinfo_groups(stream)
            answers: list[list[dict[str, Any]]] = pipe.execute()
        found = [one for groups in answers for one in groups if one["name"] == group.encode()]
        return [State(one["consumers"], one["pending"], one["last-delivered-id"]) for one in found]

    def done(self, group: str) -> bool:
        """Whether everything was handed to ``group`` and acknowledged."""
        return all(
            state.pending == 0 and state.last == last
            for state, last in zip(self.states(group), self._last, strict=True)
        )


def _parts(envelopes: Iterator[Envelope]) -> Iterator[list[Envelope]]:
    while part := list(islice(envelopes, AT_ONCE)):
        yield part
