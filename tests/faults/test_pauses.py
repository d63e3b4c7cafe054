"""A worker stands still for longer than the claim time, another takes over, and the first one wakes up and goes on."""

import os
import signal
import socket
import threading

import pytest

from tests.faults.engine import WORKERS
from tests.faults.waiting import until

STEPS = ("after read", "before decode", "after commit", "before acknowledge", "before send", "after send")
"""Where it stands still with a batch in its hand, or with letters."""

HELD = ("after begin", "after savepoint batch", "before commit")
"""Within its transaction, where it holds SQLite's lock: nobody can take over before it wakes up, and somebody tries."""

LONGER = 0.6
"""Seconds; twice the claim time of the engine."""


def pause(engine, worker, steps):
    """Live through the scene with a worker that never rests, and one that stands still at each of ``steps``."""
    for name in WORKERS:
        engine.mortal(name)
    engine.until_begun()
    portions = iter(engine.scene.portions)
    for step in steps:
        sleeper = engine.mortal(worker, [(step, 1, "SIGSTOP")], patience=60.0)
        until(lambda asleep=sleeper: asleep.diary, f"another {worker} to begin")
        until(lambda asleep=sleeper: fed(engine, portions) and asleep.ended("stopped"), f"{worker} to stop {step}")
        process = sleeper.diary[-1][1]
        engine.tell(*[portion for portion in [next(portions, None)] if portion])
        if step in HELD:
            threading.Event().wait(LONGER)
        else:
            until(lambda pid=process: not in_hand(engine, worker, pid), f"another to take over {step}")
        os.kill(process, signal.SIGCONT)
    engine.tell(*portions)


def fed(engine, portions):
    """Give whoever is awake something to do."""
    if portion := next(portions, None):
        engine.tell(portion)
    else:
        engine.repeat()
    threading.Event().wait(0.3)
    return True


def in_hand(engine, worker, process):
    """How many entries one worker was handed and nobody has acknowledged or taken over."""
    consumer = f"{socket.gethostname()}-{process}".encode()
    return sum(
        known["pending"]
        for key in engine.broker.scan_iter(f"{engine.prefix}*", _type="stream")
        for group in engine.broker.xinfo_groups(key)
        if group["name"] == worker.encode()
        for known in engine.broker.xinfo_consumers(key, worker)
        if known["name"] == consumer
    )


def test_a_worker_that_wakes_up_after_it_was_given_up_does_nothing_twice(engines, shows, inquire):
    """Of fewer sessions the other worker, where the machine is busy, leaves none with letters to send."""
    engine = engines(shows(24))
    pause(engine, "attribution", ["before decode", "before commit", "before acknowledge", "before send"])
    inquire("attribution stood still", engine, shows(24), kills=0)


@pytest.mark.at_length
@pytest.mark.parametrize(("worker", "sessions"), [("attribution", 24), ("thompson", 24), ("deployment", 60)])
def test_whoever_wakes_up_wherever_it_was_does_nothing_twice(engines, shows, inquire, worker, sessions):
    """A session has one proposal, and half of them are taken by the other worker."""
    engine = engines(shows(sessions))
    steps = [step for step in STEPS + HELD if worker != "thompson" or "send" not in step]
    pause(engine, worker, steps)
    engine.until_announced()
    inquire(f"{worker} stood still", engine, shows(sessions), kills=0)
