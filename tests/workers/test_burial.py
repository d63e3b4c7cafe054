"""Refused entries are kept with their bytes up to a rate, and counted beyond it."""

import msgspec
import pytest
from structlog.testing import capture_logs

from store.counts import refusals
from store.dead_letters import MORE, DeadLetters
from tests.conftest import NOW
from tests.workers.recorder import Bench
from workers.burial import REASON_CHARACTERS

HOUR_US = 3_600_000_000
BROKEN = b'{"type": "session.closed"'


@pytest.fixture
def place(stores, broker, monkeypatch):
    """A worker that keeps five refused entries an hour; ``place.now`` is the time on the store's clock."""
    monkeypatch.setattr("workers.turn.LETTERS_AN_HOUR", 5)
    bench = Bench(stores.fresh(lambda: bench.now), broker)
    bench.now = NOW
    return bench


def send_broken(place, count):
    for _ in range(count):
        place.broker.xadd("session.closed", {"event": BROKEN})


def letters(place):
    with place.store.read() as reading:
        return DeadLetters(reading).list()


def told(place):
    return [msgspec.json.decode(fields[b"event"])["data"] for _, fields in place.broker.xrange("dead.letter")]


def test_so_many_are_kept_within_an_hour_and_the_rest_is_counted_in_one_letter(place):
    send_broken(place, 8)
    place.send("good")
    with capture_logs() as lines:
        place.turn()
        send_broken(place, 40)
        place.turn()
    more = [letter for letter in letters(place) if letter.entry.startswith(MORE)]
    kept = [letter for letter in letters(place) if not letter.entry.startswith(MORE)]
    assert ([BROKEN] * 5, [(43, 43 * len(BROKEN), b"")]) == (
        [letter.body for letter in kept],
        [(letter.attempts, letter.size, letter.body) for letter in more],
    )
    assert "more than 5 entries were refused within an hour; these were counted and not kept" in more[0].reason
    assert {letter.entry for letter in letters(place)} == {letter["entry"] for letter in told(place)}
    assert 6 == len(told(place))
    assert 48 == place.tally.counts["refused"]
    assert 5 + 2 == len(lines)
    assert (0, ["good"]) == (place.pending(), place.answers())


def test_the_next_hour_has_room_again_and_a_letter_of_its_own(place):
    send_broken(place, 7)
    place.turn()
    place.now += HOUR_US
    send_broken(place, 7)
    place.turn()
    assert [2, 2] == [letter.attempts for letter in letters(place) if letter.entry.startswith(MORE)]
    assert 12 == len(letters(place))


def test_what_comes_again_is_not_counted_beside_what_was_kept_of_it(place, monkeypatch):
    send_broken(place, 5)
    with monkeypatch.context() as killed:
        killed.setattr(place.group, "acknowledge", lambda deliveries: None)
        place.turn()
    send_broken(place, 1)
    place.turn(group=place.consumer("one"))
    place.turn(group=place.consumer("one"))
    assert [1] == [letter.attempts for letter in letters(place) if letter.entry.startswith(MORE)]
    assert 6 == len(letters(place))


def test_what_the_worker_itself_refuses_is_bounded_too(place):
    place.worker.unwanted = "bad"
    for _ in range(9):
        place.send("bad")
    place.turn()
    with place.store.read() as reading:
        assert 5 == refusals(reading)["session.closed", "unwanted"]
    assert [4] == [letter.attempts for letter in letters(place) if letter.entry.startswith(MORE)]


def test_a_reason_never_gets_long(place, monkeypatch):
    place.send("bad")
    monkeypatch.setattr(place.worker, "handle", lambda work, batch: (_ for _ in ()).throw(ValueError("x" * 10**6)))
    for _ in range(3):
        place.turn(group=place.consumer("one"))
    [letter] = letters(place)
    assert REASON_CHARACTERS == len(letter.reason) == len(told(place)[0]["reason"])
