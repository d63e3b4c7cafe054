"""Ids that sort by time."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from events.ids import Ids

NOW = 1_700_000_000_123_456
MOMENTS = st.integers(min_value=0, max_value=(1 << 47) * 1000)


@given(MOMENTS)
def test_an_id_is_a_uuid_of_version_7_that_holds_its_millisecond(now):
    made = uuid.UUID(Ids().new(now))
    assert 7 == made.version
    assert uuid.RFC_4122 == made.variant
    assert now // 1000 == made.int >> 80


@given(MOMENTS, st.integers(min_value=1, max_value=10**12))
def test_ids_of_two_makers_sort_by_time_to_the_microsecond(now, later):
    assert Ids().new(now) < Ids().new(now + later)


@given(st.lists(MOMENTS, min_size=2, max_size=20))
def test_ids_of_one_maker_rise_even_when_the_clock_does_not(moments):
    ids = Ids()
    made = [ids.new(now) for now in moments]
    assert sorted(set(made)) == made


def test_many_ids_of_one_moment_stay_at_that_moment():
    ids = Ids()
    made = [ids.new(NOW) for _ in range(2000)]
    assert sorted(set(made)) == made
    assert NOW // 1000 == uuid.UUID(made[-1]).int >> 80


def test_two_makers_do_not_meet():
    one, other = Ids(), Ids()
    assert 2000 == len({maker.new(NOW) for maker in (one, other) for _ in range(1000)})


def test_random_bits_are_drawn_in_blocks_and_used_once():
    drawn = []

    def rng_bytes(count):
        drawn.append(count)
        return os.urandom(count)

    ids = Ids(rng_bytes)
    tails = {uuid.UUID(ids.new(NOW)).int & (1 << 62) - 1 for _ in range(1000)}
    assert 1000 == len(tails)
    assert 10 > len(drawn)


def test_the_same_bits_and_moments_make_the_same_ids():
    assert [Ids(bytes).new(NOW)] == [Ids(bytes).new(NOW)] == ["018bcfe5-687b-774b-8000-000000000000"]


def test_a_forked_process_draws_bits_of_its_own():
    ids = Ids()
    ids.new(NOW)
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.write(writer, "".join(ids.new(NOW) for _ in range(20)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    text = os.read(reader, 36 * 20).decode()
    theirs = {text[at : at + 36] for at in range(0, len(text), 36)}
    assert 20 == len(theirs)
    assert not theirs & {ids.new(NOW) for _ in range(20)}


def test_several_threads_may_share_a_maker():
    ids = Ids()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ids.new(NOW), range(4000)))
    assert 4000 == len(set(made))
