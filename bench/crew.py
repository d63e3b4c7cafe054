"""Worker processes that share a backlog, each on the engine's own runtime."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess

import msgspec
import structlog
from redis import Redis

from bench.backlog import Backlog
from bench.turn import Keeper
from events.connection import connect
from events.heartbeat import heartbeats
from schemas.beat import Beat
from schemas.settings import Settings
from store.store import Store
from workers.clock import steady_clock, wall_clock
from workers.runtime import Runtime
from workers.worker import Worker


def _attribution(store: Store, redis: Redis) -> Worker:
    from bench import attribution  # noqa: PLC0415 - it fills 80 MB, which the one-table worker does not need
    from bench.assignment import REGISTRY  # noqa: PLC0415
    from schemas.registry import load_registry  # noqa: PLC0415

    return attribution.worker(load_registry(REGISTRY), store, redis)


WORKERS: Mapping[str, Callable[[Store, Redis], Worker]] = {
    "keeper": lambda *_: Keeper(),
    "attribution": _attribution,
}
"""What a process may run, by the name of its group."""

BLOCK_MS = 5
"""How often those who wait for the backlog look whether it is there."""

HEARTBEAT_SECONDS = 60.0
"""A last word is remembered for a few beats."""

LOOK_SECONDS = 0.005
STALLED_SECONDS = 60.0
"""After so long without progress something is wrong."""


class Crew:
    """Processes of one worker that are all there before the first of them finds anything to read."""

    def __init__(self, processes: list[ForkServerProcess], redis: Redis, backlog: Backlog, *, group: str) -> None:
        self._processes = processes
        self._redis = redis
        self._backlog = backlog
        self._group = group
        self._until(lambda: all(state.consumers == len(processes) for state in backlog.states(group)))

    @property
    def pids(self) -> list[int]:
        """Of the processes."""
        return [process.pid or 0 for process in self._processes]

    def drain(self) -> float:
        """Let them have the backlog; seconds until the last of it is acknowledged."""
        started = time.perf_counter()
        self._backlog.let(self._group)
        self._until(lambda: self._backlog.done(self._group))
        return time.perf_counter() - started

    def dismiss(self) -> int:
        """End them; how many events they have taken in. Nothing may be refused, no handling may fail."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(STALLED_SECONDS)
        words = heartbeats(self._redis)
        last = [msgspec.json.decode(word.body, type=Beat) for name, word in words.items() if self._is_of_these(name)]
        assert len(last) == len(self._processes), words
        assert not any(beat.counts.get(bad) for beat in last for bad in ("refused", "failed")), last
        return sum(beat.counts.get("taken", 0) for beat in last)

    def _is_of_these(self, name: str) -> bool:
        return name.startswith(f"{self._group}:") and name.endswith(tuple(f"-{pid}" for pid in self.pids))

    def _until(self, happened: Callable[[], bool]) -> None:
        seen, deadline = self._backlog.states(self._group), time.monotonic() + STALLED_SECONDS
        while not happened():
            if (found := self._backlog.states(self._group)) != seen:
                seen, deadline = found, time.monotonic() + STALLED_SECONDS
            assert time.monotonic() < deadline, f"no progress for {STALLED_SECONDS:g} s: {seen}"
            assert all(process.is_alive() for process in self._processes), "a worker has ended"
            time.sleep(LOOK_SECONDS)


@contextmanager
def crew(group: str, *, count: int, redis: Redis, url: str, store_url: str, backlog: Backlog) -> Iterator[Crew]:
    """``count`` processes that are ready for the backlog; they end with the block."""
    backlog.held_back(group)
    settings = Settings(redis_url=url, store_url=store_url, block_ms=BLOCK_MS, heartbeat_seconds=HEARTBEAT_SECONDS)
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    processes = [forking.Process(target=_run, args=(group, settings), daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield Crew(processes, redis, backlog, group=group)
    finally:
        for process in processes:
            process.terminate()
            process.join(STALLED_SECONDS)


def _run(group: str, settings: Settings) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    store = Store.open(settings.store_url, clock=wall_clock)
    with connect(settings.redis_url) as redis:
        worker = WORKERS[group](store, redis)
        Runtime(worker, store=store, settings=settings, clock=wall_clock, steady=steady_clock).run()
    store.close()
