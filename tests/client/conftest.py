"""A broker that can hang, die and come back, and the engine's side of the wire."""

import signal
import socket
import subprocess
import time
from contextlib import suppress

import msgspec
import pytest
from learning_client import EventPublisher, ParameterClient, Switches
from redis import Redis, RedisError

from events.codec import encode
from events.server import find_server
from schemas.event import Envelope
from schemas.params import Change, ParamsUpdated
from schemas.version import Version

NOW = 1_700_000_000_000_000


def wait_for(condition, *, within=10.0):
    """The first true answer of ``condition``."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
    return answer


class Broker:
    """A real server on a port of its own, which keeps its port when it is killed and started again."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.redis = Redis(port=self._port)
        self.start()

    def start(self):
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


@pytest.fixture
def eventually():
    return wait_for


@pytest.fixture
def version():
    return a_version


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("redis"))
    yield broker
    broker.wake()
    broker.kill()


@pytest.fixture
def broker(server, monkeypatch):
    """The server with nothing in it, and a client that loses patience and comes back soon."""
    monkeypatch.setattr("learning_client.connection.TIMEOUT_SECONDS", 0.6)
    monkeypatch.setattr("learning_client.connection.LONGEST_PAUSE", 0.2)
    monkeypatch.setattr("learning_client.follower.BLOCK_MS", 20)
    server.redis.flushall()
    return server


@pytest.fixture
def publisher(broker):
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(apply=True))
    yield publisher
    publisher.close(2.0)


@pytest.fixture
def params(broker, publisher):
    client = ParameterClient(
        broker.url,
        defaults={"threshold": 0.6, "hold": 10, "style": "calm"},
        bounds={"threshold": (0.5, 0.9)},
        publisher=publisher,
    )
    yield client
    client.close(2.0)
