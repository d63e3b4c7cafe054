import pytest
from fakeredis import FakeRedis, FakeServer

from events.errors import BrokerUnreachable
from events.heartbeat import Heartbeat, heartbeats


def test_those_who_beat_are_alive_with_their_last_words_until_they_fade():
    redis = FakeRedis()
    one = Heartbeat(redis, part="thompson", consumer="host-1")
    one.beat(b"first", lasts=20)
    one.beat(b"second", lasts=20)
    Heartbeat(redis, part="attribution", consumer="host-2").beat(b"here", lasts=20)
    assert {"thompson:host-1": b"second", "attribution:host-2": b"here"} == heartbeats(redis)
    assert 0 < redis.ttl("heartbeat:thompson:host-1") <= 20


def test_engines_with_other_prefixes_do_not_see_each_other():
    redis = FakeRedis()
    Heartbeat(redis, part="thompson", consumer="1", prefix="paper:").beat(b"here", lasts=20)
    assert ({}, {"thompson:1": b"here"}) == (heartbeats(redis), heartbeats(redis, prefix="paper:"))


def test_says_that_nobody_heard_it():
    server = FakeServer()
    server.connected = False
    with pytest.raises(BrokerUnreachable):
        Heartbeat(FakeRedis(server=server), part="thompson", consumer="1").beat(b"here", lasts=20)
