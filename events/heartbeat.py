"""A sign of life that fades by itself."""

from typing import Any

from redis import Redis

from events.connection import broker_errors


class Heartbeat:
    """Keeps ``heartbeat:PART:CONSUMER`` alive as long as it is beaten."""

    def __init__(self, redis: Redis, *, part: str, consumer: str, prefix: str = "") -> None:
        self._redis = redis
        self._key = f"{prefix}heartbeat:{part}:{consumer}"

    def beat(self, body: bytes, *, lasts: int) -> None:
        """Say ``body``; it is forgotten after ``lasts`` seconds.

        Raises:
            BrokerUnreachable, BrokerRefused: nobody heard it.
        """
        with broker_errors(self._redis):
            self._redis.set(self._key, body, ex=lasts)


def heartbeats(redis: Redis, *, prefix: str = "") -> dict[str, bytes]:
    """What is alive now: the last words by ``PART:CONSUMER``."""
    start = f"{prefix}heartbeat:"
    with broker_errors(redis):
        keys = sorted(redis.scan_iter(match=f"{start}*", count=500))
        words: list[Any] = redis.mget(keys) if keys else []
    return {key.decode()[len(start) :]: word for key, word in zip(keys, words, strict=True) if word is not None}
