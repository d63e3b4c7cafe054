"""A flush waits for what the broker can get, and for nothing else."""

import time

from learning_client import EventPublisher, Switches


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
