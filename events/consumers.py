"""The consumers of groups: who is gone is forgotten."""

from collections.abc import Collection, Sequence

from redis import Redis
from redis.exceptions import ResponseError

from events.connection import broker_errors
from events.newer import version_at
from events.trim import WATCH


def forget_gone(
    redis: Redis,
    streams: Sequence[str],
    *,
    groups: Collection[str],
    living: Collection[str],
    idle_ms: int,
    prefix: str = "",
) -> int:
    """Delete the consumers of these ``groups`` that are gone, and say how many, counted by stream.

    Gone is who has nothing in hand, has read nothing for ``idle_ms`` and is not among the ``living``, as
    ``GROUP:CONSUMER``: each start of a process makes a new one. What it had in hand another has taken over long since.
    Places where entries wait for a newer engine stay.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis):
        gone = 0
        for key in (prefix + stream for stream in streams):
            for group in groups:
                for name in _idle(redis, key, group, idle_ms=idle_ms):
                    if f"{group}:{name.decode(errors='replace')}" not in living:
                        redis.xgroup_delconsumer(key, group, name)
                        gone += 1
        return gone


def _idle(redis: Redis, key: str, group: str, *, idle_ms: int) -> list[bytes]:
    try:
        consumers = redis.xinfo_consumers(key, group)
    except ResponseError as error:
        if "NOGROUP" in str(error) or "no such key" in str(error):
            return []
        raise
    return [
        one["name"]
        for one in consumers
        if not one["pending"]
        and one["idle"] >= idle_ms
        and version_at(one["name"]) is None
        and one["name"] != WATCH.encode()
    ]
