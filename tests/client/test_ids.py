"""Ids are UUIDv7: they sort by time and never repeat."""

import uuid

from hypothesis import given
from hypothesis import strategies as some
from learning_client.ids import Ids

TIMES = some.integers(0, 2**48 * 1000 - 1)


@given(TIMES, TIMES)
def test_they_are_uuids_of_version_7_and_sort_by_milliseconds(one, other):
    ids = Ids()
    first, second = ids.new(one), ids.new(other)
    for text, time in ((first, one), (second, other)):
        read = uuid.UUID(text)
        assert (str(read), 7, uuid.RFC_4122, time // 1000) == (text, read.version, read.variant, read.int >> 80)
    assert (first < second) == (one // 1000 < other // 1000) or one // 1000 == other // 1000


def test_they_do_not_repeat():
    ids = Ids()
    assert 10_000 == len({ids.new(1_700_000_000_000_000) for _ in range(10_000)})


def test_every_random_bit_is_used():
    ids = Ids()
    numbers = [uuid.UUID(ids.new(0)).int for _ in range(500)]
    ones = zeros = 0
    for number in numbers:
        ones |= number
        zeros |= ~number
    assert 74 == (ones & zeros & (2**80 - 1)).bit_count()
