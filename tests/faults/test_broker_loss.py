"""The broker dies, comes back empty or without its last second, and loses its groups; the store remains the truth."""

import os
import random
import shutil
import signal
import threading

import pytest

from events.broker import EmbeddedBroker
from events.connection import connect
from tests.faults.engine import WORKERS


class Broker:
    """A server of its own that loses what it is told to lose, and is back at the same address."""

    def __init__(self, folder):
        self._folder = folder
        self._aside = folder / "aside"
        self._server = EmbeddedBroker(folder, env_file=folder / "broker.env")
        self.url = self._server.start()
        self.redis = connect(self.url)

    def die(self):
        """Killed, and back with all that it had written."""
        self._restart(lambda: None)

    def forget(self):
        """Killed, and back with nothing."""
        self._restart(self._clear)

    def remember(self):
        """What a copy that is a second behind has by now."""
        shutil.copytree(self._folder / "redis", self._aside, dirs_exist_ok=True)

    def fail_over(self):
        """Killed, and back with what it had when it was asked to remember."""
        self._restart(self._take_back)

    def lose_groups(self):
        """Nobody has read anything, as far as the broker knows."""
        for key in self.redis.scan_iter(_type="stream"):
            for group in self.redis.xinfo_groups(key):
                self.redis.xgroup_destroy(key, group["name"])

    def close(self):
        self.redis.close()
        self._server.stop()

    def _restart(self, lose):
        os.kill(int(self.redis.info("server")["process_id"]), signal.SIGKILL)
        self._server.stop()
        self.redis.connection_pool.disconnect()
        lose()
        assert self.url == self._server.start()

    def _clear(self):
        for left in (self._folder / "redis").glob("append*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def _take_back(self):
        self._clear()
        for kept in self._aside.glob("append*"):
            here = self._folder / "redis" / kept.name
            shutil.copytree(kept, here) if kept.is_dir() else shutil.copy(kept, here)


@pytest.fixture
def own_broker(tmp_path):
    made = Broker(tmp_path)
    yield made
    made.close()


@pytest.fixture
def engine(engines, shows, own_broker):
    engine = engines(shows(), broker=own_broker.redis, redis_url=own_broker.url)
    for name in WORKERS:
        engine.mortal(name)
    engine.until_begun()
    return engine


def live(engine, troubles):
    """Live through the scene with troubles on the way, each a little while after trading has said something."""
    dice = random.Random(3)
    every = len(engine.scene.portions) // len(troubles)
    left = list(troubles)
    for number, portion in enumerate(engine.scene.portions):
        engine.tell(portion)
        threading.Event().wait(dice.uniform(0.0, 0.4))
        if left and number % every == every - 1:
            left.pop(0)()
    assert [] == left


def test_a_broker_that_dies_and_loses_its_groups_changes_nothing(engine, shows, own_broker, inquire):
    live(engine, [own_broker.die, own_broker.lose_groups] * 2)
    inquire("broker killed, groups deleted", engine, shows(), kills=2)


def test_what_a_broker_forgets_is_put_back_or_taken_from_the_store(engine, shows, own_broker, inquire):
    def fail_over():
        own_broker.remember()
        engine.tell(*engine.scene.portions[6:8])
        threading.Event().wait(1.0)
        own_broker.fail_over()
        engine.until_announced()

    def forget():
        own_broker.forget()
        engine.until_announced()

    live(engine, [fail_over, forget])
    engine.tell(*engine.scene.portions)
    inquire("broker failed over, then empty", engine, shows(), kills=2, lossy=True)


@pytest.mark.at_length
def test_a_broker_that_dies_again_and_again_changes_nothing(engine, shows, own_broker, inquire):
    live(engine, [own_broker.die] * 12)
    inquire("broker killed", engine, shows(), kills=12)


@pytest.mark.at_length
def test_groups_that_are_deleted_again_and_again_change_nothing(engine, shows, own_broker, inquire):
    live(engine, [own_broker.lose_groups] * 12)
    inquire("groups deleted", engine, shows(), kills=0)


@pytest.mark.at_length
def test_a_broker_that_forgets_everything_again_and_again_is_made_good(engine, shows, own_broker, inquire):
    live(engine, [own_broker.forget] * 6)
    engine.tell(*engine.scene.portions)
    inquire("broker empty", engine, shows(), kills=6, lossy=True)


@pytest.mark.at_length
def test_a_broker_that_loses_its_last_second_again_and_again_is_made_good(engine, shows, own_broker, inquire):
    troubles = [own_broker.remember, own_broker.fail_over] * 6
    live(engine, troubles)
    engine.tell(*engine.scene.portions)
    inquire("broker failed over", engine, shows(), kills=6, lossy=True)
