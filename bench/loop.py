"""From a proposal's XADD to the new value in trading's memory, through real processes, against a bare chain.

The bare chain has the same hops: XADD, a process that reads it in a group, one row in SQLite, commit, XACK, one
MULTI with XADD, SET and PUBLISH, and a thread in this process that waits for it.
"""

import math
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import msgspec
from learning_client import EventPublisher, ParameterClient, Switches
from redis import Redis

from bench.codec import Plain
from bench.comparison import Comparison
from bench.stores import Stores, driven
from bench.workbench import Workbench, comparison
from events.codec import encode
from events.connection import connect
from schemas.event import Envelope
from schemas.params import ParamsProposed, ProposalKind
from workers.clock import wall_clock

ROUNDS = 100
PAUSE = 0.005
"""Seconds between rounds, for what follows the application."""

FLOW = 2_000
RATE = 1_000
"""How many proposals a run sends one after another, and how many of them a second."""

SETTLED = 0.5
"""Seconds before such a run, for what followed the last one."""

PATIENCE = 30.0
BARE_IN, BARE_OUT, BARE_KEY = "bare.proposed", "bare.updated", "bare:snapshot"
GROUP = "bare"

REGISTRY = """
strategy = "bench"

[[parameter]]
name = "lever"
default = 0.5
min = 0.0
max = 1000000.0
category = "bench"
affects = "nothing"
description = "What is moved in every round."
"""

Applied = SimpleQueue[tuple[float, float]]
"""Values, and when they came into memory, in seconds of the performance counter."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """One proposal at a time, and a stream of them at 1,000 a second: the middle one of a run, and 99 of 100."""
    rounds, flow = bench.count(ROUNDS), bench.count(FLOW)
    with connect(bench.url) as redis, _engine(bench) as engine, _bare(bench) as bare:
        levers = count(1)

        def both(what: str, times: Callable[[str, Applied], list[float]]) -> list[tuple[list[float], list[float]]]:
            return bench.pairs(
                what,
                ours=lambda: times(ParamsProposed.type, engine),
                baseline=lambda: times(BARE_IN, bare),
            )

        alone = both("proposed -> applied, alone", lambda stream, to: _alone(redis, stream, to, levers, rounds))
        yield _line("proposed -> applied, alone, median", alone, 0.5)
        flowing = both("proposed -> applied, flowing", lambda stream, to: _flowing(redis, stream, to, levers, flow))
        yield _line(f"proposed -> applied, {RATE:,}/s, median", flowing, 0.5)
        yield _line(f"proposed -> applied, {RATE:,}/s, 99th percentile", flowing, 0.99)


def _line(what: str, pairs: list[tuple[list[float], list[float]]], part: float) -> Comparison:
    figures = [(_quantile(ours, part), _quantile(baseline, part)) for ours, baseline in pairs]
    return comparison(what, "a bare chain of the same hops", unit="ms", pairs=figures)


def _quantile(times: list[float], part: float) -> float:
    """The time that ``part`` of all do not pass."""
    return sorted(times)[math.ceil(part * len(times)) - 1]


def _alone(redis: Redis, stream: str, applied: Applied, levers: Iterator[int], rounds: int) -> list[float]:
    """Milliseconds of each of several rounds, one after the other."""
    times = []
    for lever in (float(next(levers)) for _ in range(rounds)):
        body = {"event": encode(_proposal(lever))}
        time.sleep(PAUSE)
        started = time.perf_counter()
        redis.xadd(stream, body)  # type: ignore[arg-type]
        value, at = applied.get(timeout=PATIENCE)
        assert value == lever, (value, lever)
        times.append((at - started) * 1_000)
    return times


def _flowing(redis: Redis, stream: str, applied: Applied, levers: Iterator[int], number: int) -> list[float]:
    """Milliseconds from the XADD of each of ``number`` proposals, ``RATE`` a second, to it or a later one in memory.

    They are sent when it is time, whether those before have arrived or not.
    """
    wanted = [float(next(levers)) for _ in range(number)]
    bodies = [{"event": encode(_proposal(lever))} for lever in wanted]
    time.sleep(SETTLED)
    began, started = time.perf_counter(), []
    for place, body in enumerate(bodies):
        time.sleep(max(0.0, began + place / RATE - time.perf_counter()))
        started.append(time.perf_counter())
        redis.xadd(stream, body)  # type: ignore[arg-type]
    times: list[float] = []
    while len(times) < number:
        value, at = applied.get(timeout=PATIENCE)
        times += ((at - sent) * 1_000 for sent in started[len(times) : wanted.index(value) + 1])
    return times


def _proposal(lever: float) -> Envelope:
    proposal = ParamsProposed(
        strategy="bench",
        proposal_id=f"lever-{lever:g}",
        kind=ProposalKind.VALUES,
        session="2024-01-31",
        proposed_by="bench",
        reason="to see how long it takes",
        values={"lever": lever},
    )
    return Envelope(source="bench", id=proposal.proposal_id, time=wall_clock(), data=proposal)


@contextmanager
def _engine(bench: Workbench) -> Iterator[Applied]:
    """The deployment worker in a process of its own, and a trading process's client in this one."""
    folder = bench.folder / "engine"
    folder.mkdir()
    (folder / "bench.toml").write_text(REGISTRY)
    with Stores(folder).fresh() as file, _worker(folder, file, bench.url), _client(bench.url) as applied:
        yield applied


