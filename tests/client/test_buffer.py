"""What waits keeps its order, and its bounds."""

from collections import Counter
from threading import Thread

from hypothesis import given
from hypothesis import strategies as some
from learning_client.buffer import PRICE, Buffer, Told


def NOTHING(*_):
    """Nobody listens."""


KINDS = some.sampled_from([PRICE, "alert.raised", "fill.reported"])


def filled(capacity, kinds):
    """A buffer after so many events were told, and the kinds that had to go."""
    gone = []
    buffer = Buffer(capacity, gone=gone.append, begins=NOTHING)
    for kind in kinds:
        assert buffer.add(Told(buffer.next_order(), kind, "id", 0, {}, None))
    return buffer, gone


@given(some.integers(1, 20), some.lists(KINDS, max_size=60), some.integers(1, 7))
def test_it_holds_as_much_as_it_may_in_order_and_counts_the_rest(capacity, kinds, batch):
    buffer, gone = filled(capacity, kinds)
    assert min(capacity, len(kinds)) == len(buffer)
    taken = []
    while some_more := buffer.take(batch):
        assert len(some_more) <= batch
        taken += some_more
    assert sorted(taken, key=lambda told: told.order) == taken
    assert sorted(kinds) == sorted([told.kind for told in taken] + gone)


@given(some.integers(1, 20), some.lists(KINDS, max_size=60))
def test_no_other_event_goes_while_a_price_waits(capacity, kinds):
    waiting = Counter()

    def went(gone):
        assert (gone == PRICE) == (waiting[PRICE] > 0)
        waiting[gone] -= 1

    buffer = Buffer(capacity, gone=went, begins=NOTHING)
    for kind in kinds:
        waiting[kind] += 1
        buffer.add(Told(buffer.next_order(), kind, "id", 0, {}, None))


def test_nothing_is_lost_or_doubled_while_callers_add_and_one_takes():
    buffer = Buffer(1_000_000, gone=NOTHING, begins=NOTHING)

    def caller(name):
        for number in range(5_000):
            buffer.add(
                Told(buffer.next_order(), PRICE if number % 3 else "alert.raised", f"{name}-{number}", 0, {}, None)
            )

    callers = [Thread(target=caller, args=(name,)) for name in "abc"]
    for thread in callers:
        thread.start()
    taken = []
    while len(taken) < 15_000 and (any(thread.is_alive() for thread in callers) or len(buffer)):
        taken += [told.id for told in buffer.take(500)]
    assert 15_000 == len(taken) == len(set(taken))
    for name in "abc":
        own = [int(text.split("-")[1]) for text in taken if text.startswith(name)]
        prices, facts = [n for n in own if n % 3], [n for n in own if not n % 3]
        assert sorted(prices) == prices
        assert sorted(facts) == facts


def test_the_first_event_begins_what_sends_it_and_none_is_kept_after_the_end():
    began, gone = [], []
    buffer = Buffer(10, gone=gone.append, begins=lambda: began.append(len(buffer)))
    events = [Told(buffer.next_order(), "alert.raised", "id", 0, {}, None) for _ in range(3)]
    assert buffer.add(events[0])
    assert buffer.add(events[1])
    buffer.close()
    assert not buffer.add(events[2])
    assert ([0], ["alert.raised"], events[:2]) == (began, gone, buffer.take(5))


def test_what_is_added_while_the_last_one_ends_is_counted_and_not_kept():
    gone = []

    def ends():
        buffer.end()

    buffer = Buffer(10, gone=gone.append, begins=ends)
    assert not buffer.add(Told(0, "alert.raised", "id", 0, {}, None))
    assert not buffer.add(Told(1, PRICE, "id", 0, {}, None))
    assert ([], ["alert.raised", PRICE]) == (buffer.take(10), gone)


def test_what_is_added_while_it_is_closed_and_somebody_takes_is_kept():
    def closes():
        buffer.close()

    buffer = Buffer(10, gone=NOTHING, begins=closes)
    assert buffer.add(Told(0, "alert.raised", "id", 0, {}, None))
    assert 1 == len(buffer.take(10))
