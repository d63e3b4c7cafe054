"""Reading streams as one of a group of consumers: every entry is handed to one of them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, cast

import structlog
from redis import Redis
from redis.exceptions import ResponseError

from events.ahead import Ahead, Command
from events.connection import broker_errors, server_ms
from events.entry import Entry, EntryId, read_group
from events.errors import BrokerUnreachable
from events.pending import Pending
from events.settled import settled_before

log = structlog.get_logger()

NEWER_MS = 7 * 86_400 * 1_000
"""So long an entry waits for a newer engine, by its age on the broker's clock."""

VANISHED = ("NOGROUP", "UNBLOCKED", "no such key")
"""How the answer begins when a stream or its group was deleted under us."""

LONG_AGO_MS = 86_400_000_000
"""Idle for a thousand days: of what is handed back, beyond any time after which it is taken over."""

T = TypeVar("T")


class Delivery(NamedTuple):
    """One entry, handed to this consumer and pending until it is acknowledged.

    Attributes:
        stream: the name of the stream, without the prefix.
        entry: its id, ``milliseconds-number``.
        fields: what it holds.
        attempts: how often it has been handed to anybody, this time included.
    """

    stream: str
    entry: str
    fields: dict[bytes, bytes]
    attempts: int

    @property
    def told_at(self) -> int:
        """When the broker took it, in microseconds by its clock; or what the writer said, where that chose the id."""
        return int(self.entry.partition("-")[0]) * 1_000


