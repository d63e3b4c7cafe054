import base64
import itertools

import pytest

from events.codec import decode, encode
from schemas.alert import AlertRaised
from schemas.event import Envelope
from schemas.session import SessionClosed
from store.dead_letters import DeadLetters
from store.errors import StoreBusy, StoreRefused, StoreUnavailable
from store.inbox import Inbox
from store.outbox import Outbox
from store.replays import Replays
from workers.replay.batches import batches
from workers.replay.events import Replayed
from workers.replay.intake import Intake
from workers.replay.patience import LONGEST_PAUSE, SHORTEST_PAUSE, Company
from workers.replay.record import Refused, place_of
from workers.worker import Refusal

NOW = 1_700_000_000_000_000
DIGEST = "d" * 64


class Recorder:
    """A worker that notes every event once, and settles sessions that it was told to be closed."""

    name = "recorder"
    reads = ("alert.raised", "session.closed")

    def __init__(self, settled):
        self.settled = settled
        self.poison = {}
        self.unwanted = set()
        self.batches = []
        self.closed = []
        self.steps = []

    def handle(self, work, batch):
        self.batches.append([one.id for one in batch])
        for one in batch:
            if one.id in self.poison:
                raise self.poison[one.id]
        wanted = [one for one in batch if one.id not in self.unwanted]
        Inbox(work.connection).new(self.name, [(one.source, one.id) for one in wanted], now=work.now)
        self.closed += [one.data.session for one in wanted if isinstance(one.data, SessionClosed)]
        self.steps += [one.id for one in wanted]
        return [Refusal(one, "unwanted") for one in batch if one.id in self.unwanted]

    def rest(self, settled_before):
        assert 1 == settled_before()
        for session in self.closed[:2]:
            if session not in {one for _, one in self.settled}:
                self.settled.append(("main", session))
                self.steps.append(f"settled {session}")
        del self.closed[:2]


class Counter:
    """An intake over a store, with everything that it needs."""

    def __init__(self, store, *, stopped=lambda: False):
        self.store = store
        self.settled = []
        self.worker = Recorder(self.settled)
        self.pauses = []
        with store.begin() as work:
            Replays(work.connection).begin(DIGEST, name="a.jsonl", now=NOW)
            work.commit()
        self.intake = Intake(
            self.worker,
            store=store,
            settled=self.settled,
            digest=DIGEST,
            names=["history.jsonl", "more.csv"],
            company=Company(lambda: NOW, self.pauses.append, lambda: 1.0, stopped),
        )

    def take(self, *events, size=100):
        for batch in batches(events, size=size):
            self.intake.take(batch)

    @property
    def standing(self):
        with self.store.read() as reading:
            return Replays(reading).get(DIGEST)

    @property
    def graves(self):
        with self.store.read() as reading:
            return DeadLetters(reading).list("recorder")


@pytest.fixture
def stores(sqlite_stores):
    """What a replay does with a batch is tested on both databases; how it cuts and repeats them needs but one."""
    return sqlite_stores


@pytest.fixture
def counter(store):
    return Counter(store)


def alert(number, *, name=None):
    name = name or f"e{number}"
    envelope = Envelope(source="s", id=name, time=NOW, data=AlertRaised(alert_id=name, symbol="A", score=0.5))
    return Replayed(number, "alert.raised", place_of(0, number + 1), envelope)


def end(number, session):
    envelope = Envelope(source="s", id=session, time=NOW, data=SessionClosed(session=session))
    return Replayed(number, "session.closed", place_of(0, number + 1), envelope)


def refused(number, kind="alert.raised"):
    return Replayed(number, kind, place_of(1, number + 1), None, Refused("it is wrong", b"wrong", 5))


def test_a_batch_and_how_far_it_reaches_are_kept_together(counter):
    counter.take(alert(0), alert(1), alert(2))
    assert (3, 0) == (counter.standing.taken, counter.standing.refused)
    assert ["e0", "e1", "e2"] == counter.worker.steps
    assert 3 == counter.intake.taken


def test_a_session_settles_before_anything_of_the_next_comes(counter):
    counter.take(alert(0), end(1, "2024-01-04"), alert(2), end(3, "2024-01-05"), alert(4))
    assert [
        "e0",
        "2024-01-04",
        "settled 2024-01-04",
        "e2",
        "2024-01-05",
        "settled 2024-01-05",
        "e4",
    ] == counter.worker.steps


def test_many_sessions_that_end_at_once_all_settle(counter):
    ends = [end(number, f"2024-01-{number + 10}") for number in range(7)]
    counter.take(*ends, alert(7))
    assert 7 == len(counter.settled)
    assert "e7" == counter.worker.steps[-1]


