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
    words = heartbeats(redis)
    assert {"thompson:host-1": b"second", "attribution:host-2": b"here"} == {n: word.body for n, word in words.items()}
    assert 0 < words["thompson:host-1"].left_ms <= 20_000


def test_engines_with_other_prefixes_do_not_see_each_other():
    redis = FakeRedis()
    Heartbeat(redis, part="thompson", consumer="1", prefix="paper:").beat(b"here", lasts=20)
    assert ({}, ["thompson:1"]) == (heartbeats(redis), list(heartbeats(redis, prefix="paper:")))


def test_who_does_not_beat_any_more_is_not_alive_and_forgotten_after_an_hour():
    redis = FakeRedis()
    Heartbeat(redis, part="thompson", consumer="1").beat(b"here", lasts=20)
    redis.delete("heartbeat:thompson:1")
    assert {} == heartbeats(redis)
    Heartbeat(redis, part="thompson", consumer="2").beat(b"here", lasts=20)
    assert 2 == redis.zcard("heartbeats")
    redis.zincrby("heartbeats", -3_600_000_001, "thompson:1")
    Heartbeat(redis, part="thompson", consumer="2").beat(b"here", lasts=20)
    assert [b"thompson:2"] == redis.zrange("heartbeats", 0, -1)


def test_says_that_nobody_heard_it():
    server = FakeServer()
    server.connected = False
    with pytest.raises(BrokerUnreachable):
        Heartbeat(FakeRedis(server=server), part="thompson", consumer="1").beat(b"here", lasts=20)
