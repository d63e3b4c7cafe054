import sys

import pytest
from learning_client.compat import Learner, Published, install

OLD_NAME = "src.learning.parameter_learning"


@pytest.fixture
def broker(server, monkeypatch):
    """A real server with nothing in it: the engine publishes there what the double knows nothing of."""
    monkeypatch.setattr("learning_client.connection.LONGEST_PAUSE", 0.2)
    monkeypatch.setattr("learning_client.follower.BLOCK_MS", 20)
    server.redis.flushall()
    return server


@pytest.fixture
def published(broker, publisher, monkeypatch):
    monkeypatch.setattr("learning_client.compat.published.EVERY_SECONDS", 0.02)
    published = Published(broker.url, switches=publisher.switches)
    published.start()
    yield published
    published.close(2.0)


@pytest.fixture
def learner(publisher, params, published):
    return Learner(publisher, params, published)


@pytest.fixture
def modules():
    """What is imported, as it is again afterwards."""
    before = dict(sys.modules)
    yield sys.modules
    for name in set(sys.modules) - set(before):
        if name.partition(".")[0] in {"src", "bot", "broken"}:
            del sys.modules[name]


@pytest.fixture
def old(learner, modules):
    """The module under its old name."""
    return install(OLD_NAME, learner)