def test_what_is_refused_is_kept_with_its_place_reason_and_bytes_and_told(counter):
    counter.worker.unwanted = {"e2"}
    counter.take(refused(0), alert(1), alert(2), refused(3, kind="nonsense"), alert(4))
    body = encode(alert(2).envelope)
    at = f"@{DIGEST[:12]}"
    assert {
        ("alert.raised", f"more.csv:1{at}"): ("it is wrong", b"wrong", 5),
        ("replay", f"more.csv:4{at}"): ("it is wrong", b"wrong", 5),
        ("alert.raised", f"history.jsonl:3{at}"): ("unwanted", body, len(body)),
    } == {(grave.stream, grave.entry): (grave.reason, grave.body, grave.size) for grave in counter.graves}
    assert (5, 3) == (counter.standing.taken, counter.standing.refused)
    assert {"it is wrong": 2, "unwanted": 1} == counter.intake.reasons
    assert 2 == counter.intake.taken
    with counter.store.read() as reading:
        letters = Outbox(reading).waiting("recorder", 10)
    told = [decode({b"event": one.body}, stream="dead.letter", entry="0-0", now=NOW) for one in letters]
    assert sorted(grave.entry for grave in counter.graves) == sorted(letter.data.entry for letter in told)
    assert {b"wrong", body} == {base64.b64decode(letter.data.body) for letter in told}


def test_what_is_passed_over_is_counted_and_done(counter):
    counter.take(Replayed(0, "params.updated", 1, None), alert(1))
    assert (1, 1) == (counter.intake.passed_over, counter.intake.taken)
    assert 2 == counter.standing.taken


def test_a_batch_of_which_nothing_is_an_event_is_done_too(counter):
    counter.take(refused(0), refused(1))
    assert [] == counter.worker.batches
    assert (2, 2) == (counter.standing.taken, counter.standing.refused)


@pytest.mark.parametrize("error", [ValueError("poison"), StoreRefused("poison")])
def test_an_event_that_the_worker_fails_at_is_found_and_buried_and_the_others_are_not(counter, error):
    counter.worker.poison = {"e5": error}
    counter.take(*map(alert, range(9)), end(9, "2024-01-04"))
    [grave] = counter.graves
    assert "handling failed: " in grave.reason
    assert "poison" in grave.reason
    assert f"history.jsonl:6@{DIGEST[:12]}" == grave.entry
    assert [f"e{number}" for number in range(9) if number != 5] == counter.worker.steps[:8]
    assert (10, 1) == (counter.standing.taken, counter.standing.refused)
    assert [("main", "2024-01-04")] == counter.settled


def test_a_store_that_is_gone_ends_it_and_buries_nothing(counter):
    counter.worker.poison = {"e1": StoreUnavailable("gone")}
    with pytest.raises(StoreUnavailable):
        counter.take(alert(0), alert(1), alert(2), size=1)
    assert (1, 0) == (counter.standing.taken, counter.standing.refused)
    assert [] == counter.graves


def test_a_store_that_is_held_is_waited_for_with_growing_pauses(counter, monkeypatch):
    begin, held = counter.store.begin, iter([True] * 9 + [False])

    def busy():
        if next(held, False):
            raise StoreBusy("held")
        return begin()

    monkeypatch.setattr(counter.store, "begin", busy)
    counter.take(alert(0))
    assert [min(SHORTEST_PAUSE * 2**number, LONGEST_PAUSE) for number in range(9)] == counter.pauses
    assert 1 == counter.standing.taken


def test_a_store_that_is_held_is_not_waited_for_when_somebody_asks_to_stop(store, monkeypatch):
    counter = Counter(store, stopped=lambda: True)

    def busy():
        raise StoreBusy("held")

    monkeypatch.setattr(counter.store, "begin", busy)
    with pytest.raises(StoreBusy):
        counter.take(alert(0))
    assert [] == counter.pauses


def test_what_was_taken_in_before_is_passed_by(store):
    first, again = Counter(store), Counter(store)
    first.take(refused(0), alert(1), alert(2))
    again.take(refused(0), alert(1), alert(2), alert(3), size=2)
    assert ["e3"] == again.worker.steps
    assert (4, 1) == (again.standing.taken, again.standing.refused)
    assert (1, {}) == (again.intake.taken, again.intake.reasons)


def test_the_second_of_two_settles_what_the_first_has_only_taken_in(store):
    first, second = Counter(store), Counter(store)
    first.worker.rest = lambda settled_before: None  # it is killed before it settles
    events = [alert(0), end(1, "2024-01-04"), alert(2)]
    first.take(*events[:2])
    second.take(*events)
    assert ["2024-01-04", "settled 2024-01-04", "e2"] == second.worker.steps
    assert 3 == second.standing.taken


def test_an_event_that_both_fail_at_is_buried_once(store, monkeypatch):
    first, second = Counter(store), Counter(store)
    for one in (first, second):
        one.worker.poison = {"e0": ValueError("poison")}
    begin, turns = store.begin, itertools.count()

    def begin_later():
        """The second comes between the first's failure and its burial."""
        if next(turns) == 1:
            second.take(alert(0))
        return begin()

    monkeypatch.setattr(store, "begin", begin_later)
    first.take(alert(0))
    assert (1, 1) == (second.standing.taken, second.standing.refused)
    assert 1 == len(second.graves)
    assert ({}, 1) == (first.intake.reasons, second.intake.refused)
