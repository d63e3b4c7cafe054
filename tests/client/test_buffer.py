"""What waits keeps its order, and its bounds."""

from collections import Counter
from threading import Thread

from hypothesis import given
from hypothesis import strategies as some
from learning_client.buffer import Buffer
from learning_client.ids import Ids
from learning_client.parcel import PRICE, Parcel


def NOTHING(*_):
    """Nobody listens."""


KINDS = some.sampled_from([PRICE, "alert.raised", "fill.reported"])


def buffered(capacity, *, gone=NOTHING, begins=NOTHING):
    return Buffer(capacity, ids=Ids(lambda: 0), gone=gone, begins=begins)


def parcel(told):
    return Parcel(told.order, told.kind, b"{}")


def tell(buffer, kind="alert.raised", **data):
    return buffer.tell(kind, data, None, 0, 0, None)


def filled(capacity, kinds):
    """A buffer after so many events were told, and the kinds that had to go."""
    gone = []
    buffer = buffered(capacity, gone=gone.append)
    for kind in kinds:
        assert tell(buffer, kind)
    return buffer, gone


@given(some.integers(1, 20), some.lists(KINDS, max_size=60), some.integers(1, 7), some.integers(0, 25))
def test_it_holds_as_much_as_it_may_in_order_and_counts_the_rest(capacity, kinds, batch, written):
    buffer, gone = filled(capacity, kinds)
    assert min(capacity, len(kinds)) == len(buffer)
    for _ in range(written):
        buffer.write(parcel)
    assert min(capacity, len(kinds)) == len(buffer)
    taken = []
    while some_more := buffer.take(batch):
        assert len(some_more) <= batch
        taken += some_more
    assert sorted(taken, key=lambda told: told.order) == taken
    assert sorted(kinds) == sorted([told.kind for told in taken] + gone)


@given(some.integers(1, 20), some.lists(some.one_of(KINDS, some.just("write")), max_size=60))
def test_no_other_event_goes_while_a_price_waits_written_or_not(capacity, steps):
    waiting = Counter()

    def went(gone):
        assert (gone == PRICE) == (waiting[PRICE] > 0)
        waiting[gone] -= 1

    buffer = buffered(capacity, gone=went)
    for step in steps:
        if step == "write":
            buffer.write(parcel)
        else:
            waiting[step] += 1
            tell(buffer, step)
        assert waiting.total() == len(buffer) <= capacity
        assert buffer.unwritten <= len(buffer)


def test_what_cannot_be_written_is_gone():
    buffer, _ = filled(5, [PRICE, "alert.raised"])
    buffer.write(lambda _: None)
    buffer.write(parcel)
    buffer.write(parcel)
    assert ["alert.raised"] == [taken.kind for taken in buffer.take(5)]


def test_nothing_is_lost_or_doubled_while_callers_add_and_one_takes():
    buffer = buffered(1_000_000)

    def caller(name):
        for number in range(5_000):
            tell(buffer, PRICE if number % 3 else "alert.raised", by=f"{name}-{number}")

    callers = [Thread(target=caller, args=(name,)) for name in "abc"]
    for thread in callers:
        thread.start()
    taken = []
    while len(taken) < 15_000 and (any(thread.is_alive() for thread in callers) or len(buffer)):
        for _ in range(len(buffer) // 2):
            buffer.write(lambda told: Parcel(told.order, told.kind, told.data["by"].encode()))
        some_more = buffer.take(500)
        taken += [one.body.decode() if isinstance(one, Parcel) else one.data["by"] for one in some_more]
    assert 15_000 == len(taken) == len(set(taken))
    for name in "abc":
        own = [int(text.split("-")[1]) for text in taken if text.startswith(name)]
        prices, facts = [n for n in own if n % 3], [n for n in own if not n % 3]
        assert sorted(prices) == prices
        assert sorted(facts) == facts


def test_the_first_event_begins_what_sends_it_and_none_is_kept_after_the_end():
    began, gone = [], []
    buffer = buffered(10, gone=gone.append, begins=lambda: began.append(len(buffer)))
    events = [tell(buffer), tell(buffer)]
    assert all(events)
    buffer.close()
    assert tell(buffer) is None
    assert ([0], ["alert.raised"], events) == (began, gone, [told.id for told in buffer.take(5)])


def test_what_is_added_while_the_last_one_ends_is_counted_and_not_kept():
    gone = []

    def ends():
        buffer.end()

    buffer = buffered(10, gone=gone.append, begins=ends)
    assert tell(buffer) is None
    assert tell(buffer, PRICE) is None
    assert ([], ["alert.raised", PRICE]) == (buffer.take(10), gone)


def test_what_is_added_while_it_is_closed_and_somebody_takes_is_kept():
    def closes():
        buffer.close()

    buffer = buffered(10, begins=closes)
    assert tell(buffer)
    assert 1 == len(buffer.take(10))
