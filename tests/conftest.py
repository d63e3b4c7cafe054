"""What several rooms need to be tested."""

import os
import shutil
from itertools import count
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from events.broker import EmbeddedBroker
from events.connection import connect
from store.store import Store
from tests import postgresql
from tests.databases import Reused, Stores

NOW = 1_700_000_000_000_000
"""The time on the store's clock, 2023-11-14 22:13:20 UTC in microseconds."""

PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
"""As the processes of the engine write them: the usual renderer takes seconds for the values of one traceback."""
structlog.configure(processors=[structlog.processors.add_log_level, PLAIN])

settings.register_profile("some", max_examples=30)
settings.register_profile("at_length", max_examples=100)
settings.load_profile("some")

FIRST = (
    "faults/test_health.py",
    "workers/test_brute_force.py",
    "workers/test_trade_log.py",
    "faults/test_pauses.py",
    "faults/test_ticks.py",
    "test_loop.py",
    "faults/test_kills.py",
    "faults/test_broker_loss.py",
    "workers/replay/test_command.py",
    "workers/processes/test_up.py",
    "workers/test_attribution_order.py",
    "bench/test_bench.py",
    "faults/test_suggestions.py",
    "statistics/test_null_learners.py",
    "statistics/test_replacements.py",
    "learning/test_improvement.py",
)
"""What takes longest, in the order in which it is begun: what is begun last should be short, or a core is idle."""


def pytest_collection_modifyitems(items):
    """The longest files first."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
    migrated_at(f"sqlite:///{file}")
    return file


def migrated_at(url):
    """The same URL, when there is a store at it."""
    store = Store.open(url, clock=lambda: NOW)
    store.migrate()
    store.close()
    return url


@pytest.fixture(scope="session")
def files(tmp_path_factory, migrated):
    """SQLite databases in files."""
    folder, numbers = tmp_path_factory.mktemp("stores"), count()
    made = Reused(lambda: f"sqlite:///{shutil.copy(migrated, folder / f'{next(numbers)}.db')}")
    yield made
    made.close()


@pytest.fixture
def sqlite_stores(tmp_path, files, migrated):
    """Makes empty SQLite stores, each a file of its own."""
    numbers = count()
    made = Stores(
        "sqlite",
        files,
        bare=lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db",
        new=lambda: f"sqlite:///{shutil.copy(migrated, tmp_path / f'{next(numbers)}.db')}",
    )
    yield made
    made.give_back()


@pytest.fixture
def sqlite_store(sqlite_stores):
    """An empty SQLite store at the newest schema. Its clock stands at NOW."""
    return sqlite_stores.fresh(lambda: NOW)


@pytest.fixture(scope="session")
def postgresql_server():
    """A PostgreSQL server; the test is skipped where there can be none."""
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(postgresql_server):
    """The address of an empty PostgreSQL store at the newest schema, to be copied."""
    return migrated_at(postgresql_server.create())


@pytest.fixture(scope="session")
def databases(postgresql_server, migrated_database):
    """PostgreSQL databases."""
    made = Reused(lambda: postgresql_server.create(like=migrated_database))
    yield made
    made.close()


@pytest.fixture
def postgresql_stores(postgresql_server, databases, migrated_database):
    """Makes empty PostgreSQL stores, each a database of its own."""
    made = Stores(
        "postgresql",
        databases,
        bare=postgresql_server.create,
        new=lambda: postgresql_server.create(like=migrated_database),
    )
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