class ConsumerGroup:
    """One consumer of a group that shares the entries of ``streams``.

    After its start, and after every error of the connection, it first reads what this consumer was handed
    before and has not acknowledged. Every so often it takes over what other consumers, or it itself, left pending for
    ``claim_after_ms``. Then come fresh entries. What was set aside for a newer engine comes again to one that knows its
    schema version, and to any when it is older than ``newer_ms``. A stream or group that vanished is created again from
    its beginning: some entries may come twice then, none is missed.

    Of a backlog no stream is read much further than the others, by the broker's clock: what belongs together comes at
    about the same time, however many more entries one stream has than another.

    One thread may read while another acknowledges. Redis 6.2 and later, or Valkey. Every method raises
    BrokerUnreachable (wait and call again, nothing is lost) and BrokerRefused (a right is missing, or the name
    of a stream is taken by something else).

        group = ConsumerGroup(redis, group="thompson", consumer="a", streams=["price.observed"], claim_after_ms=60_000)
        group.ensure()
        batch = group.read(count=500, block_ms=100)
        ...  # commit what follows from it
        group.acknowledge(batch)
    """

    def __init__(
        self,
        redis: Redis,
        *,
        group: str,
        consumer: str,
        streams: Sequence[str],
        claim_after_ms: int,
        newer_ms: int = NEWER_MS,
        prefix: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._group = group
        self._consumer = consumer
        self._keys = {stream: prefix + stream for stream in streams}
        self._streams = {key: stream for stream, key in self._keys.items()}
        self._claim_after_ms = claim_after_ms
        self._newer_ms = newer_ms
        self._clock = clock
        self._claim_at = clock()
        self._pending = Pending(redis, group=group, consumer=consumer, streams=self._streams, newer_ms=newer_ms)
        self._ahead = Ahead(redis, group=group, consumer=consumer)
        self._asked: Sequence[str] = ()
        self._ready: deque[Delivery] = deque()
        self._done: deque[Command] = deque()
        self._start_over = True
        self._reached: dict[str, EntryId] = {}
        self._more: set[str] = set()

    def ensure(self) -> None:
        """Create the group on every stream where it is not, from the first entry on, and streams that are not there."""
        with self._broker():
            self._ensure()

    def read(self, *, count: int, block_ms: int) -> list[Delivery]:
        """At most ``count`` entries: what is there, and only where nothing is, what comes within ``block_ms``.

        The entries of one stream keep their order. ``block_ms`` must be under the timeout of the connection;
        0 does not wait.
        """
        with self._broker():
            if self._start_over:
                self._start_over = False
                self._ready.clear()
                self._ahead.drop()
                self._pending.start_over()
                self._forget_reached()
            if not self._ready:
                self._ready.extend(self._with_groups(lambda: self._take(count, block_ms)))
        if len(self._ready) <= count:
            found = list(self._ready)
            self._ready.clear()
            return found
        return [self._ready.popleft() for _ in range(count)]

    def look_ahead(self, *, count: int) -> None:
        """Ask for what the next read will bring, where a backlog is left, so that the server reads it meanwhile."""
        with self._broker():
            if self._more and not (self._ready or self._ahead or self._start_over or self._claim_due()):
                self._asked = self._furthest_behind()
                self._ahead.ask(count, self._asked, first=self._taken_done())
            else:
                self._tell_done()

    def again(self) -> None:
        """Let the next reads begin with all that this consumer was handed and has not acknowledged."""
        self._start_over = True

    def leave(self) -> None:
        """Hand back what was read and not handed out, so that whoever comes next takes it over at once."""
        with self._broker():
            self._tell_done()
            self._ready.extend(self._with_groups(self._answered))
            by_stream = groupby(sorted(self._ready, key=attrgetter("stream")), key=attrgetter("stream"))
            with self._redis.pipeline(transaction=False) as pipe:
                for stream, left in by_stream:
                    entries = cast(Any, [delivery.entry for delivery in left])
                    pipe.xclaim(
                        self._keys[stream], self._group, self._consumer, 0, entries, idle=LONG_AGO_MS, justid=True
                    )
                pipe.execute()
            self._ready.clear()

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """These are done and are not handed out again.

        While the next batch is on its way the word waits, and goes out with the question for the one after that.
        """
        done: dict[str, list[str]] = {}
        for delivery in deliveries:
            done.setdefault(delivery.stream, []).append(delivery.entry)
        self._done += (("XACK", self._keys[stream], self._group, *entries) for stream, entries in done.items())
        if not self._ahead:
            with self._broker():
                self._tell_done()

    def set_aside(self, deliveries: Sequence[Delivery], *, version: int) -> list[Delivery]:
        """Leave entries of a schema ``version`` for a newer engine; what has waited for too long is returned."""
        with self._broker():
            oldest = server_ms(self._redis) - self._newer_ms
            late: list[Delivery] = []
            waiting: dict[str, list[str]] = {}
            for one in deliveries:
                if EntryId.parse(one.entry).ms <= oldest:
                    late.append(one)
                else:
                    waiting.setdefault(self._keys[one.stream], []).append(one.entry)
            for key, entries in waiting.items():
                self._pending.set_aside(key, entries, version=version)
        return late

    def settled_before(self) -> int:
        """The millisecond T, on the broker's clock, before which everything is done.

        Every entry of these streams whose id has a time before T was delivered and acknowledged, and no such
        entry will come any more, unless somebody sets the broker's clock back.
        """
        with self._broker():
            self._tell_done()
            return self._with_groups(lambda: settled_before(self._redis, list(self._streams), group=self._group))

    def _take(self, count: int, block_ms: int) -> list[Delivery]:
        if fresh := self._answered(count):
            return fresh
        self._tell_done()
        while self._pending or self._take_over(count):
            if found := self._pending.read(count):
                return [Delivery(self._streams[key], entry, fields, attempts) for key, entry, fields, attempts in found]
        return self._fresh(count, block_ms)

    def _tell_done(self) -> None:
        """Acknowledge now what waits for that; one command costs half of what a pipeline of one does."""
        done = self._taken_done()
        if len(done) == 1:
            self._redis.execute_command(*done[0])  # type: ignore[no-untyped-call]
        elif done:
            with self._redis.pipeline(transaction=False) as pipe:
                for command in done:
                    pipe.execute_command(*command)  # type: ignore[no-untyped-call]
                pipe.execute()

    def _taken_done(self) -> list[Command]:
        """What waits, which another thread may add to meanwhile."""
        done: list[Command] = []
        with suppress(IndexError):
            while True:
                done.append(self._done.popleft())
        return done

    def _take_over(self, count: int) -> bool:
        """Make abandoned entries pending of ours, when it is time; whether there are any."""
        if not self._claim_due():
            return False
        more = self._pending.claim(idle_ms=self._claim_after_ms, count=count)
        self._claim_at = self._clock() + (0 if more else self._claim_after_ms / 2000)
        return bool(self._pending)

    def _claim_due(self) -> bool:
        return self._clock() >= self._claim_at

    def _fresh(self, count: int, block_ms: int) -> list[Delivery]:
        if self._more and (found := self._new(self._furthest_behind(), count, None)):
            return found
        return self._new(tuple(self._streams), count, block_ms or None)

    def _new(self, keys: Sequence[str], count: int, block_ms: int | None) -> list[Delivery]:
        after = dict.fromkeys(keys, ">")
        self._asked = keys
        return self._made(
            read_group(self._redis, after, group=self._group, consumer=self._consumer, count=count, block_ms=block_ms),
            count,
        )

    def _answered(self, count: int = 0) -> list[Delivery]:
        return self._made(self._ahead.answer(), count) if self._ahead else []

    def _furthest_behind(self) -> tuple[str, ...]:
        """The keys that were read no further than the slowest of those that have more."""
        slowest = min(self._reached[key] for key in self._more)
        return tuple(key for key in self._streams if self._reached.get(key, slowest) <= slowest)

    def _forget_reached(self) -> None:
        self._reached.clear()
        self._more.clear()

    def _made(self, reply: Sequence[tuple[str, list[Entry]]], count: int) -> list[Delivery]:
        self._more.difference_update(self._asked)
        for key, entries in reply:
            if entries:
                self._reached[key] = EntryId.parse(entries[-1][0])
            if len(entries) >= count:
                self._more.add(key)
        return [
            Delivery(self._streams[key], entry.decode(), fields, 1)
            for key, entries in reply
            for entry, fields in entries
        ]

    def _with_groups(self, work: Callable[[], T]) -> T:
        """What ``work`` answers; once more if a group has vanished, after creating it again."""
        try:
            return work()
        except ResponseError as error:
            if not str(error).startswith(VANISHED):
                raise
            log.warning("group.vanished", group=self._group, created=self._ensure(), reason=str(error))
            self._forget_reached()
            return work()

    def _ensure(self) -> list[str]:
        """The streams on which the group was not."""
        with self._redis.pipeline(transaction=False) as pipe:
            for key in self._streams:
                pipe.xgroup_create(key, self._group, id="0", mkstream=True)
            answers = pipe.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not str(answer).startswith("BUSYGROUP"):
                raise answer
        return [stream for stream, answer in zip(self._keys, answers, strict=True) if not isinstance(answer, Exception)]

    @contextmanager
    def _broker(self) -> Iterator[None]:
        try:
            with broker_errors(self._redis):
                yield
        except BrokerUnreachable:
            self._start_over = True
            raise
