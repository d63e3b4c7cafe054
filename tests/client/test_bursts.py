"""More is told at once than memory holds, or than the disk takes: nothing of it is lost, and no broker silenced."""

import threading

from learning_client.link import Link
from learning_client.spool import Spool

from tests.client.alerts import alerts, ids
from tests.client.brokers import ON_REDIS


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


@ON_REDIS
def test_what_was_put_aside_while_it_was_sent_may_come_twice_and_is_counted_once(
    broker, publish, eventually, monkeypatch
):
    monkeypatch.setattr("learning_client.link.QUIET_SECONDS", 60.0)
    publisher = publish(capacity=100)
    alerts(publisher, 1)
    assert publisher.flush(10)
    broker.hang()
    alerts(publisher, 10)
    eventually(lambda: not publisher.sender._outbox.told)  # they are being sent
    alerts(publisher, 60)
    eventually(lambda: publisher.stats().spooled.get("alert.raised", 0) >= 10)
    broker.wake()
    assert publisher.flush(20)
    assert (71, {}) == (publisher.stats().sent["alert.raised"], publisher.stats().dropped)
    assert 71 == len(set(ids(broker))) < broker.redis.xlen("alert.raised")


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
