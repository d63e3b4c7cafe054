"""Shortening streams without losing what somebody still has to read."""

from collections.abc import Sequence
from typing import Any

from redis import Redis

from events.connection import broker_errors
from events.entry import EntryId


def trim(redis: Redis, streams: Sequence[str], *, prefix: str = "", keep_ms: int) -> dict[str, int]:
    """Delete what is older than ``keep_ms`` on the broker's clock, and say how many entries went, by stream.

    Nothing goes that a group has not been handed, or has been and not acknowledged: the slowest group decides. A
    group that nobody reads any more therefore holds its streams for ever; delete it (XGROUP DESTROY). A stream
    without groups is cut by age alone.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis):
        seconds, microseconds = redis.time()
        oldest = EntryId(seconds * 1000 + microseconds // 1000 - keep_ms, 0)
        return {stream: _trim(redis, prefix + stream, oldest=oldest) for stream in streams}


def _trim(redis: Redis, key: str, *, oldest: EntryId) -> int:
    if not redis.exists(key):
        return 0
    # The groups first: an entry that is handed out after this answer lies beyond what the answer allows.
    groups: list[dict[str, Any]] = redis.xinfo_groups(key)
    keep_from = min([oldest, *(_needed_by(redis, key, group) for group in groups)])
    return int(redis.xtrim(key, minid=str(keep_from), approximate=False))


def _needed_by(redis: Redis, key: str, group: dict[str, Any]) -> EntryId:
    """The oldest id that ``group`` may still ask for."""
    unread = EntryId.parse(group["last-delivered-id"]).next
    pending = redis.xpending(key, group["name"])
    return min(unread, EntryId.parse(pending["min"])) if pending["pending"] else unread
