"""What is told while the broker is away, hangs or forgets: nothing of it is lost."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from functools import partial
from pathlib import Path

import pytest
from learning_client import EventPublisher, ParameterClient, SpoolFolder, Switches
from learning_client.link import Link
from learning_client.segment import Segment
from learning_client.spool import Spool

from tests.client.brokers import ON_REDIS


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


def ids(broker, kind="alert.raised"):
    return [data["alert_id"] for data in broker.told(kind)]


def waits_on_disk(publisher, count):
    return publisher.stats().spooled == {"alert.raised": count}


def alerts(publisher, count):
    return [publisher.alert(symbol="AAPL", score=0.5) for _ in range(count)]


class Word(str):
    """Says when it is gone."""


@ON_REDIS
@pytest.mark.parametrize("away", ["hang", "kill"])
def test_nothing_is_kept_of_what_was_handed_over_while_the_broker_is_away(broker, away, eventually):
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    assert publisher.flush(20)
    getattr(broker, away)()
    alerts(publisher, 300)  # more than are taken in hand together
    word = Word("XNYS")
    handed_over = weakref.ref(word)
    publisher.alert(symbol="AAPL", score=0.5, venue=word)
    unwritable = publisher.alert(symbol="AAPL", score=0.5, venue=object())
    del word
    eventually(lambda: handed_over() is None)
    broker.wake() if away == "hang" else broker.start()
    assert publisher.close(20)
    assert ["XNYS"] == [data["venue"] for data in broker.told("alert.raised") if "venue" in data]
    assert unwritable not in ids(broker)
    assert {"alert.raised": 1} == publisher.stats().dropped
    assert {"alert.raised cannot be written": 1} == publisher.stats().troubles


def test_many_times_what_memory_holds_waits_on_disk_and_arrives_in_order(broker, publish, eventually):
    publisher = publish(capacity=400)
    states = []
    publisher.on_breaker(states.append)
    broker.kill()
    wanted = alerts(publisher, 300)
    eventually(lambda: publisher.stats().breaker == "open" and waits_on_disk(publisher, 300))
    for _ in range(10):
        wanted += alerts(publisher, 300)
        eventually(partial(waits_on_disk, publisher, len(wanted)))
    assert not publisher.flush(0.01)
    broker.start()
    assert publisher.flush(20)
    assert wanted == ids(broker)
    stats = publisher.stats()
    assert ({}, {}, "closed") == (stats.spooled, stats.dropped, stats.breaker)
    assert 3300 == stats.sent["alert.raised"]
    eventually(lambda: states[-1:] == ["closed"])
    assert {"open", "half_open", "closed"} == set(states)


def test_what_a_killed_process_could_not_send_is_sent_by_the_next_one(broker, publish, tmp_path):
    program = """
import sys, time
from learning_client import EventPublisher, SpoolFolder
publisher = EventPublisher(sys.argv[1], source="scanner", spool=SpoolFolder(path=sys.argv[2]))
told = [publisher.alert(symbol="AAPL", score=0.5) for _ in range(700)]
while publisher.stats().spooled.get("alert.raised") != 700:
    time.sleep(0.01)