@contextmanager
def _worker(folder: Path, file: Path, url: str) -> Iterator[None]:
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("LEARNING_")}
    ours = {
        "RQ_REDIS_URL": url,
        "LEARNING_STORE_URL": f"sqlite:///{file}",
        "LEARNING_REGISTRIES": "bench.toml",
        "LEARNING_MODE": "act",
        "LEARNING_LOG_LEVEL": "warning",
    }
    process = subprocess.Popen([sys.executable, "-m", "workers", "deployment"], cwd=folder, env=theirs | ours)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def _client(url: str) -> Iterator[Applied]:
    applied: Applied = SimpleQueue()
    publisher = EventPublisher(url, source="bench", strategy="bench", switches=Switches(apply=True))
    params = ParameterClient(url, defaults={"lever": 0.0}, strategy="bench", publisher=publisher)
    params.on_update(lambda _, new: applied.put((new["lever"], time.perf_counter())))
    params.start()
    assert applied.get(timeout=PATIENCE)[0] == 0.5, params.stats()
    try:
        yield applied
    finally:
        params.close()
        publisher.close()


@contextmanager
def _bare(bench: Workbench) -> Iterator[Applied]:
    file = bench.folder / "bare.db"
    with connect(bench.url) as redis:
        redis.xgroup_create(BARE_IN, GROUP, id="0", mkstream=True)
    process = multiprocessing.get_context("spawn").Process(target=_bare_worker, args=(bench.url, file), daemon=True)
    process.start()
    applied: Applied = SimpleQueue()
    client = threading.Thread(target=_bare_client, args=(bench.url, applied), daemon=True)
    client.start()
    try:
        yield applied
    finally:
        process.terminate()
        process.join(PATIENCE)
        with connect(bench.url) as redis:
            redis.xadd(BARE_OUT, {"end": ""})
        client.join(PATIENCE)


def _bare_worker(url: str, file: Path) -> None:
    decoder = msgspec.json.Decoder(Plain[ParamsProposed])
    with connect(url) as redis, driven(file) as connection:
        connection.execute("CREATE TABLE proposals (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT")
        while True:
            reply = cast(Any, redis.xreadgroup(GROUP, "bench", {BARE_IN: ">"}, count=500, block=1_000))
            for _, entries in reply or ():
                bodies = [fields[b"event"] for _, fields in entries]
                rows = [(decoder.decode(body).id, body) for body in bodies]
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO proposals VALUES (?, ?)", rows)
                connection.execute("COMMIT")
                redis.xack(BARE_IN, GROUP, *(entry for entry, _ in entries))
                for body in bodies:
                    with redis.pipeline(transaction=True) as pipe:
                        pipe.xadd(BARE_OUT, {"event": body})
                        pipe.set(BARE_KEY, body)
                        pipe.publish(BARE_OUT, body)
                        pipe.execute()


def _bare_client(url: str, applied: Applied) -> None:
    decoder = msgspec.json.Decoder(Plain[ParamsProposed])
    last: Any = "0-0"
    memory: dict[str, Any] = {}
    with connect(url) as redis:
        while True:
            reply = cast(Any, redis.xread({BARE_OUT: last}, count=100, block=1_000))
            for _, entries in reply or ():
                for last, fields in entries:  # noqa: B007  where the next read begins
                    if b"event" not in fields:
                        return
                    memory.update(decoder.decode(fields[b"event"]).data.values or {})
                    applied.put((memory["lever"], time.perf_counter()))
