"""A sign of life that fades by itself."""

from typing import Any, NamedTuple

from redis import Redis

from events.connection import broker_errors

INDEX = "heartbeats"
"""The sorted set of those who beat, by the broker's time of their last beat: found without looking through all keys."""

REMEMBERED_US = 3_600_000_000
"""So long the index remembers who does not beat any more."""


class Word(NamedTuple):
    """What somebody said last: the body, in how many milliseconds it will be forgotten, and when it was said, by the
    broker's clock in microseconds."""

    body: bytes
    left_ms: int
    said_at: int


class Heartbeat:
    """Keeps ``heartbeat:PART:CONSUMER`` alive as long as it is beaten."""

    def __init__(self, redis: Redis, *, part: str, consumer: str, prefix: str = "") -> None:
        self._redis = redis
        self._name = f"{part}:{consumer}"
        self._key = f"{prefix}heartbeat:{self._name}"
        self._index = f"{prefix}{INDEX}"

    def beat(self, body: bytes, *, lasts: float) -> None:
        """Say ``body``; it is forgotten after ``lasts`` seconds.

        Raises:
            BrokerUnreachable, BrokerRefused: nobody heard it.
        """
        with broker_errors(self._redis), self._redis.pipeline(transaction=True) as pipe:
            seconds, microseconds = self._redis.time()
            at = seconds * 1_000_000 + microseconds
            pipe.set(self._key, body, px=max(1, round(lasts * 1000)))
            pipe.zadd(self._index, {self._name: at})
            pipe.zremrangebyscore(self._index, "-inf", at - REMEMBERED_US)
            pipe.execute()


def heartbeats(redis: Redis, *, prefix: str = "") -> dict[str, Word]:
    """What is alive now: the last words by ``PART:CONSUMER``.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis):
        names = sorted(name.decode() for name in _members(redis, f"{prefix}{INDEX}"))
        with redis.pipeline(transaction=True) as pipe:
            for name in names:
                pipe.get(f"{prefix}heartbeat:{name}")
                pipe.pttl(f"{prefix}heartbeat:{name}")
                pipe.zscore(f"{prefix}{INDEX}", name)
            answers: list[Any] = pipe.execute() if names else []
    words = zip(names, answers[::3], answers[1::3], answers[2::3], strict=True)
    return {
        name: Word(body, left, int(at))
        for name, body, left, at in words
        if body is not None and left > 0 and at is not None
    }


def _members(redis: Redis, key: str) -> list[bytes]:
    found: Any = redis.zrange(key, 0, -1)
    return list(found)