print(*told, flush=True)
time.sleep(60)
"""
    broker.kill()
    words = [sys.executable, "-c", program, broker.url, str(tmp_path / "spool")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        told = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
    broker.start()
    assert publish().flush(20)
    assert 700 == len(told)
    assert told == ids(broker)


def test_a_burst_beyond_what_memory_holds_is_put_on_disk_in_time_and_arrives_in_order(
    broker, publish, eventually, monkeypatch
):
    publisher, gate, usual = publish(capacity=2_000), threading.Semaphore(0), Link.send

    def late(*words):
        gate.acquire(timeout=20)
        return usual(*words)

    with monkeypatch.context() as patched:
        patched.setattr("learning_client.link.Link.send", late)
        wanted = alerts(publisher, 1_900)
        gate.release()
        eventually(lambda: publisher.stats().spooled)
        eventually(lambda: publisher.sender._outbox.told <= 1_000)
        wanted += alerts(publisher, 900)
    gate.release(1_000)
    assert publisher.flush(20)
    assert wanted == ids(broker)
    assert ({}, {}) == (publisher.stats().dropped, publisher.stats().troubles)


@ON_REDIS
def test_a_burst_is_put_on_disk_also_while_the_broker_hangs_and_is_not_found_out(
    broker, publish, eventually, monkeypatch
):
    monkeypatch.setattr("learning_client.connection.TIMEOUT_SECONDS", 60.0)
    publisher = publish(capacity=2_000)
    wanted = alerts(publisher, 1)
    assert publisher.flush(10)
    broker.hang()
    for _ in range(3):
        wanted += alerts(publisher, 900)
        eventually(lambda: publisher.sender._outbox.told <= 1_000)
    assert "closed" == publisher.stats().breaker
    broker.wake()
    assert publisher.flush(20)
    assert wanted == ids(broker)
    assert ({}, {}) == (publisher.stats().dropped, publisher.stats().troubles)


def test_what_is_left_at_the_end_of_a_program_is_sent_by_the_next_one(broker, publish, eventually):
    first = publish()
    broker.hang()
    told = alerts(first, 50)
    assert not first.close(0.2)
    assert waits_on_disk(first, 50)
    broker.wake()
    eventually(lambda: not first.sender._background._thread.is_alive())
    assert publish().flush(20)
    assert told == ids(broker)


def test_what_another_process_leaves_is_taken_over_by_one_that_is_running(broker, publish, eventually, monkeypatch):
    monkeypatch.setattr("learning_client.sender.REPORT_SECONDS", 0.2)
    first, second = publish(), publish()
    assert second.flush(10)
    broker.hang()
    told = alerts(first, 50)
    first.close(0.1)
    broker.wake()
    eventually(lambda: told == ids(broker))


def test_a_broker_that_starts_anew_without_the_last_seconds_gets_them_again(broker, publish):
    publisher = publish()
    told = alerts(publisher, 1_200)
    assert publisher.flush(10)
    broker.kill()
    broker.start()
    told += alerts(publisher, 1)
    assert publisher.flush(20)
    assert sorted(told) == sorted(ids(broker))
    assert 1_201 == publisher.stats().sent["alert.raised"]


def test_what_a_broker_forgot_is_sent_again_however_long_it_was_away(broker, publish, monkeypatch, eventually):
    monkeypatch.setattr("learning_client.acknowledged.SECONDS", 0.5)
    publisher = publish()
    told = alerts(publisher, 10)
    assert publisher.flush(10)
    broker.kill()
    died = time.monotonic()
    told += alerts(publisher, 1)
    eventually(lambda: time.monotonic() - died > 0.7 and waits_on_disk(publisher, 1))
    broker.start()
    assert publisher.flush(20)
    assert sorted(told) == sorted(ids(broker))


def test_what_a_broker_forgot_waits_on_disk_where_it_takes_nothing_and_is_counted_once(broker, publish, eventually):
    publisher = publish()
    told = alerts(publisher, 20)
    assert publisher.flush(10)
    broker.kill()
    broker.start()
    with broker.refusing("OOM"):
        told += alerts(publisher, 1)
        eventually(lambda: publisher.stats().spooled.get("alert.raised") == 21)
    assert publisher.flush(20)
    assert sorted(told) == sorted(ids(broker))
    assert 21 == publisher.stats().sent["alert.raised"]


def test_what_waits_for_one_environment_never_goes_to_another(broker, publish):
    broker.kill()
    for source, prefix in (("scanner", "paper:"), ("scanner-paper", "")):
        left = publish(source, prefix=prefix)
        alerts(left, 5)
        left.close(0.5)
    broker.start()
    publisher = publish()
    told = alerts(publisher, 3)
    assert publisher.flush(10)
    publisher.close(5)
    assert told == ids(broker)


@pytest.mark.parametrize(
    ("other", "same"), [("?db=0", True), ("/0", True), ("", True), ("?db=1", False), ("/0?db=1", False), ("/1", False)]
)
def test_what_waits_belongs_to_one_database_however_it_is_written(tmp_path, eventually, other, same):
    for database in ("/0", other):
        spool = SpoolFolder(path=str(tmp_path))
        away = EventPublisher(f"redis://127.0.0.1:1{database}", source="scanner", switches=Switches(), spool=spool)
        away.alert(symbol="AAPL", score=0.5)
        eventually(lambda away=away: away.stats().spooled.get("alert.raised"))
        away.close(0.5)
    assert (1 if same else 2) == len({file.name.rpartition("-")[0] for file in tmp_path.iterdir()})


def test_a_log_that_raises_ends_nothing(broker, publish, eventually, monkeypatch):
    publisher = publish()
    told = alerts(publisher, 1)
    assert publisher.flush(10)

    def refuse(*_):
        raise RuntimeError("a filter of the program")

    monkeypatch.setattr("learning_client.background.log.warning", refuse)
    broker.kill()
    told += alerts(publisher, 10)
    eventually(lambda: publisher.stats().troubles)
    broker.start()
    assert publisher.flush(20)
    assert sorted(told) == sorted(ids(broker))


@pytest.mark.at_length
def test_whoever_closes_too_soon_finds_every_event_at_the_broker_or_on_disk(broker, publish, eventually):
    told = []
    for _ in range(8):
        publisher = publish()
        told += alerts(publisher, 4_000)
        publisher.close(0.02)
        eventually(lambda thread=publisher.sender._background._thread: not thread.is_alive(), within=60)
    last = publish()
    assert last.flush(60)
    last.close(5)
    assert set(told) == set(ids(broker))


@ON_REDIS
def test_a_stream_that_went_back_is_seen_without_any_right_to_ask_for_the_servers_run(broker, publish, monkeypatch):
    monkeypatch.setattr("learning_client.link.QUIET_SECONDS", 0.0)
    broker.redis.execute_command("ACL", "SETUSER", "default", "-info")
    try:
        publisher = publish()
        told = alerts(publisher, 600)
        assert publisher.flush(10)
        broker.redis.xtrim("alert.raised", maxlen=0)
        broker.redis.execute_command("XSETID", "alert.raised", "0-0")
        broker.redis.client_kill_filter(_type="normal", skipme=True)
        told += alerts(publisher, 1)
        assert publisher.flush(20)
        assert sorted(told) == sorted(ids(broker))
    finally:
        broker.redis.execute_command("ACL", "SETUSER", "default", "+info")


@ON_REDIS
def test_a_connection_that_breaks_alone_makes_nothing_come_twice(broker, publish):
    publisher = publish()
    alerts(publisher, 600)
    assert publisher.flush(10)
    broker.redis.client_kill_filter(_type="normal", skipme=True)
    alerts(publisher, 1)
    assert publisher.flush(20)
    assert 601 == broker.redis.xlen("alert.raised")


def test_a_forked_child_spools_into_a_part_of_its_own(broker, publish, eventually):
    publisher = publish()
    broker.kill()
    told = alerts(publisher, 10)
    eventually(lambda: publisher.stats().spooled == {"alert.raised": 10})
    told_read, told_write = os.pipe()
    if not (child := os.fork()):
        mine = [publisher.alert(symbol="MSFT", score=0.5) for _ in range(5)]
        eventually(lambda: publisher.stats().spooled == {"alert.raised": 5})
        os.write(told_write, " ".join(mine).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    of_child = os.read(told_read, 10_000).decode().split()
    assert 5 == len(of_child)
    broker.start()
    assert publisher.flush(20)
    assert told == ids(broker)
    publisher.close(5)
    assert publish().flush(20)
    assert told + of_child == ids(broker)


def test_a_folder_that_cannot_be_written_costs_only_the_spool(broker, tmp_path):
    (tmp_path / "spool").write_text("a file")
    publisher = EventPublisher(
        broker.url, source="scanner", switches=Switches(), spool=SpoolFolder(path=str(tmp_path / "spool"))
    )
    told = alerts(publisher, 10)
    assert publisher.flush(10)
    assert told == ids(broker)
    assert ["there is no spool"] == list(publisher.stats().troubles)
    assert publisher.close(5)


def test_a_disk_that_takes_nothing_leaves_what_waits_in_memory(broker, publish, eventually, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("learning_client.segment.Segment.append", full)
    publisher = publish()
    broker.kill()
    told = alerts(publisher, 900)
    eventually(lambda: publisher.stats().breaker == "open" and publisher.stats().troubles)
    told += alerts(publisher, 100)
    assert 1_000 == publisher.stats().queued
    broker.start()
    assert publisher.flush(20)
    assert sorted(told) == sorted(ids(broker))


def test_a_disk_that_fills_while_the_spool_is_emptied_loses_nothing(tmp_path, monkeypatch):
    switches = Switches(integration=False)
    publisher = EventPublisher(
        "redis://127.0.0.1:1/0",
        source="scanner",
        switches=switches,
        capacity=1_000,
        spool=SpoolFolder(path=str(tmp_path)),
    )
    sender, outbox = publisher.sender, publisher.sender._outbox
    outbox.find_spool()
    for place in range(900):
        said = {"alert_id": str(place), "symbol": "A", "score": 0.5}
        sender.tell("alert.raised", said, None, 0, 0, None)
        if place == 299:
            outbox.put_aside()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("learning_client.segment.Segment.append", full)
    outbox.fill_hand(500)
    assert ({"alert.raised": 300}, 600) == (publisher.stats().spooled, publisher.stats().queued)
    publisher.close(1)


def test_what_a_full_disk_did_not_take_leaves_after_what_it_had_taken(broker, publish, eventually, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    publisher = publish()
    broker.kill()
    told = alerts(publisher, 700)
    eventually(lambda: waits_on_disk(publisher, 700))
    monkeypatch.setattr("learning_client.segment.Segment.append", full)
    told += alerts(publisher, 300)
    eventually(lambda: publisher.stats().troubles)
    broker.start()
    assert publisher.flush(20)
    assert told == ids(broker)


def test_what_a_full_disk_did_not_take_is_put_behind_what_it_had_taken_at_the_end(
    broker, publish, eventually, monkeypatch
):
    usual, takes = Segment.append, threading.Event()

    def full(*words):
        if not takes.is_set():
            raise OSError(28, "No space left on device")
        usual(*words)

    first = publish()
    broker.kill()
    told = alerts(first, 200)
    eventually(lambda: waits_on_disk(first, 200))
    monkeypatch.setattr("learning_client.segment.Segment.append", full)
    told += alerts(first, 100)
    eventually(lambda: first.stats().troubles)
    takes.set()
    assert not first.close(1)
    broker.start()
    assert publish().flush(20)
    assert told == ids(broker)


@ON_REDIS
def test_a_user_with_no_more_rights_than_the_page_says_may_tell_and_read(broker, tmp_path, version, eventually):
    page = (Path(__file__).parents[2] / "client" / "README.md").read_text()
    rights = re.search(r"needs `(\+xadd [^`]*)`", page)[1].split()
    broker.redis.execute_command("ACL", "SETUSER", "trader", "on", ">secret", "~*", "-@all", *rights)
    url = broker.url.replace("redis://", "redis://trader:secret@")
    broker.publish(version(1))
    publisher = EventPublisher(
        url, source="scanner", switches=Switches(apply=True), spool=SpoolFolder(path=str(tmp_path))
    )
    params = ParameterClient(url, defaults={"threshold": 0.6}, publisher=publisher)
    params.start()
    eventually(lambda: "1-1" == params.snapshot().version)
    told = alerts(publisher, 10)
    assert publisher.flush(10)
    broker.redis.client_kill_filter(_type="normal", skipme=True)
    told += alerts(publisher, 10)
    assert publisher.flush(10)
    assert told == ids(broker)
    assert {} == publisher.stats().troubles
    params.close(1)
    publisher.close(1)


@pytest.mark.parametrize(
    ("broker", "how"),
    [("redis", "OOM"), ("redis", "READONLY"), ("redis", "NOREPLICAS"), ("redis", "MISCONF"), ("memory", "OOM")],
    indirect=["broker"],
)
def test_a_broker_that_answers_and_takes_nothing_keeps_the_breaker_open_until_it_takes_an_event(
    broker, publish, eventually, caplog, how
):
    caplog.set_level(logging.INFO, "learning_client")
    publisher, states = publish(), []
    told = alerts(publisher, 1)
    assert publisher.flush(10)
    publisher.on_breaker(states.append)
    with broker.refusing(how):
        told += alerts(publisher, 10)
        eventually(lambda: states.count("half_open") > 4)
        told += alerts(publisher, 10)
        eventually(lambda: waits_on_disk(publisher, 20))
        assert {"open", "half_open"} == set(states)
        assert not publisher.stats().connected
    assert publisher.flush(20)
    assert told == ids(broker)
    eventually(lambda: states[-1:] == ["closed"])
    assert 1 == states.count("closed") == caplog.text.count("the broker is back")


def test_a_callback_that_raises_or_blocks_holds_up_nothing(broker, publish, eventually):
    publisher = publish()
    blocked, go_on = threading.Event(), threading.Event()

    def block(state):
        blocked.set()
        go_on.wait(20)

    publisher.on_breaker(lambda state: 1 / 0)
    publisher.on_breaker(block)
    broker.kill()
    told = alerts(publisher, 10)
    assert blocked.wait(10)
    broker.start()
    assert publisher.flush(20)
    assert told == ids(broker)
    go_on.set()
    assert [1] == [count for kind, count in publisher.stats().troubles.items() if "callback" in kind]


def test_a_storm_that_is_faster_than_the_disk_does_not_silence_a_healthy_broker(
    broker, publish, monkeypatch, eventually
):
    """Whatever is moved, more was told meanwhile."""
    append, over = Spool.append, threading.Event()

    def slow(spool, waiting):
        if not over.is_set():
            alerts(publisher, len(waiting) + 10)
        return append(spool, waiting)

    monkeypatch.setattr(Spool, "append", slow)
    publisher = publish(capacity=2_000)
    alerts(publisher, 1_500)
    eventually(lambda: publisher.stats().sent.get("alert.raised", 0) > 100)
    over.set()
    assert publisher.flush(60)


def test_what_is_told_while_a_broker_that_was_away_is_probed_is_on_disk_at_once(tmp_path, eventually):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{held.getsockname()[1]}/0"
        publisher = EventPublisher(url, source="scanner", switches=Switches(), spool=SpoolFolder(path=tmp_path))
        alerts(publisher, 1)
        eventually(lambda: publisher.stats().breaker == "open")
        held.listen()
        with held.accept()[0]:  # and never says anything, for which the probe waits five seconds
            alerts(publisher, 10)
            eventually(lambda: waits_on_disk(publisher, 11), within=2)
            assert "half_open" == publisher.stats().breaker
        publisher.close(0.5)


def test_a_flush_of_nothing_does_not_wait(broker, publish):
    """Whether the thread has just begun, or rests already."""
    for _ in range(5):
        publisher, began = publish(), time.monotonic()
        assert publisher.flush(20)
        assert publisher.flush(20)
        assert time.monotonic() - began < 10


class Stubborn:
    """Takes its time to say that it stands for nothing."""

    def item(self):
        time.sleep(0.1)
        raise TypeError("nothing")


def test_a_flush_does_not_wait_for_what_cannot_be_written(broker):
    publisher, began = EventPublisher(broker.url, source="scanner", switches=Switches()), time.monotonic()
    for _ in range(3):
        publisher.alert(symbol="AAPL", score=0.5, venue=Stubborn())
        assert publisher.flush(20)
    assert time.monotonic() - began < 10
    assert {"alert.raised": 3} == publisher.stats().dropped
    assert publisher.close(5)
