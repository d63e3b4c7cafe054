"""The broker dies under a trading process, and forgets: what was decided, filled and earned arrives nevertheless."""

import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from events.connection import connect
from tests.faults.server import Server
from tests.faults.waiting import until

STREAMS = ("decision.made", "fill.reported", "outcome.observed")
BOT = Path(__file__).parent / "bot.py"


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.broker.stop()


def arrived(url):
    """How often each event came, by id."""
    with connect(url) as redis:
        return Counter(
            msgspec.json.decode(fields[b"event"])["id"] for stream in STREAMS for _, fields in redis.xrange(stream)
        )


def lived(server, *, rate, seconds, happens):
    """What a bot told that lived for so many seconds, while something happened to the broker."""
    words = [sys.executable, str(BOT), server.url, str(server.folder / "spool"), str(rate), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=BOT.parents[2]) as bot:
        assert "started\n" == bot.stdout.readline()
        happens()
        flushed, dropped, *told = bot.stdout.readline().split()
    assert ("True", "0") == (flushed, dropped)
    return told


def pause(seconds):
    threading.Event().wait(seconds)


@pytest.mark.parametrize(
    ("rate", "away"), [(1_000, 2.0), pytest.param(2_000, 60.0, marks=pytest.mark.at_length)], ids=["short", "a minute"]
)
def test_nothing_that_counts_is_lost_while_the_broker_is_dead(server, rate, away):
    def happens():
        until(lambda: len(arrived(server.url)) > rate / 2, "the first events")
        server.kill()
        pause(away)
        server.start()

    told = lived(server, rate=rate, seconds=away + 4, happens=happens)
    assert set(told) == set(arrived(server.url))
    assert len(told) > rate * away * 3 / 5 * 0.8


def test_what_the_broker_forgot_of_the_last_seconds_is_sent_again(server):
    def happens():
        until(lambda: len(arrived(server.url)) > 600, "the first events")
        server.kill()
        server.forget(0.4)
        server.start()

    told = lived(server, rate=1_000, seconds=4, happens=happens)
    assert set(told) == set(arrived(server.url))
