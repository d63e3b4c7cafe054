"""``learning db``: what people see, and what is there afterwards."""

import psycopg
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from events.heartbeat import Heartbeat
from store.errors import StoreUnavailable
from store.tables import alerts
from tests.conftest import NOW
from tests.workers.desk import Desk, Stream
from workers.cli import app


@pytest.fixture
def store(stores):
    return stores.apart(lambda: NOW)


@pytest.fixture
def place(tmp_path, monkeypatch, store):
    """A folder with a registry and the store, and no broker."""
    (tmp_path / "main.toml").write_text('strategy = "main"\n')
    for name in ("RQ_REDIS_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "main.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    return tmp_path


def run(*words):
    """What was written, and the exit code."""
    done = CliRunner().invoke(app, ["db", *map(str, words)])
    return done.output, done.exit_code


def alerts_of(store):
    with store.read() as reading:
        return reading.execute(select(func.count()).select_from(alerts)).scalar_one()


def test_what_was_backed_up_is_restored_and_says_what_happens_next(place, store):
    stream, desk = Stream(), Desk(store)
    desk.take(stream.alert("a", "2024-01-03 14:00"))
    said, code = run("backup", "copy")
    assert (0, True) == (code, f"copy: a copy of {store.place}" in said)
    desk.take(stream.alert("b", "2024-01-03 14:00"))
    store.close()

    said, code = run("restore", "copy")
    assert (1, True) == (code, "say --replace" in said)
    assert 2 == alerts_of(store)
    store.close()
    said, code = run("restore", "copy", "--replace")
    assert (0, True) == (code, "epoch 2 begins: deployment publishes a version of it when it starts" in said)
    assert 1 == alerts_of(store)
    assert 0 == run("check")[1]


def test_nothing_is_restored_while_the_engine_works_with_the_store(place, store, broker, redis_url, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    run("backup", "copy")
    Heartbeat(broker, part="thompson", consumer="here", prefix="").beat(b"{}", lasts=60)

    said, code = run("restore", "copy", "--replace")
    assert (1, True) == (code, "thompson:here work with the store; stop the engine" in said)


def test_a_broker_that_does_not_answer_holds_up_no_restore(place, store, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", "redis://127.0.0.1:1/0")
    run("backup", "copy")
    store.close()

    said, code = run("restore", "copy", "--replace")
    assert (0, True) == (code, "nobody knows which epoch trading is in" in said)


def test_the_epoch_is_later_than_that_of_what_the_broker_still_has(place, store, broker, redis_url, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    run("backup", "copy")
    broker.set("params:main:snapshot", b'{"epoch": 6}')
    store.close()
    assert "epoch 7 begins" in run("restore", "copy", "--replace")[0]


def test_a_schema_is_not_changed_under_a_working_engine(place, stores, store, broker, redis_url, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    Heartbeat(broker, part="thompson", consumer="here", prefix="").beat(b"{}", lasts=60)
    assert (0, True) == (run("upgrade")[1], "the schema is the newest" in run("upgrade")[0])
    monkeypatch.setenv("LEARNING_STORE_URL", stores.bare())

    said, code = run("upgrade")
    assert (1, True) == (code, "thompson:here work with the store; stop the engine" in said)
    assert 1 == run("check")[1]
    broker.delete("heartbeat:thompson:here")
    assert 0 == run("upgrade")[1]
    assert 0 == run("check")[1]


def test_a_broker_that_does_not_answer_holds_up_no_upgrade(place, stores, monkeypatch):
    monkeypatch.setenv("RQ_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("LEARNING_STORE_URL", stores.bare())
    said, code = run("upgrade")
    assert (0, True) == (code, "nobody knows whether the engine is stopped" in said)


def test_init_makes_the_schema_and_shows_the_grants(tmp_path, stores, monkeypatch):
    (tmp_path / "main.toml").write_text('strategy = "main"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_STORE_URL", stores.bare())

    said, code = run("init", "--role", 'an "odd" one')
    assert (0, True) == (code, "the schema is the newest" in said)
    assert 0 == run("check")[1]
    assert (stores.name == "postgresql") == ('GRANT USAGE ON SCHEMA "learning" TO "an ""odd"" one";' in said)


def test_a_role_that_was_granted_all_this_works_with_the_store_and_can_change_no_table(
    tmp_path, postgresql_stores, monkeypatch
):
    url = postgresql_stores.bare()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS granted")
        owner.execute("CREATE ROLE granted LOGIN")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_STORE_URL", url)
    assert 0 == run("init", "--role", "granted", "--grant")[1]

    store = postgresql_stores.opened(url.replace("learning@", "granted@", 1), lambda: NOW)
    store.check()
    store.migrate()
    stream = Stream()
    desk = Desk(store)
    desk.take(stream.alert("a", "2024-01-03 14:00"), stream.bar("2024-01-03", 100, 103, 98, 101))
    desk.take(stream.closed("2024-01-03"))
    desk.rest()
    assert ["2024-01-03"] == [session for _, session in desk.settled]
    for statement in ("DROP TABLE alerts", "CREATE TABLE learning.mine (x int)", "CREATE SCHEMA mine"):
        with pytest.raises(StoreUnavailable, match=r"permission denied|must be owner"), store.begin() as work:
            work.connection.exec_driver_sql(statement)
