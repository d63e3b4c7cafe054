"""Real worker processes on a store and a broker, one of each kind or several, that are watched from outside."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
from redis.exceptions import ResponseError

from events.connection import connect
from events.entry import EntryId
from events.heartbeat import heartbeats
from events.publisher import Publisher
from events.settled import last_delivered
from schemas.beat import Beat
from schemas.reports import HealthState
from tests.faults.days import books, opened, turning
from workers.attribution import Attribution
from workers.last_word import at_broker
from workers.thompson import Thompson

ROOT = Path(__file__).parents[2]
READS = {worker.name: worker.reads for worker in (Attribution, Thompson)}
SAID_WITHIN = 5.0
"""Seconds from a fault to the word of it."""

PATIENCE = 90.0
"""Seconds for what has no promise."""


class Crew:
    """The workers of one prefix. Their store is at ``url``; ``seen`` is where they reach it, else the same.

    Thompson is turned by hand while the books are waited for: a process takes seconds to start.
    """

    def __init__(self, folder, redis_url, *, prefix, url, seen=None, **settings):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.prefix = prefix
        self.broker = connect(redis_url)
        self.store, _ = opened(url, self.broker, prefix=prefix, folder=folder)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self._environment = inherited | {
            "RQ_REDIS_URL": redis_url,
            "LEARNING_STORE_URL": seen or url,
            "LEARNING_MODE": "act",
            "LEARNING_PREFIX": prefix,
            "LEARNING_REGISTRIES": str(folder / "registry.toml"),
            "LEARNING_CLAIM_AFTER_SECONDS": "1",
            "LEARNING_BATCH": "10",
            "LEARNING_BLOCK_MS": "20",
            "LEARNING_HEARTBEAT_SECONDS": "0.25",
            "LEARNING_LOG": "json",
            **settings,
        }
        self.processes = {}
        self._thompson = turning(Thompson(mend=lambda settled_before: None), self.store, self.broker, prefix=prefix)

    def start(self, *workers):
        """Start workers, where that was not done, and wait until they are heard."""
        for worker in workers:
            if worker not in self.processes:
                self.launch(worker, "workers", worker)
        self.until(lambda: all(self.beat(worker) for worker in workers), f"{workers} to be heard")

    def launch(self, called, *command):
        """Start a process by ``python -m``."""
        with (self.folder / f"{called}.log").open("ab") as log:
            self.processes[called] = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=ROOT, env=self._environment, stderr=log
            )

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.store.close()
        self.broker.close()

    def tell(self, events):
        Publisher(self.broker, prefix=self.prefix).publish(events)

    def beat(self, called):
        """What a process says of itself; None where it is not heard."""
        pid = self.processes[called].pid
        for name, word in heartbeats(self.broker, prefix=self.prefix).items():
            if name.endswith(f"-{pid}"):
                return msgspec.json.decode(word.body, type=Beat)
        return None

    def troubles(self, called):
        """How often a process found broker or store away, as it says itself."""
        return self.beat(called).counts.get("unreachable", 0)

    def until_said(self, called, words, *, after, since, within=SAID_WITHIN):
        """Wait until a process says of itself that it is degraded by more troubles than ``after``, with ``words``.

        It must say so ``within`` so many seconds, ``since`` then on the monotonic clock.
        """

        def said():
            beat = self.beat(called)
            if beat is None or beat.state is HealthState.HEALTHY or beat.counts.get("unreachable", 0) <= after:
                return False
            return any(words in reason for reason in beat.reasons)

        self.until(said, f"{called} to say: {words}", within=within - (time.monotonic() - since))

    def until_health_says(self, part, state, words="", *, within):
        """Wait for a word of the process health, where it leaves it at the broker."""

        def said():
            overview = at_broker(self.broker, prefix=self.prefix)
            parts = overview.parts if overview else []
            return [one for one in parts if one.part == part and one.state is state and words in " ".join(one.reasons)]

        self.until(said, f"health to say that {part} is {state.value}: {words}", within=within)

    def lines(self, called, event):
        """What a process has logged under one name."""
        text = (self.folder / f"{called}.log").read_text()
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [one for one in found if one["event"] == event]

    def acknowledged(self):
        """How many entries each stream holds that a worker was handed and has acknowledged."""
        return {place: taken for place, taken, _ in self._standing()}

    def left(self):
        """How many entries wait: not read yet, or handed out and not acknowledged."""
        return sum(waiting for _, _, waiting in self._standing())

    def _standing(self):
        for group, streams in READS.items():
            for key in (self.prefix + stream for stream in streams):
                try:
                    pending = self.broker.xpending(key, group)["pending"]
                    last = last_delivered(self.broker.xinfo_groups(key), group)
                except ResponseError:  # nobody has read it yet
                    continue
                unread = len(self.broker.xrange(key, min=str(EntryId(*last).next)))
                yield (group, key), self.broker.xlen(key) - unread - pending, unread + pending

    def until_balanced(self, wanted):
        """Wait for the books to be these with nothing left to do, by the processes that were started."""

        def balanced():
            self._thompson.turn(count=500, block_ms=1)
            return not self.left() and books(self.store) == wanted

        self.until(balanced, lambda: _difference(self.store, wanted))

    def until(self, happened, what, *, within=PATIENCE):
        """Wait for something to happen."""
        deadline = time.monotonic() + within
        while not (found := happened()):
            ended = {name: one.returncode for name, one in self.processes.items() if one.poll() is not None}
            assert {} == ended, "a process ended"
            assert time.monotonic() < deadline, f"waited for {what() if callable(what) else what}"
            threading.Event().wait(0.02)
        return found


def _difference(store, wanted):
    found = books(store)
    return {name: (found.get(name), rows) for name, rows in wanted.items() if found.get(name) != rows}
