"""The brokers that the client is tried on: a real server, and the double in memory."""

import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from functools import partial

import msgspec
import pytest
from learning_client.testing import MemoryBroker
from redis import Redis, RedisError

from events.codec import encode
from events.server import find_server
from schemas.event import Envelope
from schemas.params import Change, ParamsUpdated
from schemas.version import Version

ON_REDIS = pytest.mark.parametrize("broker", ["redis"], indirect=True)
"""For what the double in memory need not do."""

NOW = 1_700_000_000_000_000


def wait_for(condition, *, within=10.0):
    """The first true answer of ``condition``."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
    return answer


class Wire:
    """What the tests ask of either broker."""

    def told(self, kind):
        """The data of every event in the stream ``kind``, as JSON has it, repeats left out."""
        entries = [msgspec.json.decode(fields[b"event"]) for _, fields in self.redis.xrange(kind)]
        return [event["data"] for event in {event["id"]: event for event in entries}.values()]

    def publish(self, version, *, after=None, stream=True, **damage):
        """What the engine does for a new version; ``damage`` replaces fields of the update."""
        with self.redis.pipeline() as together:
            together.set(f"params:{version.strategy}:snapshot", msgspec.json.encode(version))
            if stream:
                together.xadd("params.updated", {"event": self.body(version, after=after, **damage)})
            together.execute()

    def announce(self, version, *, after):
        """The update alone, without the snapshot key."""
        self.redis.xadd("params.updated", {"event": self.body(version, after=after)})

    def body(self, version, *, after, **damage):
        data = update(version, after, **damage)
        return encode(Envelope(source="engine", id=f"v{version.id}", time=NOW, data=data))


class MemoryKeys:
    """The keys and streams of a broker in memory, with the calls of redis-py that the tests make."""

    def __init__(self, broker):
        self._broker = broker

    def xrange(self, stream):
        return list(self._broker._streams.get(stream, []))

    def xlen(self, stream):
        return len(self.xrange(stream))

    def set(self, key, value):
        self._broker._keys[key] = value.encode() if isinstance(value, str) else value

    def delete(self, key):
        self._broker._keys.pop(key, None)
        self._broker._streams.pop(key, None)

    def xadd(self, stream, fields):
        with self._broker._changed:
            return self._broker._add(stream, {name.encode(): body for name, body in fields.items()})

    @contextmanager
    def pipeline(self):
        with self._broker._changed:
            yield self

    def execute(self):
        """All of it has happened already."""


class Memory(Wire):
    """The double of ``learning_client.testing``."""

    def __init__(self):
        self._broker = MemoryBroker()
        self.url = self._broker.url
        self.redis = MemoryKeys(self._broker)
        self.hang, self.wake, self.kill = self._broker.hang, self._broker.wake, self._broker.kill

    @contextmanager
    def refusing(self, how):
        """While this lasts every event is refused; there is one way here, for want of memory."""
        self._broker.fill()
        try:
            yield
        finally:
            self._broker.wake()

    def start(self):
        self._broker.start(forgets=True)


class Broker(Wire):
    """A real server on a port of its own, which keeps its port when it is killed and started again."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.redis = Redis(port=self._port)
        self._process = None
        self.start()

    def start(self):
        """Start it, where it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        words = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([find_server().path, *words], stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def hang(self):
        self._process.send_signal(signal.SIGSTOP)

    def wake(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()

    @contextmanager
    def refusing(self, how):
        """While this lasts every event is refused: ``OOM``, ``READONLY``, ``NOREPLICAS`` or ``MISCONF``."""
        set_to, usual = self.redis.config_set, partial(self.redis.config_set, "save", "")
        if how == "OOM":
            set_to("maxmemory", 1)
            usual = partial(set_to, "maxmemory", 0)
        elif how == "NOREPLICAS":
            set_to("min-replicas-to-write", 1)
            usual = partial(set_to, "min-replicas-to-write", 0)
        elif how == "READONLY":
            self.redis.replicaof("127.0.0.1", 1)
            usual = partial(self.redis.replicaof, "NO", "ONE")
        else:
            set_to("dir", "/proc")
            set_to("save", "3600 1")
            with suppress(RedisError):
                self.redis.bgsave()
            wait_for(lambda: self.redis.info("persistence")["rdb_last_bgsave_status"] == "err")
        try:
            yield
        finally:
            usual()
            set_to("dir", str(self._folder))

    def _answers(self):
        with suppress(RedisError):
            return self.redis.ping()
        return False


def update(version, after=None, **damage):
    before = after.values if after else {}
    changes = [
        Change(name=name, old=before.get(name, 0.0), new=value, reason="a test")
        for name, value in version.values.items()
        if before.get(name) != value
    ]
    return ParamsUpdated(
        **{
            "strategy": version.strategy,
            "epoch": version.epoch,
            "version": version.number,
            "previous": version.previous,
            "session": version.session,
            "regime": version.regime,
            "registry": version.registry,
            "changes": changes,
            "allocations": version.allocations,
            "checksum": version.checksum,
            **damage,
        }
    )


def a_version(number, *, epoch=1, threshold=0.7, allocations=(), strategy="main", **values):
    return Version(
        strategy=strategy,
        epoch=epoch,
        number=number,
        previous=f"{epoch}-{number - 1}" if number > 1 else None,
        session="2024-01-31",
        regime="all",
        registry="r",
        values={"threshold": threshold, "hold": 20, "style": "calm", **values},
        allocations=list(allocations),
    )
