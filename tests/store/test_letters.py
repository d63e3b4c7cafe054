"""What waits to be sent, what was already taken in, and what was refused."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from store.counts import refusals
from store.dead_letters import Buried, Closed, DeadLetters, Fate, OpenLetters
from store.inbox import Inbox
from store.outbox import Letter, Outbox, Post
from tests import lengths


def post(store, owner, *bodies, now=1):
    with store.begin() as work:
        Outbox(work.connection).add_all(owner, "insight.published", bodies, now=now)
        work.commit()


def waiting(store, owner, limit=100):
    with store.read() as reading:
        return Outbox(reading).waiting(owner, limit)


def publish(store, letters):
    with store.begin() as work:
        Outbox(work.connection).published([letter.id for letter in letters])
        work.commit()


def test_letters_wait_in_the_order_in_which_they_were_added(store):
    post(store, "deployment", b"one", b"two")
    post(store, "thompson", b"theirs")
    post(store, "deployment", b"three")

    assert [b"one", b"two", b"three"] == [letter.body for letter in waiting(store, "deployment")]
    assert [b"one", b"two"] == [letter.body for letter in waiting(store, "deployment", limit=2)]


def test_a_letter_says_where_else_it_goes(store):
    with store.begin() as work:
        everywhere = Post("params.updated", b"new", channel="params.updated", key="snapshot", value=b"all")
        Outbox(work.connection).post("deployment", [everywhere, Post("insight.published", b"seen")], now=1)
        work.commit()

    both, one = waiting(store, "deployment")
    assert Letter(both.id, "params.updated", b"new", "params.updated", "snapshot", b"all") == both
    assert Letter(one.id, "insight.published", b"seen", None, None, None) == one


def test_a_letter_that_was_sent_waits_no_more(store):
    post(store, "deployment", b"one", b"two", b"three")
    publish(store, waiting(store, "deployment", limit=2))

    assert [b"three"] == [letter.body for letter in waiting(store, "deployment")]


def test_a_letter_of_a_turn_that_was_undone_is_never_sent(store):
    with store.begin() as work:
        Outbox(work.connection).add("deployment", "params.updated", b"never", now=1)

    assert [] == waiting(store, "deployment")


def test_what_one_relay_has_sent_never_takes_out_what_another_must_still_send(store):
    post(store, "deployment", b"one", b"two")
    both = waiting(store, "deployment")
    publish(store, both)
    post(store, "deployment", b"three")
    publish(store, both)

    assert [b"three"] == [letter.body for letter in waiting(store, "deployment")]


names = st.tuples(st.sampled_from("xy"), st.sampled_from("abcdef"))


@lengths.examples(50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.tuples(st.sampled_from(["w1", "w2"]), st.lists(names, max_size=8)), max_size=6))
def test_every_event_is_new_exactly_once_to_each_worker(store, batches):
    seen = set()
    with store.begin() as work:
        inbox = Inbox(work.connection)
        for worker, pairs in batches:
            expected = []
            for pair in pairs:
                expected.append((worker, *pair) not in seen)
                seen.add((worker, *pair))
            assert expected == inbox.new(worker, pairs, 1)


def bury(store, entry, *, worker="attribution", now=1, reason="score: 83 is above 1", body=b"\x00\xff"):
    with store.begin() as work:
        new = DeadLetters(work.connection).bury(
            worker=worker, stream="alert.raised", entry=entry, reason=reason, body=body, size=9, attempts=1, now=now
        )
        work.commit()
    return new


def test_a_refused_entry_keeps_its_bytes_and_its_reason(store):
    assert bury(store, "1-0")

    with store.read() as reading:
        expected = Buried("attribution", "alert.raised", "1-0", "score: 83 is above 1", b"\x00\xff", 9, 1, 1)
        assert expected == DeadLetters(reading).get("attribution", "alert.raised", entry="1-0")
        assert DeadLetters(reading).get("attribution", "alert.raised", entry="2-0") is None


def test_a_refused_entry_that_comes_again_stays_as_it_was(store):
    assert bury(store, "1-0", reason="first")
    assert not bury(store, "1-0", reason="second")
    assert bury(store, "1-0", worker="patterns")

    with store.read() as reading:
        assert "first" == DeadLetters(reading).get("attribution", "alert.raised", entry="1-0").reason


def test_another_entry_that_was_given_the_same_id_lies_beside_it(store):
    assert "1-0" == bury(store, "1-0", body=b"one")
    assert "1-0~2" == bury(store, "1-0", body=b"two")
    assert bury(store, "1-0", body=b"two") is None
    assert "1-0~3" == bury(store, "1-0", body=b"three")
    assert bury(store, "1-0", body=b"one") is None

    with store.read() as reading:
        letters = DeadLetters(reading)
        found = {letter.entry: letter.body for letter in letters.list()}
        assert {"1-0": b"one", "1-0~2": b"two", "1-0~3": b"three"} == found
        assert 3 == letters.since(0)


def test_lists_the_newest_refusals_first(store):
    bury(store, "1-0", now=10)
    bury(store, "2-0", now=30)
    bury(store, "3-0", now=20, worker="patterns")

    with store.read() as reading:
        letters = DeadLetters(reading)
        assert ["2-0", "3-0", "1-0"] == [letter.entry for letter in letters.list()]
        assert ["2-0", "1-0"] == [letter.entry for letter in letters.list("attribution")]
        assert ["2-0"] == [letter.entry for letter in letters.list(limit=1)]


@pytest.mark.parametrize("fate", list(Fate))
def test_a_letter_is_open_until_a_person_closes_it_and_the_first_word_stands(store, fate):
    bury(store, "1-0")
    bury(store, "2-0")
    with store.begin() as work:
        letters = DeadLetters(work.connection)
        letter = letters.get("attribution", "alert.raised", entry="1-0")
        before = letters.moved()
        assert letters.closed(letter) is None
        assert letters.close(letter, fate, by="ann", reason="seen", now=7)
        assert not letters.close(letter, Fate.DROPPED, by="bob", now=8)
        assert Closed(fate, "seen", "ann", 7) == letters.closed(letter)
        assert ["2-0"] == [one.entry for one in letters.open()]
        assert {"1-0", "2-0"} == {one.entry for one in letters.list()}
        assert before != letters.moved()
        assert 1 == letters.since(0)
        assert {("alert.raised", "score: 83 is above 1"): 1} == refusals(work.connection)


def test_open_letters_are_counted_by_reason_and_chosen_by_worker_stream_and_words(store):
    bury(store, "1-0", now=1)
    bury(store, "2-0", now=5)
    bury(store, "3-0", now=3, reason="100% wrong")
    bury(store, "4-0", worker="patterns", now=4)
    with store.read() as reading:
        letters = DeadLetters(reading)
        usual = "score: 83 is above 1"
        assert [
            OpenLetters("attribution", "alert.raised", usual, 2, 5),
            OpenLetters("attribution", "alert.raised", "100% wrong", 1, 3),
            OpenLetters("patterns", "alert.raised", usual, 1, 4),
        ] == letters.reasons()
        assert ["3-0"] == [one.entry for one in letters.open(reason="0% w")]
        assert [] == letters.open(reason="3% i")
        assert ["4-0"] == [one.entry for one in letters.open(worker="patterns", stream="alert.raised")]
        assert [] == letters.open(stream="price.observed")
        assert ["2-0"] == [one.entry for one in letters.open(limit=1)]
