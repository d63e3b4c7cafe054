"""The way to the broker."""

# redis-py imports these three where a connection is made: in a child that was forked meanwhile, half of them stayed.
import email.parser  # noqa: F401
import encodings.idna  # noqa: F401
import random
import secrets  # noqa: F401
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

TIMEOUT_SECONDS = 5.0
"""After so long without an answer a server counts as hung."""

CONNECT_SECONDS = 2.0
"""After so long without one; nothing else is done meanwhile."""

SLICE_SECONDS = 0.05
"""So long an answer is awaited before something else is done, where there is something."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

Command = tuple[Any, ...]


class Connection:
    """A connection to the Redis server at ``url``, made at the first command. Only background threads hold one.

    It never retries by itself: a repeated XADD leaves two entries, and a stopped server would be asked for
    a minute. Who sends keeps what was not acknowledged and tries again with a new connection.

    Args:
        meanwhile: called twenty times a second while an answer is awaited.

    Raises:
        ValueError: the URL has no scheme that Redis knows.
    """

    def __init__(self, url: str, *, meanwhile: Callable[[], None] | None = None) -> None:
        self._redis: Any = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            redis_connect_func=self._begin,
            connection_class=_kind(url, meanwhile),
        )
        self._begun = 0

    def is_new(self) -> bool:
        """Whether it was made, or made anew, since this was asked last: redis-py does so where it finds it closed."""
        begun, self._begun = self._begun, 0
        return begun > 0

    def ask(self, *command: Any) -> Any:
        """One command and its answer.

        Raises:
            RedisError: the server is away, hung, or refuses.
        """
        return self._redis.execute_command(*command)

    def ask_together(self, commands: Iterable[Command]) -> list[Any]:
        """Commands of which the answers show one moment.

        Raises:
            RedisError: the server is away, hung, or refuses one of them.
        """
        answers: list[Any] = self._in_one_go(commands, transaction=True).execute()
        return answers

    def ask_all(self, commands: Iterable[Command]) -> list[Any]:
        """Commands in one go, and their answers in order; what the server refused is an exception in the list.

        Raises:
            RedisError: the server is away or hung; how many commands it has obeyed is unknown.
        """
        answers: list[Any] = self._in_one_go(commands, transaction=False).execute(raise_on_error=False)
        return answers

    def _begin(self, made: Any) -> None:
        made.on_connect()
        self._begun += 1

    def _in_one_go(self, commands: Iterable[Command], *, transaction: bool) -> Any:
        pipeline = self._redis.pipeline(transaction=transaction)
        for command in commands:
            pipeline.execute_command(*command)
        return pipeline


class Waiting:
    """Mixed into redis-py's connection, which sleeps until an answer is there."""

    def read_response(self: Any, *options: Any, **more: Any) -> Any:
        """The next answer.

        Raises:
            RedisError: none comes in time, or the server is away.
        """
        until = time.monotonic() + TIMEOUT_SECONDS
        while not self.can_read(SLICE_SECONDS):
            self.meanwhile()
            if time.monotonic() > until:
                self.disconnect()
                raise redis.TimeoutError(f"no answer in {TIMEOUT_SECONDS:g} s")
        return super().read_response(*options, **more)  # type: ignore[misc]


def _kind(url: str, meanwhile: Callable[[], None] | None) -> Any:
    """The class of redis-py's connections to ``url``."""
    kind = parse_url(url).get("connection_class", redis.Connection)  # type: ignore[no-untyped-call]
    return kind if meanwhile is None else type("Waiting", (Waiting, kind), {"meanwhile": staticmethod(meanwhile)})


OTHER: dict[str, Callable[[str], Connection]] = {}
"""Connections to what is no Redis server, by the scheme of their URL; see ``learning_client.testing``."""


def connection_to(url: str, *, meanwhile: Callable[[], None] | None = None) -> Connection:
    """A connection that is made at its first command, see there.

    Raises:
        RedisError: the URL cannot be used, so that no broker is there.
    """
    other = OTHER.get(url.partition("://")[0])
    try:
        return Connection(url, meanwhile=meanwhile) if other is None else other(url)
    except ValueError:
        raise redis.ConnectionError(
            f"{_shown(url)!r} is no address: write 'redis://localhost:6379/0' or the like"
        ) from None


def _shown(url: str) -> str:
    """Of an address only scheme and host; not even these where they may be part of a password."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.netloc:
            unsure = "@" in f"{parts.path}{parts.query}{parts.fragment}"
            return f"{parts.scheme}://{'...' if unsure else parts.hostname or '...'}"
    return "..."


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: growing to 5, spread so that clients do not return together."""
    longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(failures, 10))
    return random.SystemRandom().uniform(max(SHORTEST_PAUSE, longest / 2), longest)
