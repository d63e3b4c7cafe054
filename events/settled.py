"""How far a group is through with its streams."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from events.connection import server_ms
from events.entry import EntryId


def settled_before(redis: Redis, keys: Sequence[str], *, group: str) -> int:
    """The millisecond before which every entry at ``keys`` was delivered to ``group`` and acknowledged.

    The questions are asked in this order: the clock, what is undelivered, what is pending. So an entry that moves
    on between two of them is still seen by the later one. Raises what the driver raises.
    """
    now = server_ms(redis)
    groups = ask(redis, keys, lambda pipe, key: pipe.xinfo_groups(key))
    last = {key: last_delivered(answer, group) for key, answer in groups.items()}
    fresh = ask(redis, keys, lambda pipe, key: pipe.xrange(key, min=str(last[key].next), count=1))
    pending = ask(redis, keys, lambda pipe, key: pipe.xpending(key, group))
    unread = [EntryId.parse(entries[0][0]).ms for entries in fresh.values() if entries]
    unfinished = [EntryId.parse(summary["min"]).ms for summary in pending.values() if summary["pending"]]
    return min([now, *unread, *unfinished])


def last_delivered(groups: Sequence[Mapping[str, Any]], group: str) -> EntryId:
    """The newest entry that anybody of ``group`` was handed, from the answer to XINFO GROUPS."""
    for known in groups:
        if known["name"] == group.encode():
            return EntryId.parse(known["last-delivered-id"])
    raise ResponseError(f"NOGROUP no consumer group {group}")


def ask(redis: Redis, keys: Sequence[str], question: Callable[[Any, str], object]) -> dict[str, Any]:
    """The same question about each of ``keys``, in one journey; the first answer that is an error is raised."""
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            question(pipe, key)
        answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return dict(zip(keys, answers, strict=True))
