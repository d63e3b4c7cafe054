"""How far each group is behind its streams."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from events.connection import broker_errors, server_ms
from events.entry import EntryId
from events.newer import version_at

COUNTED = 1_000
"""So many unread entries are counted one by one, where the server does not know the number."""


class Lag(NamedTuple):
    """How far one group is behind one stream. Ages are milliseconds on the broker's clock.

    Attributes:
        stream: its name, without the prefix.
        unread: entries that nobody of the group was handed. ``at_least``: there may be more.
        unread_ms: the age of the oldest of them, 0 where there is none.
        pending: entries that were handed out and not acknowledged, ``pending_ms``: the age of the oldest.
            What waits for a newer engine is not among them.
        newer: entries of a newer schema version, which wait for a newer engine.
        unused_ms: how long nobody has read as this group. None: it has no consumer, so nobody knows.
        read_ms: how long ago the newest entry that it was handed had come. None: it was never handed any.
    """

    stream: str
    group: str
    unread: int
    at_least: bool
    unread_ms: int
    pending: int
    pending_ms: int
    newer: int
    unused_ms: int | None
    read_ms: int | None


def lags(redis: Redis, streams: Sequence[str], *, prefix: str = "") -> list[Lag]:
    """Every group of every stream that is there, in the order of ``streams``.

    Three journeys, however many there are; a stream or group that vanishes in between is left out.

    Raises:
        BrokerUnreachable, BrokerRefused
    """
    with broker_errors(redis):
        now = server_ms(redis)
        groups = list(_groups(redis, streams, prefix=prefix))
        with redis.pipeline(transaction=False) as pipe:
            for stream, group in groups:
                key, name = prefix + stream, group["name"]
                pipe.xrange(key, min=str(EntryId.parse(group["last-delivered-id"]).next), count=1)
                pipe.xpending(key, name)
                pipe.xinfo_consumers(key, name)
                pipe.xlen(key)
            answers = pipe.execute(raise_on_error=False)
        found = [
            _lag(stream, group, answers[place * 4 : place * 4 + 4], now=now)
            for place, (stream, group) in enumerate(groups)
        ]
        return [
            _in_hand(redis, _counted(redis, lag, group, prefix=prefix), now=now, prefix=prefix)
            for lag, (_, group) in zip(found, groups, strict=True)
            if lag
        ]


def _groups(redis: Redis, streams: Sequence[str], *, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with redis.pipeline(transaction=False) as pipe:
        for stream in streams:
            pipe.xinfo_groups(prefix + stream)
        answers = pipe.execute(raise_on_error=False)
    for stream, answer in zip(streams, answers, strict=True):
        if isinstance(answer, ResponseError) and "no such key" in str(answer):
            continue
        if isinstance(answer, Exception):
            raise answer
        yield from ((stream, group) for group in answer)


def _lag(stream: str, group: dict[str, Any], answers: list[Any], *, now: int) -> Lag | None:
    if any(isinstance(answer, Exception) for answer in answers):
        return None
    first, pending, consumers, length = answers
    newer = sum(int(one["pending"]) for one in consumers if version_at(one["name"]) is not None)
    last = EntryId.parse(group["last-delivered-id"])
    known = group.get("lag")
    never = last == EntryId(0, 0)
    unread = (int(known) if known is not None else length if never else -1) if first else 0
    return Lag(
        stream=stream,
        group=group["name"].decode(errors="replace").replace("\0", ""),
        unread=unread,
        at_least=False,
        unread_ms=max(0, now - EntryId.parse(first[0][0]).ms) if first else 0,
        pending=int(pending["pending"]) - newer,
        pending_ms=max(0, now - EntryId.parse(pending["min"]).ms) if pending["pending"] else 0,
        newer=newer,
        unused_ms=min((int(one["idle"]) for one in consumers if version_at(one["name"]) is None), default=None),
        read_ms=None if never else max(0, now - last.ms),
    )


def _counted(redis: Redis, lag: Lag, group: dict[str, Any], *, prefix: str) -> Lag:
    """Redis before 7, and after entries were deleted, knows no lag: then the entries are counted, up to a bound."""
    if lag.unread >= 0:
        return lag
    after = EntryId.parse(group["last-delivered-id"]).next
    entries: Any = redis.xrange(prefix + lag.stream, min=str(after), count=COUNTED)
    count = len(entries)
    return lag._replace(unread=count, at_least=count == COUNTED)


def _in_hand(redis: Redis, lag: Lag, *, now: int, prefix: str) -> Lag:
    """Where something waits for a newer engine, the age of the oldest entry is asked of all other consumers."""
    if not lag.newer:
        return lag
    key, oldest = prefix + lag.stream, now
    for consumer in redis.xinfo_consumers(key, lag.group) if lag.pending else ():
        if version_at(consumer["name"]) is None:
            held: Any = redis.xpending_range(key, lag.group, "-", "+", 1, consumername=consumer["name"])
            oldest = min([oldest, *(EntryId.parse(one["message_id"]).ms for one in held)])
    return lag._replace(pending_ms=now - oldest)
