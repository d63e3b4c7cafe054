"""Shortening streams without losing what somebody still has to read."""

from collections.abc import Collection, Sequence
from typing import Any

from redis import Redis

from events.connection import broker_errors, server_ms
from events.entry import EntryId

SAMPLES = 1_000
"""So many nodes of a stream are looked at to estimate how much memory it takes."""

WATCH = "learning-trim"
"""The consumer by whose age the broker tells how long a group has had no other."""


def trim(
    redis: Redis,
    streams: Sequence[str],
    *,
    prefix: str = "",
    keep_ms: int,
    keep_bytes: int | None = None,
    ours: Collection[str] = (),
) -> dict[str, int]:
    """Delete what is older than ``keep_ms`` on the broker's clock, and say how many entries went, by stream.

    Where the streams together still take more than ``keep_bytes``, the oldest entries of the largest go too, about as
    many as it takes; what one of them cannot give is not taken from the others. Nothing goes, for either reason, that a
    group has not been handed, or has been and not acknowledged: the slowest group decides. One that nobody has read as
    for ``keep_ms`` is not waited for, unless it is among ``ours``. A stream without groups is cut by age and memory
    alone.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis):
        oldest = EntryId(server_ms(redis) - keep_ms, 0)
        there = {stream: prefix + stream for stream in streams if redis.exists(prefix + stream)}
        needed = {key: _needed(redis, key, unused_ms=keep_ms, ours=ours) for key in there.values()}
        gone = dict.fromkeys(streams, 0)
        for stream, key in there.items():
            keep_from = min(oldest, needed[key] or oldest)
            gone[stream] = int(redis.xtrim(key, minid=str(keep_from), approximate=False))
        if keep_bytes is not None:
            for key, went in _shrink(redis, needed, keep_bytes=keep_bytes).items():
                gone[key.removeprefix(prefix)] += went
        return gone


def _needed(redis: Redis, key: str, *, unused_ms: int, ours: Collection[str]) -> EntryId | None:
    """The oldest id that a group may still ask for; None where there is no group to wait for."""
    # The groups first: an entry that is handed out after this answer lies beyond what the answer allows.
    groups: list[dict[str, Any]] = redis.xinfo_groups(key)
    awaited = [
        group
        for group in groups
        if group["name"].decode(errors="replace") in ours or not _unused(redis, key, group, unused_ms)
    ]
    return min((_needed_by(redis, key, group) for group in awaited), default=None)


def _needed_by(redis: Redis, key: str, group: dict[str, Any]) -> EntryId:
    """The oldest id that ``group`` may still ask for."""
    unread = EntryId.parse(group["last-delivered-id"]).next
    pending = redis.xpending(key, group["name"])
    return min(unread, EntryId.parse(pending["min"])) if pending["pending"] else unread


def _unused(redis: Redis, key: str, group: dict[str, Any], unused_ms: int) -> bool:
    """Whether nobody has read as ``group`` for so long. One without any consumer is watched from now on."""
    consumers: list[dict[str, Any]] = redis.xinfo_consumers(key, group["name"])
    if not consumers:
        redis.xgroup_createconsumer(key, group["name"], WATCH)
        return False
    return min(int(consumer["idle"]) for consumer in consumers) >= unused_ms


def _shrink(redis: Redis, needed: dict[str, EntryId | None], *, keep_bytes: int) -> dict[str, int]:
    """Delete of the largest streams until all take ``keep_bytes``, or until nothing more may go; how many went."""
    gone = dict.fromkeys(needed, 0)
    while True:
        sizes = {key: int(redis.memory_usage(key, samples=SAMPLES) or 0) for key in needed}
        level = _level(list(sizes.values()), keep_bytes)
        before = sum(gone.values())
        for key, size in sizes.items():
            if size > level and (surplus := int(redis.xlen(key) * (1 - level / size))):
                last = needed[key] or EntryId.parse(redis.xinfo_stream(key)["last-generated-id"])
                gone[key] += int(redis.xtrim(key, minid=str(last), approximate=True, limit=surplus))
        if sum(gone.values()) == before:
            return gone


def _level(sizes: Sequence[int], total: int) -> float:
    """The size to which the largest must shrink for all of them together to have ``total``."""
    rest = float(total)
    for place, size in enumerate(ordered := sorted(sizes)):
        share = rest / (len(ordered) - place)
        if size > share:
            return share
        rest -= size
    return float("inf")
