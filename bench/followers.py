"""From the moment a version is published to the moment that 20 trading processes have it, against bare readers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from redis import Redis

from bench.assignment import REGISTRY
from bench.comparison import Comparison
from bench.follower import BARE, BARELY, OURS, Heard
from bench.workbench import Workbench, comparison
from events.connection import connect
from schemas.params import Change
from schemas.registry import load_registry
from schemas.version import Version
from store.outbox import Post
from workers.clock import wall_clock
from workers.gate.publication import announcement, first_version

FOLLOWERS = 20
ROUNDS = 50
PAUSE = 0.02
"""Seconds between rounds, for what follows the application."""

NAME = "threshold.score"
HERE = Path(__file__).parent.parent


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Each process has a client and a bare reader; the figures are of all processes and versions of a run."""
    rounds, versions = bench.count(ROUNDS), _versions()
    with connect(bench.url) as redis:
        first = next(versions)
        _publish(redis, _announced(first))
        with _followers(bench.url, first) as heard:
            _wait(heard, OURS, first)

            def ours() -> list[float]:
                return _times(redis, heard, OURS, [(one, _announced(one)) for one in islice(versions, rounds)])

            def barely() -> list[float]:
                posts = [(one, Post(BARE, _announced(one).body)) for one in islice(versions, rounds)]
                return _times(redis, heard, BARELY, posts)

            what = f"published -> applied by {FOLLOWERS} processes"
            pairs = bench.pairs(what, ours=ours, baseline=barely)
    for words, percent in (("median", 50), ("99th percentile", 99)):
        figures = [(float(np.percentile(ours, percent)), float(np.percentile(bare, percent))) for ours, bare in pairs]
        yield comparison(f"{what}, {words}", "bare XREAD and a decoder", unit="ms", pairs=figures)


def _times(redis: Redis, heard: BinaryIO, who: str, posts: Sequence[tuple[Version, Post]]) -> list[float]:
    """Milliseconds from before each was published to each process that has it, one version after the other."""
    found = []
    for version, post in posts:
        time.sleep(PAUSE)
        began = time.perf_counter_ns()
        _publish(redis, post)
        found += [(at - began) / 1e6 for at in _wait(heard, who, version)]
    return found


def _publish(redis: Redis, post: Post) -> None:
    """As the engine sends its letters."""
    with redis.pipeline(transaction=True) as together:
        together.xadd(post.stream, {"event": post.body})
        if post.key is not None and post.value is not None:
            together.set(post.key, post.value)
        if post.channel is not None:
            together.publish(post.channel, post.body)
        together.execute()


def _wait(heard: BinaryIO, who: str, version: Version) -> list[int]:
    """When each of the processes had it."""
    lines = [msgspec.json.decode(heard.readline(), type=Heard) for _ in range(FOLLOWERS)]
    assert all((one.who, one.version) == (who, str(version.id)) for one in lines), lines
    return [one.at for one in lines]


def _versions() -> Iterator[Version]:
    """The demo's first one, and what follows when a value moves a little each time."""
    version = first_version(load_registry(REGISTRY))
    while True:
        yield version
        values = {**version.values, NAME: 0.6 + version.number % 2 / 100}
        version = msgspec.structs.replace(
            version, number=version.number + 1, previous=str(version.id), values=values, checksum=""
        )


def _announced(version: Version) -> Post:
    change = Change(name=NAME, old=0.6, new=version.values[NAME], reason="to see how long it takes")
    return announcement(version, changes=[change], time=wall_clock())


@contextmanager
def _followers(url: str, version: Version) -> Iterator[BinaryIO]:
    """What all of them say, line by line, as long as they run."""
    reader, writer = os.pipe()
    defaults = msgspec.json.encode(version.values).decode()
    command = [sys.executable, "-m", "bench.follower", url, version.strategy, defaults, str(writer)]
    processes = [subprocess.Popen(command, cwd=HERE, pass_fds=[writer]) for _ in range(FOLLOWERS)]
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as heard:
            yield heard
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
