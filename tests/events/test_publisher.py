"""Putting events onto their streams."""

import time

import pytest

from events.codec import decode
from events.errors import BrokerRefused, BrokerUnreachable
from events.publisher import Publisher
from schemas.event import Envelope
from schemas.session import SessionClosed

NOW = 1_700_000_000_000_000


def closed(number, strategy="main"):
    session = SessionClosed(session=f"2024-01-{number:02}", strategy=strategy)
    return Envelope(source="test", id=str(number), time=NOW, data=session)


def read(broker, stream):
    return [
        decode(fields, stream="session.closed", entry=entry.decode(), now=time.time_ns() // 1000)
        for entry, fields in broker.xrange(stream)
    ]


def test_what_is_published_is_read_as_it_was(broker):
    Publisher(broker).publish([closed(1, strategy="other")])
    (found,) = read(broker, "session.closed")
    assert SessionClosed(session="2024-01-01", strategy="other") == found.data
    assert ("test", "1", NOW) == (found.source, found.id, found.time)


def test_events_keep_their_order_and_their_entries_are_named(broker):
    entries = Publisher(broker).publish([closed(number) for number in range(1, 29)])
    assert [str(number) for number in range(1, 29)] == [one.id for one in read(broker, "session.closed")]
    assert [entry.decode() for entry, _ in broker.xrange("session.closed")] == entries


def test_an_entry_has_one_field(broker):
    Publisher(broker).publish([closed(1)])
    assert [[b"event"]] == [list(fields) for _, fields in broker.xrange("session.closed")]


def test_a_prefix_keeps_environments_apart(broker):
    Publisher(broker, "paper:").publish([closed(1)])
    assert [b"paper:session.closed"] == broker.keys()


def test_nothing_to_publish_is_nothing_done(broker):
    assert [] == Publisher(broker).publish([])
    assert [] == broker.keys()


def test_a_broker_that_does_not_answer_is_said_and_nothing_is_sent_twice(broker, line, far_broker):
    far_broker.ping()
    line.deaf = 1
    with pytest.raises(BrokerUnreachable):
        Publisher(far_broker).publish([closed(1)])
    assert 1 == broker.xlen("session.closed")


def test_a_stream_that_is_something_else_is_refused_without_showing_the_event(broker):
    broker.set("session.closed", "not a stream")
    with pytest.raises(BrokerRefused, match="WRONGTYPE") as caught:
        Publisher(broker).publish([closed(1)])
    assert "XADD" not in str(caught.value)
