"""What several rooms need to be tested."""

import os
import shutil
from pathlib import Path

import pytest

from events.broker import EmbeddedBroker
from events.connection import connect
from store.store import Store

NOW = 1_700_000_000_000_000
"""The time on the store's clock, 2023-11-14 22:13:20 UTC in microseconds."""


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """The address of a real server on a free port. LEARNING_TEST_REDIS_SERVER names another program than the usual."""
    program = os.environ.get("LEARNING_TEST_REDIS_SERVER")
    server = EmbeddedBroker(tmp_path_factory.mktemp("broker"), server=Path(program) if program else None)
    yield server.start()
    server.stop()


@pytest.fixture
def redis_url(redis_server):
    """The address of a real server that holds nothing."""
    with connect(redis_server) as redis:
        redis.flushall()
    return redis_server


@pytest.fixture
def broker(redis_url):
    """A connection to a real server that holds nothing."""
    with connect(redis_url) as redis:
        yield redis


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """The file of an empty store at the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("store") / "learning.db"
    store = Store.open(f"sqlite:///{file}", clock=lambda: NOW)
    store.migrate()
    store.close()
    return file


@pytest.fixture
def store(tmp_path, migrated):
    """An empty store in a file of its own, at the newest schema. Its clock stands at NOW."""
    opened = Store.open(f"sqlite:///{shutil.copy(migrated, tmp_path)}", clock=lambda: NOW)
    yield opened
    opened.close()
