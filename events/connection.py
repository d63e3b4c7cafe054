"""The connection to the broker, and what its errors mean to us."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from events.errors import BrokerRefused, BrokerUnreachable
from schemas.errors import InvalidSettings

UNABLE = ("MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY ")
"""How the answer of a broker begins that is there, and cannot serve for now."""


def connect(url: str, *, timeout: float = 5.0) -> Redis:
    """A client of the broker at ``url``, which connects on first use.

    It never repeats a command by itself: a repeated XADD leaves two entries, and a repeated
    XREADGROUP skips entries. It waits ``timeout`` seconds at the most, for the connection and
    for each answer, so a command that blocks on the server must block for less. Answers are bytes.

    Raises:
        InvalidSettings: when ``url`` is not redis://, rediss:// or unix://. It is not repeated: it may hold a password.
    """
    try:
        return Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            decode_responses=False,
            protocol=2,
        )
    except ValueError as error:
        raise InvalidSettings(
            f"the address of the broker (RQ_REDIS_URL, REDIS_URL) is not understood: {error}; "
            "write redis://user:password@host:port/0"
        ) from error


def stored(redis: Redis, key: str) -> bytes | None:
    """What lies at ``key``, or None.

    Raises:
        BrokerUnreachable, BrokerRefused: nobody knows.
    """
    with broker_errors(redis):
        found: Any = redis.get(key)
    return None if found is None else bytes(found)


def server_ms(redis: Redis) -> int:
    """Milliseconds since 1970 on the broker's clock, which gives entries their ids. Raises what the driver raises."""
    answer: Any = redis.time()
    seconds, microseconds = answer
    return int(seconds * 1000 + microseconds // 1000)


def address(redis: Redis) -> str:
    """Where ``redis`` connects to, without its password."""
    to = redis.connection_pool.connection_kwargs
    return str(to["path"]) if "path" in to else f"{to.get('host', 'localhost')}:{to.get('port', 6379)}"


@contextmanager
def broker_errors(redis: Redis) -> Iterator[None]:
    """Turns what the driver raises within the block into our errors.

    Raises:
        BrokerUnreachable: it is gone, or for now too busy, full or read-only: wait and ask again.
        BrokerRefused: it will answer the same way again: a right is missing, or the key is something else.
    """
    try:
        yield
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        raise BrokerUnreachable(
            f"the broker at {address(redis)} cannot be reached: {_brief(error)}; "
            "is it running, and is RQ_REDIS_URL right?"
        ) from error
    except exceptions.ResponseError as error:
        said = _brief(error)
        if isinstance(error, exceptions.ReadOnlyError | exceptions.OutOfMemoryError) or said.startswith(UNABLE):
            raise BrokerUnreachable(f"the broker at {address(redis)} cannot serve for now: {said}") from error
        raise BrokerRefused(f"the broker at {address(redis)} refused: {said}") from error


def _brief(error: Exception) -> str:
    """What the broker said, without the command that the driver puts in front of it in a pipeline."""
    said = re.sub(r"^Command # \d+ \(.*\) of pipeline caused error: ", "", str(error), flags=re.DOTALL)
    return " ".join(said.split())[:300]
