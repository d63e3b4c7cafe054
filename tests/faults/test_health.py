"""Parts die, hang and come back; what health says of it, and that it says it within five seconds."""

import math
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from events.broker import EmbeddedBroker
from events.codec import decode
from events.connection import connect
from events.moments import microseconds
from events.publisher import Publisher
from schemas.client import ClientReported
from schemas.event import Envelope
from schemas.reports import HealthState
from store.health import HealthRows
from store.store import Store
from workers.processes.procfile import read_procfile

ROOT = Path(__file__).parents[2]
HEALTHY, DEGRADED, CRITICAL = HealthState
SAID_WITHIN = 5.0
"""Seconds from the fault to the word of it."""

PATIENCE = 90.0
"""Seconds for what has no promise: starting, coming back."""

PYTHON = Path(sys.executable).parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def now():
    return time.time_ns() // 1_000


class Engine:
    """Every process of the Procfile, on a broker and a store of its own; nobody starts again what died."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("Procfile", "parameters", "scheduler"):
            (folder / name).symlink_to(ROOT / name)
        self.file = folder / "learning.db"
        self.store = Store.open(f"sqlite:///{self.file}", clock=now)
        self.store.migrate()
        self.server = EmbeddedBroker(folder, env_file=folder / "broker.env")
        self.url = self.server.start()
        self.broker = connect(self.url, timeout=1.0)
        self.port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self.environment = inherited | {
            "PATH": f"{PYTHON}{os.pathsep}{inherited['PATH']}",
            "RQ_REDIS_URL": self.url,
            "RQ_CONFIG": "scheduler.rq_settings",
            "LEARNING_STORE_URL": f"sqlite:///{self.file}",
            "LEARNING_LOG_LEVEL": "error",
            "LEARNING_METRICS_ADDRESS": f"127.0.0.1:{self.port}",
            "PYTHONUNBUFFERED": "1",
        }
        self.processes = {}

    def start(self, *names, **environment):
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    read_procfile(ROOT / "Procfile")[name].split(),
                    cwd=self.folder,
                    env=self.environment | environment,
                    stdout=log,
                    stderr=log,
                )

    def kill(self, name, number=signal.SIGKILL):
        self.processes[name].send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.processes[name].wait(20)

    def stop(self):
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.store.close()
        self.broker.close()
        self.server.stop()

    def server_pid(self):
        return int(self.broker.info("server")["process_id"])

    def words(self, part):
        """What was said of a part, as (time, state, reasons), from whichever of the two ways answers."""
        found = []
        with suppress(RedisError):
            for entry, fields in self.broker.xrange("health.reported"):
                envelope = decode(fields, stream="health.reported", entry=entry.decode(), now=now() + 60_000_000)
                if envelope.data.part == part:
                    found.append((envelope.time, envelope.data.state, " ".join(envelope.data.reasons)))
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)
            rows = connection.execute("SELECT recorded_at, state, reasons FROM health WHERE part = ?", (part,))
            found += [(at, HealthState(state), reasons) for at, state, reasons in rows]
            connection.close()
        return sorted(found, key=lambda word: word[0])

    def until_said(self, part, state, *, since, within=SAID_WITHIN):
        """Wait for the word, and make sure that it came in time; the words themselves."""
        deadline = time.monotonic() + PATIENCE
        while not (found := [word for word in self.words(part) if word[0] >= since and word[1] is state]):
            assert time.monotonic() < deadline, f"{part} is never said to be {state.value}: {self.words(part)[-3:]}"
            threading.Event().wait(0.02)
        seconds = (found[0][0] - since) / 1e6
        print(f"{part}: {state.value} was said after {seconds:.2f} s: {found[0][2]}")
        assert seconds <= within, f"{part} was {state.value} after {seconds:.1f} s"
        return found[0][2]

    def command(self):
        """The exit code of ``learning health`` and what it shows in one line, without the frame of its table."""
        began = time.monotonic()
        ran = subprocess.run(
            [PYTHON / "learning", "health"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in ran.stdout + ran.stderr
        print(f"`learning health` took {time.monotonic() - began:.1f} s and ended with {ran.returncode}")
        return ran.returncode, " ".join(ran.stdout.replace("│", " ").split())

    def beginnings(self, *, after):
        """Since when each part is as it is, by the first word that the store has from after a time."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.store.read() as reading:
                overview = HealthRows(reading).overview()
            found = {part.part: microseconds(part.since) for part in overview.parts}
            if overview.at >= after and "broker" in found:
                return found
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)

    def until_command(self, words):
        """Wait until the command says ``words`` and ends with 2: it asks afresh, so it has some seconds more."""
        deadline = time.monotonic() + 3 * SAID_WITHIN
        while words not in (shown := self.command())[1]:
            assert time.monotonic() < deadline, shown
        assert 2 == shown[0]
        return shown[1]

    def until_healthy(self):
        """Wait until health says so of every process, and make sure that the command says so of all."""
        deadline = time.monotonic() + PATIENCE
        while not self.processes.keys() <= self.well():
            assert time.monotonic() < deadline, self.well()
            threading.Event().wait(0.1)
        while (shown := self.command())[0]:
            assert time.monotonic() < deadline, shown
            threading.Event().wait(0.2)

    def well(self):
        """The parts that were healthy when health looked last."""
        with self.store.read() as reading:
            overview = HealthRows(reading).overview()
        return {part.part for part in overview.parts if part.state is HEALTHY} if overview else set()

    def until_alive(self, part):
        deadline = time.monotonic() + PATIENCE
        while f'learning_worker_alive{{worker="{part}"}} 1.0' not in self.metrics():
            assert time.monotonic() < deadline
            threading.Event().wait(0.1)

    def settled(self, *parts):
        """Wait until none of ``parts`` is critical: others remember a trouble for a minute."""
        deadline = time.monotonic() + PATIENCE
        while not all(self.words(part)[-1][1] is not CRITICAL for part in parts):
            assert time.monotonic() < deadline, {part: self.words(part)[-1] for part in parts}
            threading.Event().wait(0.05)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return answer.read().decode()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = Engine(tmp_path_factory.mktemp("engine"))
    try:
        engine.start(*read_procfile(ROOT / "Procfile"))
        engine.until_healthy()
        yield engine
    finally:
        engine.stop()


