"""How the broker itself is."""

from typing import Any, NamedTuple

from redis import Redis

from events.connection import broker_errors


class Condition(NamedTuple):
    """What a server says of its memory and of what it keeps on disk. Sizes are bytes.

    Attributes:
        limit: the memory that it may use, else that of its machine; 0 where it says neither.
        policy: what it does when the memory is full.
        evicted: keys that it threw away for want of room since its start.
        appends: whether it writes every command to an append-only file.
        written: whether its last writes to disk went well.
    """

    used: int
    limit: int
    policy: str
    evicted: int
    appends: bool
    written: bool


def condition(redis: Redis) -> Condition:
    """Ask the server, in one journey.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis), redis.pipeline(transaction=False) as pipe:
        for section in ("memory", "persistence", "stats"):
            pipe.info(section)
        memory, persistence, stats = pipe.execute()
    return Condition(
        used=int(memory["used_memory"]),
        limit=int(memory.get("maxmemory") or memory.get("total_system_memory") or 0),
        policy=str(memory.get("maxmemory_policy", "noeviction")),
        evicted=int(stats.get("evicted_keys", 0)),
        appends=bool(persistence.get("aof_enabled")),
        written=_ok(persistence, "aof_last_write_status") and _ok(persistence, "rdb_last_bgsave_status"),
    )


def _ok(persistence: dict[str, Any], name: str) -> bool:
    return bool(persistence.get(name, "ok") == "ok")
