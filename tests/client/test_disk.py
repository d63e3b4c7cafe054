"""A disk that does not answer, is full for a moment, or cannot be read: trading and the broker never notice."""

import subprocess
import sys
import threading
import time

import pytest
from learning_client import EventPublisher, SpoolFolder, Switches
from learning_client.disk import Disk, DiskHangs

from tests.client.alerts import alerts, ids

STEPS = ["slot.Slot._first_free", "segment.Segment.append", "spool.Spool.take", "spool.Spool.close"]


class Hanging:
    """A step of the client on the disk that waits, while it ``hangs``, as in the kernel for a device."""

    def __init__(self, monkeypatch, step):
        holder, _, name = step.rpartition(".")
        module, _, kind = holder.partition(".")
        usual = getattr(getattr(__import__(f"learning_client.{module}", fromlist=["x"]), kind), name)
        self.reached, self._free = threading.Event(), threading.Event()
        self.outlasted = False

        def hang(*words):
            self.reached.set()
            self.outlasted = not self._free.wait(30)
            return usual(*words)

        monkeypatch.setattr(f"learning_client.{step}", hang)

    def answers(self):
        self._free.set()


@pytest.fixture
def hanging(monkeypatch):
    made = []

    def hang(step):
        made.append(Hanging(monkeypatch, step))
        return made[-1]

    monkeypatch.setattr("learning_client.disk.PATIENCE_SECONDS", 0.2)
    yield hang
    for each in made:
        each.answers()


@pytest.fixture
def publish(broker, tmp_path):
    """Makes the publisher."""
    made = []

    def one():
        spool = SpoolFolder(path=str(tmp_path))
        made.append(EventPublisher(broker.url, source="scanner", switches=Switches(), spool=spool, capacity=2_000))
        return made[-1]

    yield one
    broker.start()
    for publisher in made:
        publisher.close(1)


@pytest.mark.parametrize(
    ("broker", "step"), [*[("memory", step) for step in STEPS], ("redis", STEPS[1])], indirect=["broker"]
)
def test_neither_closing_nor_any_call_waits_for_a_disk_that_hangs(broker, hanging, publish, eventually, step):
    hang, publisher = hanging(step), publish()
    broker.kill()
    alerts(publisher, 600)
    eventually(lambda: publisher.stats().breaker == "open" or publisher.stats().troubles)
    alerts(publisher, 100)
    assert not publisher.flush(0.1)
    assert not publisher.close(0.3)
    assert not hang.outlasted


def test_who_closes_is_not_told_that_nothing_was_left_while_nobody_knows(broker, hanging, publish, eventually):
    hanging(STEPS[0])
    publisher = publish()
    told = alerts(publisher, 1)
    eventually(lambda: set(told) <= set(ids(broker)))
    assert not publisher.close(1)


@pytest.mark.parametrize("step", STEPS[:2])
def test_while_the_disk_hangs_the_broker_gets_everything_from_memory(broker, hanging, publish, eventually, step):
    hang, publisher = hanging(step), publish()
    broker.kill()
    told = alerts(publisher, 1_000)
    assert hang.reached.wait(20)
    eventually(lambda: publisher.stats().troubles.get("the disk hangs"))
    told += alerts(publisher, 200)
    broker.start()
    eventually(lambda: set(told) == set(ids(broker)), within=20)
    assert publisher.stats().troubles["the disk hangs"] <= 3  # once for each time, not for each turn
    hang.answers()
    told += alerts(publisher, 10)
    assert publisher.flush(20)
    assert set(told) == set(ids(broker))
    eventually(lambda: not publisher.stats().spooled)  # what was late is there twice
    assert {} == publisher.stats().dropped


def test_what_a_disk_that_hung_had_to_give_is_sent_when_it_answers(broker, hanging, publish, eventually):
    hang, publisher = hanging("spool.Spool.take"), publish()
    broker.kill()
    told = alerts(publisher, 900)
    eventually(lambda: publisher.stats().spooled == {"alert.raised": 900})
    broker.start()
    assert hang.reached.wait(20)
    told += alerts(publisher, 10)
    eventually(lambda: told[-10:] == ids(broker))
    hang.answers()
    assert publisher.flush(20)
    assert set(told) == set(ids(broker))
    eventually(lambda: not publisher.stats().spooled)


def test_a_damaged_file_that_a_process_left_is_named_and_the_rest_is_sent(broker, publish, tmp_path, eventually):
    broker.kill()
    first, second = publish(), publish()
    told = []
    for publisher in (first, second):
        told.append(alerts(publisher, 5))
        eventually(lambda publisher=publisher: publisher.stats().spooled == {"alert.raised": 5})
    for publisher in (second, first):
        publisher.close(0.5)
    file = min(tmp_path.rglob("*.facts"), key=lambda one: one.name)
    content = bytearray(file.read_bytes())
    content[-1] ^= 64
    file.write_bytes(content)
    broker.start()
    last = publish()
    assert last.flush(20)
    assert told[0][:4] + told[1] == ids(broker)
    [(name, count)] = last.stats().unreadable.items()
    assert name.startswith(file.stem) and name.endswith(".unreadable")
    assert last.close(5)
    assert {name: count} == broker.told("client.reported")[-1]["unreadable"]
    assert [content] == [aside.read_bytes() for aside in tmp_path.rglob("*.unreadable")]


def test_a_program_leaves_in_time_while_the_disk_hangs(tmp_path):
    program = """
import sys, threading
from learning_client import EventPublisher, SpoolFolder, segment
hangs = threading.Event()
def hang(*_):
    hangs.set()
    threading.Event().wait()
segment.Segment.append = hang
publisher = EventPublisher("redis://127.0.0.1:1/0", source="scanner", spool=SpoolFolder(path=sys.argv[1]))
publisher.alert(symbol="AAPL", score=0.5)
assert hangs.wait(30)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=30, check=False)
    assert 0 == ended.returncode


def test_work_that_is_late_is_handed_over_once_to_whoever_asks_next():
    disk, free, given = Disk(), threading.Event(), []
    with pytest.raises(DiskHangs):
        disk.do(lambda: free.wait(20), given.append, until=0.0)
    with pytest.raises(DiskHangs):
        disk.do(lambda: "never begun", given.append)
    assert ([], True) == (given, disk.hangs)
    free.set()
    disk.do(lambda: "next", given.append, until=time.monotonic() + 20)
    assert ([True, "next"], False) == (given, disk.hangs)
    disk.end()


def test_what_late_work_has_raised_is_raised_for_whoever_asks_next():
    disk, free = Disk(), threading.Event()

    def fail():
        free.wait(20)
        raise OSError("the disk is gone")

    with pytest.raises(DiskHangs):
        disk.do(fail, print, until=0.0)
    free.set()
    with pytest.raises(OSError, match="gone"):
        disk.catch_up(until=time.monotonic() + 20)
    disk.catch_up()
    disk.end()