@pytest.mark.parametrize(
    "part",
    [
        "attribution",
        pytest.param("thompson", marks=pytest.mark.at_length),
        pytest.param("deployment", marks=pytest.mark.at_length),
        pytest.param("cycles", marks=pytest.mark.at_length),
        pytest.param("cron", marks=pytest.mark.at_length),
    ],
)
def test_a_process_that_is_killed_is_said_to_be_silent(engine, part):
    since = now()
    engine.kill(part)
    said = engine.until_said(part, CRITICAL, since=since)
    assert "silent" in said or "no `rq worker` listens" in said
    code, shown = engine.command()
    assert 2 == code
    assert f"{part} critical" in shown
    since = now()
    engine.start(part)
    engine.until_said(part, HEALTHY, since=since, within=PATIENCE)


def test_a_worker_that_hangs_is_said_to_be_silent_and_goes_on(engine):
    since = now()
    engine.kill("thompson", signal.SIGSTOP)
    assert "thompson is silent" in engine.until_said("thompson", CRITICAL, since=since)
    since = now()
    engine.kill("thompson", signal.SIGCONT)
    engine.until_said("thompson", HEALTHY, since=since)


@pytest.mark.at_length
def test_a_worker_that_is_stopped_and_started_again_is_no_alarm(engine):
    since = now()
    engine.kill("deployment", signal.SIGTERM)
    while now() < since + round(SAID_WITHIN * 1e6):  # by then one that died would have been missed
        assert [] == [word for word in engine.words("deployment") if word[0] >= since and word[1] is not HEALTHY]
        threading.Event().wait(0.2)
    engine.start("deployment")
    engine.until_alive("deployment")


def test_a_client_that_drops_and_has_its_breaker_open_is_said(engine):
    since = now()
    data = ClientReported(client="bot-7", dropped={"price.observed": 12}, breaker="open", version=None)
    Publisher(engine.broker).publish([Envelope(source="bot-7", id="r-1", time=since, data=data)])
    said = engine.until_said("trading", DEGRADED, since=since)
    assert "bot-7 (strategy main) has dropped events since its start: 12 price.observed" in said
    assert "has its breaker open" in said
    code, shown = engine.command()
    assert code > 0
    assert "trading: bot-7 runs its own defaults" in shown


def test_a_backlog_with_an_old_pending_entry_is_said(engine):
    ago = now() // 1_000 - 120_000
    engine.broker.xgroup_create("insight.published", "notebook", id="0", mkstream=True)
    for number in range(3):
        engine.broker.xadd("insight.published", {"event": "{}"}, id=f"{ago}-{number + 1}")
    since = now()
    engine.broker.xreadgroup("notebook", "one", {"insight.published": ">"}, count=2)
    said = engine.until_said("group.notebook", DEGRADED, since=since)
    assert "not read by notebook" in said or "handed out and not acknowledged by notebook" in said
    since = now()
    engine.broker.xgroup_destroy("insight.published", "notebook")
    engine.until_said("group.notebook", HEALTHY, since=since)


def test_a_group_that_will_never_come_back_is_said(engine):
    ago = now() // 1_000 - 2 * 86_400_000
    for number in range(2):
        engine.broker.xadd("params.updated", {"event": "{}"}, id=f"{ago}-{number + 1}")
    since = now()
    engine.broker.xgroup_create("params.updated", "left-behind", id="0")
    engine.broker.xreadgroup("left-behind", "one", {"params.updated": ">"}, count=1)
    engine.broker.xgroup_delconsumer("params.updated", "left-behind", "one")
    said = engine.until_said("group.left-behind", DEGRADED, since=since)
    assert "XGROUP DESTROY params.updated left-behind" in said
    engine.broker.xgroup_destroy("params.updated", "left-behind")


