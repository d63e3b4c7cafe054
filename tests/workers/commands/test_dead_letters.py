"""``learning dead-letters``: what was refused, shown, sent again and dropped."""

import getpass

import msgspec
import pytest
from typer.testing import CliRunner

from events.codec import decode
from store.dead_letters import DeadLetters, Fate
from workers.cli import app

STREAM = "session.closed"
SAID = {"source": "s", "id": "e-1", "type": STREAM, "time": "2023-11-14T22:13:20Z", "data": {"session": "2023-11-14"}}
NOW = 1_700_000_100_000_000


class Place:
    def __init__(self, store, broker):
        self.store = store
        self.broker = broker

    def bury(self, entry="1700000000000-0", *, body=None, worker="attribution", stream=STREAM, size=None, reason="odd"):
        body = msgspec.json.encode(SAID) if body is None else body
        with self.store.begin() as work:
            DeadLetters(work.connection).bury(
                worker=worker,
                stream=stream,
                entry=entry,
                reason=reason,
                body=body,
                size=len(body) if size is None else size,
                attempts=3,
                now=NOW,
            )
            work.commit()
        return f"{worker}/{stream}/{entry}"

    def run(self, *words, code=0, typed=None):
        result = CliRunner().invoke(app, ["dead-letters", *words], input=typed)
        assert code == result.exit_code, result.output
        return result.output

    def open(self):
        with self.store.read() as reading:
            return [letter.entry for letter in DeadLetters(reading).open()]

    def closed(self, entry="1700000000000-0"):
        with self.store.read() as reading:
            letters = DeadLetters(reading)
            return letters.closed(letters.get("attribution", STREAM, entry=entry))


@pytest.fixture
def place(store, broker, redis_url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RQ_REDIS_URL", redis_url)
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    return Place(store, broker)


def test_nothing_refused_is_said(place):
    assert "nothing that was refused is open" in place.run("list")


def test_lists_reasons_with_their_counts_and_the_newest(place):
    names = [place.bury(f"{number}-0") for number in range(1, 4)]
    other = place.bury("9-0", stream="price.observed", reason="a jump [red]")
    shown = place.run("list")
    assert all(name in shown for name in (*names, other, "a jump [red]"))
    assert " 3 " in shown
    assert other not in place.run("list", "--stream", STREAM)
    assert names[0] not in place.run("list", "--reason", "jump")
    assert "nothing" in place.run("list", "--worker", "thompson")
    assert 1 == sum(name in place.run("list", "--stream", STREAM, "--limit", "1") for name in names)


def test_shows_one_with_its_bytes_written_out(place):
    name = place.bury(body=b'{"a": "\x1b[31m\xff"}', size=99)
    shown = place.run("show", name)
    assert "\x1b" not in shown
    assert '{"a": "\\x1b[31m\\xff"}' in shown
    assert "99, of which 15 were kept" in shown
    assert "open" in shown


def test_shows_so_many_characters_and_says_how_many_more_there_are(place):
    shown = place.run("show", place.bury(body=b"x" * 5_000))
    assert "1,000 more characters" in shown
    assert "x" * 4_001 not in shown


def test_an_unknown_one_is_said(place):
    assert "nothing that was refused is called a/b/c" in place.run("show", "a/b/c", code=1)


def test_puts_one_back_into_its_stream_under_its_name_and_closes_it(place):
    name = place.bury()
    assert "is entry" in place.run("retry", name)
    [(entry, fields)] = place.broker.xrange(STREAM)
    envelope = decode(fields, stream=STREAM, entry=entry.decode(), now=NOW)
    assert ("s", "e-1") == (envelope.source, envelope.id)
    assert [] == place.open()
    closed = place.closed()
    assert (Fate.RETRIED, getpass.getuser(), f"as entry {entry.decode()}") == (closed.fate, closed.by, closed.reason)
    assert "retried by" in place.run("show", name)
    assert "was retried by" in place.run("retry", name, code=1)
    assert 1 == place.broker.xlen(STREAM)


def test_one_that_counts_others_shows_how_many_and_is_not_sent(place):
    name = place.bury("more-2023-11-14T22Z", body=b"", size=900, reason="more than 1,000 entries were refused")
    assert "3 entries" in place.run("show", name)
    assert "only 0 of its 900 bytes were kept" in place.run("retry", name, code=1)
    assert ["more-2023-11-14T22Z"] == place.open()
    place.run("drop", name)
    assert [] == place.open()


def test_one_that_was_not_kept_whole_is_not_sent(place):
    assert "only" in place.run("retry", place.bury(size=10**6), place.bury("2-0"), code=1)
    assert ["1700000000000-0"] == place.open()
    assert 1 == place.broker.xlen(STREAM)


def test_one_of_a_file_is_not_sent(place):
    assert "learning replay" in place.run("retry", place.bury("history.jsonl@7"), code=1)
    assert ["history.jsonl@7"] == place.open()


def test_while_the_broker_is_away_it_stays_open(place, monkeypatch):
    name = place.bury()
    monkeypatch.setenv("RQ_REDIS_URL", "redis://127.0.0.1:1/0")
    assert "cannot be reached" in place.run("retry", name, code=1)
    assert 1 == len(place.open())


def test_all_of_a_stream_or_worker_are_named_by_a_slash(place):
    place.bury("1-0")
    place.bury("2-0")
    place.bury("3-0", stream="price.observed")
    place.bury("4-0", worker="thompson")
    place.run("retry", f"attribution/{STREAM}/")
    assert {"3-0", "4-0"} == set(place.open())
    place.run("drop", "thompson/")
    assert ["3-0"] == place.open()


def test_drops_one_and_keeps_who_and_why(place):
    name = place.bury()
    assert "dropped 1" in place.run("drop", name, "--reason", "a test event")
    closed = place.closed()
    assert (Fate.DROPPED, getpass.getuser(), "a test event") == (closed.fate, closed.by, closed.reason)
    assert "a test event" in place.run("show", name)
    assert 0 == place.broker.exists(STREAM)


@pytest.mark.parametrize(("typed", "left", "code"), [("y\n", 0, 0), ("n\n", 2, 1), ("", 2, 1)])
def test_asks_before_many_are_dropped(place, typed, left, code):
    place.bury("1-0")
    place.bury("2-0")
    assert "Drop 2 letters for good?" in place.run("drop", "attribution/", code=code, typed=typed)
    assert left == len(place.open())


def test_does_not_ask_where_it_was_told_not_to(place):
    place.bury("1-0")
    place.bury("2-0")
    assert "Drop" not in place.run("drop", "attribution/", "--yes")
    assert [] == place.open()
