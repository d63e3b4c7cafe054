"""Putting events onto their streams."""

from collections.abc import Sequence

from redis import Redis

from events.codec import encode
from events.connection import broker_errors
from schemas.event import Envelope


class Publisher:
    """Appends each event to the stream that is named as its type, as the one field ``event``."""

    def __init__(self, redis: Redis, prefix: str = "") -> None:
        self._redis = redis
        self._prefix = prefix

    def publish(self, envelopes: Sequence[Envelope]) -> list[str]:
        """Send these in order, in one journey, and return their entry ids.

        Raises:
            BrokerUnreachable, BrokerRefused: some may have arrived. To publish all of them again
                is harmless, because (source, id) names an event for ever.
        """
        with broker_errors(self._redis), self._redis.pipeline(transaction=False) as pipe:
            for envelope in envelopes:
                pipe.xadd(self._prefix + envelope.data.type, {"event": encode(envelope)})
            return [entry.decode() for entry in pipe.execute()]
