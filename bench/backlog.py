"""Events that wait in their streams, to be read from the beginning by each run."""

from collections.abc import Sequence

from redis import Redis

from events.codec import encode
from schemas.event import Envelope

AT_ONCE = 1_000


class Backlog:
    """The same entries for every reader. Only the streams that events were put into are read again."""

    def __init__(self, redis: Redis, envelopes: Sequence[Envelope]) -> None:
        self._redis = redis
        self.count = len(envelopes)
        self.kinds = {envelope.data.type: type(envelope.data) for envelope in envelopes}
        for start in range(0, len(envelopes), AT_ONCE):
            with redis.pipeline(transaction=False) as pipe:
                for envelope in envelopes[start : start + AT_ONCE]:
                    pipe.xadd(envelope.data.type, {"event": encode(envelope)})
                pipe.execute()

    def again(self, group: str) -> None:
        """Hand everything to ``group`` from the first entry on, as if it had never been there."""
        for stream in self.kinds:
            self._redis.xgroup_destroy(stream, group)
            self._redis.xgroup_create(stream, group, id="0")
