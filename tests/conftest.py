"""What several rooms need to be tested."""

import os
from pathlib import Path

import pytest

from events.broker import EmbeddedBroker
from events.connection import connect
from store.store import Store
from tests import postgresql
from tests.databases import Databases, PostgresqlStores, SqliteStores

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


@pytest.fixture(scope="session")
def databases():
    """The databases of a PostgreSQL server; the test is skipped where there can be none."""
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.server() as server:
        yield Databases(server)


@pytest.fixture
def sqlite_stores(tmp_path, migrated):
    """Makes empty SQLite stores, each a file of its own."""
    made = SqliteStores(tmp_path, migrated)
    yield made
    made.give_back()


@pytest.fixture
def sqlite_store(sqlite_stores):
    """An empty SQLite store at the newest schema. Its clock stands at NOW."""
    return sqlite_stores.fresh(lambda: NOW)


@pytest.fixture
def postgresql_stores(databases):
    """Makes empty PostgreSQL stores, each a database of its own."""
    made = PostgresqlStores(databases)
    yield made
    made.give_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request):
    """Makes empty stores, on each of the two databases: ``fresh(clock)`` is one, ``give_back()`` closes them."""
    return request.getfixturevalue(f"{request.param}_stores")


@pytest.fixture
def store(stores):
    """An empty store at the newest schema, on each of the two databases. Its clock stands at NOW."""
    return stores.fresh(lambda: NOW)