def test_a_store_that_is_locked_is_said_by_way_of_the_broker(engine):
    lock = sqlite3.connect(engine.file, isolation_level=None, timeout=30)
    since = now()
    lock.execute("BEGIN IMMEDIATE")
    try:
        assert "the store" in engine.until_said("store", CRITICAL, since=since)
        code, shown = engine.command()
        assert 2 == code
        assert "store critical" in shown
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    engine.settled("store", "attribution")


@pytest.mark.at_length
def test_a_store_that_was_moved_away_is_said_by_way_of_the_broker(engine):
    since = now()
    engine.file.rename(engine.folder / "away.db")
    try:
        assert "is not there" in engine.until_said("store", CRITICAL, since=since)
        code, shown = engine.command()
        assert 2 == code
        assert "is not there" in shown
        assert "learning_health_state" in engine.metrics()
    finally:
        (engine.folder / "away.db").rename(engine.file)
    engine.settled("store")


def test_a_broker_that_hangs_is_said_by_way_of_the_store(engine):
    pid = engine.server_pid()
    since = now()
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "the broker is away" in engine.until_said("broker", CRITICAL, since=since)
        code, shown = engine.command()
        assert 2 == code
        assert "broker critical" in shown
    finally:
        os.kill(pid, signal.SIGCONT)
    engine.settled("broker", "attribution", "cycles")


def test_a_broker_that_is_killed_is_said_by_way_of_the_store_and_is_well_when_it_is_back(engine):
    pid = engine.server_pid()
    since = now()
    os.kill(pid, signal.SIGKILL)
    said = engine.until_said("broker", CRITICAL, since=since)
    assert "of attribution," in said
    code, shown = engine.command()
    assert 2 == code
    assert "cannot be reached" in shown
    assert 'learning_health_state{part="broker"} 2.0' in engine.metrics()
    engine.server.stop()
    since = now()
    assert engine.url == engine.server.start()
    engine.until_said("broker", HEALTHY, since=since)
    engine.settled("attribution", "thompson", "deployment", "cron", "cycles")


@pytest.mark.at_length
def test_health_that_is_killed_is_missed_by_the_command_and_keeps_beginnings_when_it_is_back(engine):
    before = engine.beginnings(after=0)
    engine.kill("health")
    engine.until_command("health is silent")
    since = now()
    engine.start("health")
    after = engine.beginnings(after=since)
    assert before["broker"] == after["broker"] < since


@pytest.mark.at_length
def test_when_all_of_it_is_stopped_no_alarm_is_left_behind(engine):
    engine.settled("attribution", "thompson", "deployment", "cron", "cycles", "health", "store", "broker")
    since = now()
    for process in engine.processes.values():
        process.send_signal(signal.SIGTERM)
    for process in engine.processes.values():
        process.wait(20)
    for part in ("attribution", "thompson", "deployment", "cron", "cycles", "health", "store", "broker"):
        assert [] == [word for word in engine.words(part) if word[0] >= since and word[1] is CRITICAL], part
    engine.until_command("health is silent")


@pytest.mark.at_length
def test_workers_that_never_start_are_missed_and_health_starts_without_broker_and_store(tmp_path):
    lonely = Engine(tmp_path)
    try:
        lonely.server.stop()
        lonely.file.rename(tmp_path / "away.db")
        lonely.start("health", LEARNING_HEALTH_START_SECONDS="1")
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                if lonely.metrics().count('part="broker"} 2.0'):
                    break
            assert lonely.processes["health"].poll() is None
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        assert 'learning_health_state{part="store"} 2.0' in lonely.metrics()
        lonely.server.start()
        since = now()
        lonely.until_said("attribution", CRITICAL, since=since)
        assert "store critical" in lonely.command()[1]
        (tmp_path / "away.db").replace(lonely.file)
    finally:
        lonely.stop()


@pytest.mark.at_length
def test_a_broker_that_comes_back_empty_is_said_as_soon_as_it_answers(tmp_path):
    lonely = Engine(tmp_path)
    try:
        lonely.broker.xadd("alert.raised", {"event": "{}"})
        lonely.start("health")
        lonely.until_said("broker", HEALTHY, since=0, within=math.inf)
        os.kill(lonely.server_pid(), signal.SIGKILL)
        lonely.server.stop()
        (tmp_path / "redis" / "appendonly.aof").unlink()
        since = now()
        assert lonely.url == lonely.server.start()
        assert "came back without what it had: alert.raised reached" in lonely.until_said(
            "broker", DEGRADED, since=since
        )
    finally:
        lonely.stop()
