import threading
import time

import msgspec
import pytest
from fakeredis import FakeRedis, FakeServer

from events.heartbeat import Heartbeat, heartbeats
from events.pulse import Pulse, lasting
from schemas.beat import Beat

EVERY = 0.02


def until(happened):
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def said(redis):
    return [msgspec.json.decode(word.body, type=Beat) for word in heartbeats(redis).values()]


@pytest.fixture
def server():
    return FakeServer()


@pytest.fixture
def beats():
    return []


@pytest.fixture
def pulse(server, beats):
    def say():
        beats.append(Beat(at=len(beats), lasts=lasting(EVERY)))
        return beats[-1]

    pulse = Pulse(Heartbeat(FakeRedis(server=server), part="thompson", consumer="1"), every=EVERY, say=say)
    pulse.start()
    yield pulse
    pulse.stop(Beat(at=0, lasts=1.0, stopped=True))


def test_beats_again_and_again_while_nobody_does_anything(server, beats, pulse):
    until(lambda: len(beats) > 3)
    assert [1.0] == [beat.lasts for beat in said(FakeRedis(server=server))]


def test_says_goodbye_and_beats_no_more(server, beats, pulse):
    until(lambda: beats)
    pulse.stop(Beat(at=99, lasts=60.0, stopped=True))
    count = len(beats)
    assert [] == [thread for thread in threading.enumerate() if thread.name == "pulse"]
    assert [(99, True)] == [(beat.at, beat.stopped) for beat in said(FakeRedis(server=server))]
    assert count == len(beats)


def test_goes_on_where_nobody_hears_it(server, beats, pulse):
    server.connected = False
    count = len(beats)
    until(lambda: len(beats) > count + 3)
    server.connected = True
    until(lambda: said(FakeRedis(server=server)))


@pytest.mark.parametrize(("every", "lasts"), [(0.02, 1.0), (1.0, 4.0), (5.0, 20.0)])
def test_a_word_lasts_for_several_beats(every, lasts):
    assert lasts == lasting(every)
