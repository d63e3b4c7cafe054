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

from tests.client.alerts import alerts, ids, waits_on_disk
from tests.client.brokers import ON_REDIS


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
