"""A disk that is full, or a folder that cannot be written: what waits stays in memory, and leaves in order."""

import threading

from learning_client import EventPublisher, SpoolFolder, Switches
from learning_client.segment import Segment

from tests.client.alerts import alerts, ids, waits_on_disk


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
