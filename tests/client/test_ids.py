"""Ids are UUIDv7: they sort by time and never repeat."""

import uuid

from hypothesis import given
from hypothesis import strategies as some
from learning_client.ids import Ids

LASTS = 50_000_000
TIMES_END = 2**48 * 10**6 - 1
TIMES = some.integers(0, TIMES_END)


def new(ids, now):
    """An id, made as ``Buffer.tell`` makes it."""
    begins = ids.begins if 0 < ids.until - now <= LASTS else ids.begin(now)
    return begins + (ids.ends.pop() if ids.ends else ids.draw())


@given(TIMES, some.lists(some.integers(-2 * LASTS, 2 * LASTS), max_size=20))
def test_they_are_uuids_of_version_7_whose_time_is_at_most_50_milliseconds_ago(time, steps):
    ids = Ids(lambda: 0)
    for step in [0, *steps]:
        time = max(0, min(time + step, TIMES_END))
        text = new(ids, time)
        read = uuid.UUID(text)
        assert (str(read), 7, uuid.RFC_4122) == (text, read.version, read.variant)
        assert 0 <= time // 10**6 - (read.int >> 80) <= 50


@given(TIMES, TIMES)
def test_they_sort_by_time_where_it_differs_by_50_milliseconds(one, other):
    ids = Ids(lambda: 0)
    first, second = new(ids, one), new(ids, other)
    assert (first < second) == (one < other) or abs(one - other) < LASTS + 10**6


def test_a_time_made_ahead_is_told_until_it_is_50_milliseconds_old():
    now = 5 * LASTS
    ids = Ids(lambda: now)
    ids.make_ahead()
    told = [uuid.UUID(new(ids, time)).int >> 80 for time in (now, now + LASTS - 1, now + LASTS)]
    assert [250, 250, 300] == told


def test_they_do_not_repeat():
    ids = Ids(lambda: 0)
    assert 10_000 == len({new(ids, 1_700_000_000_000_000_000) for _ in range(10_000)})


def test_every_random_bit_is_used():
    ids = Ids(lambda: 0)
    numbers = [uuid.UUID(new(ids, 0)).int for _ in range(500)]
    ones = zeros = 0
    for number in numbers:
        ones |= number
        zeros |= ~number
    assert 74 == (ones & zeros & (2**80 - 1)).bit_count()
