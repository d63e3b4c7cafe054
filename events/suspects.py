"""Which entries were in hand when a consumer of a group died."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis import Redis

from events.connection import broker_errors
from events.group import Delivery

REMEMBERED_S = 30 * 86_400
"""So long after the last note the broker remembers."""


class Suspects:
    """Notes at the broker, where it outlives who notes it, how often an entry was begun and came to no end.

    The notes of one group. What this process began itself and lived to see again is no evidence: the store or the
    broker was away. Every method raises BrokerUnreachable and BrokerRefused.
    """

    def __init__(self, redis: Redis, *, group: str, prefix: str = "") -> None:
        self._redis = redis
        self._key = f"{prefix}suspects:{group}"
        self._survived: dict[str, int] = {}

    def begun(self, deliveries: Sequence[Delivery]) -> list[int]:
        """Of each, how often it was begun and came to no end."""
        names = [_name(delivery) for delivery in deliveries]
        with broker_errors(self._redis):
            noted: Any = self._redis.hmget(self._key, names)
        return [self._survived.get(name, int(count or 0)) for name, count in zip(names, noted, strict=True)]

    def begin(self, deliveries: Iterable[Delivery], *, begun: int) -> None:
        """These are in hand from now on, all of them begun as often before."""
        self._survived = {_name(delivery): begun for delivery in deliveries}
        self._note(dict.fromkeys(self._survived, begun + 1))

    def end(self) -> None:
        """What is in hand came to its end, and nothing is suspected of it any more, but of what failed."""
        if self._survived:
            with broker_errors(self._redis):
                self._redis.hdel(self._key, *self._survived)
        self._survived = {}

    def failed(self, delivery: Delivery, *, begun: int) -> None:
        """Handling this one alone failed: it counts as begun so often."""
        self._survived.pop(_name(delivery), None)
        self._note({_name(delivery): begun})

    def _note(self, counts: Mapping[str, int]) -> None:
        with broker_errors(self._redis), self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(self._key, mapping={name: str(count) for name, count in counts.items()})
            pipe.expire(self._key, REMEMBERED_S)
            pipe.execute()


def _name(delivery: Delivery) -> str:
    return f"{delivery.stream}/{delivery.entry}"
