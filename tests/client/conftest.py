"""A broker that can hang, die and come back, and the engine's side of the wire."""

import pytest
from learning_client import EventPublisher, ParameterClient, SpoolFolder, Switches

from tests.client.brokers import Broker, Memory, a_version, wait_for


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


@pytest.fixture(params=["redis", "memory"])
def broker(request, monkeypatch):
    """The server with nothing in it, or the double; and a client that loses patience and comes back soon."""
    monkeypatch.setattr("learning_client.connection.TIMEOUT_SECONDS", 0.6)
    monkeypatch.setattr("learning_client.connection.LONGEST_PAUSE", 0.2)
    monkeypatch.setattr("learning_client.follower.BLOCK_MS", 20)
    if request.param == "memory":
        return Memory()
    server = request.getfixturevalue("server")
    server.wake()
    server.redis.flushall()
    return server


@pytest.fixture
def publisher(broker):
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(apply=True))
    yield publisher
    publisher.close(2.0)


@pytest.fixture
def publish(broker, tmp_path):
    """Makes publishers that share a spool folder."""
    made = []

    def one(source="scanner", **more):
        made.append(
            EventPublisher(
                broker.url,
                source=source,
                switches=Switches(),
                spool=SpoolFolder(path=str(tmp_path / "spool")),
                **more,
            )
        )
        return made[-1]

    yield one
    for publisher in made:
        publisher.close(0.1)


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
