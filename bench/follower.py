"""A trading process that says when a version has come into its memory, and when it came to a bare reader beside it.

python -m bench.follower URL STRATEGY DEFAULTS DESCRIPTOR
"""

import os
import sys
import time
from typing import Any, cast

import msgspec
from learning_client import ParameterClient, Switches
from redis import Redis

BARE = "bare.updated"
"""The stream of the bare reader."""

OURS, BARELY = "ours", "bare"


class Heard(msgspec.Struct, frozen=True):
    """A line of what a process says: who has the version, which, and when, in nanoseconds of the steady clock."""

    who: str
    version: str
    at: int


def main() -> None:
    """Follow until the parent ends the process."""
    url, strategy, defaults, descriptor = sys.argv[1:]
    told = int(descriptor)
    client = ParameterClient(
        url, defaults=msgspec.json.decode(defaults), strategy=strategy, switches=Switches(apply=True)
    )
    client.on_update(lambda _, new: _tell(told, OURS, str(new.version)))
    client.start()
    _read_barely(url, told)


def _read_barely(url: str, told: int) -> None:
    """What any program would do: wait for an entry, and decode it."""
    last: Any = "0-0"
    with Redis.from_url(url, protocol=2) as redis:
        while True:
            for _, entries in cast(Any, redis.xread({BARE: last}, count=100, block=1_000)):
                for last, fields in entries:  # noqa: B007  where the next read begins
                    update = msgspec.json.decode(fields[b"event"])["data"]
                    _tell(told, BARELY, f"{update['epoch']}-{update['version']}")


def _tell(told: int, who: str, version: str) -> None:
    """One write, so that lines of several processes do not mix."""
    os.write(told, msgspec.json.encode(Heard(who, version, time.perf_counter_ns())) + b"\n")


if __name__ == "__main__":
    main()
