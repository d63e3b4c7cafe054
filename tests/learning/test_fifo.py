import doctest
import math
from collections import deque
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import fifo
from learning.fifo import Fill, Lot, match

CENT = 0.005


whole = st.integers(-12, 12)
thousandths = st.integers(-1_000_000, 1_000_000).map(lambda number: number / 1_000)
sevenths = st.integers(-10_000, 10_000).map(lambda number: number / 7)


@st.composite
def histories(draw, quantities=whole):
    """Fills of one book at prices in cents, some at the same time, some without fees or rank."""
    count = draw(st.integers(0, 14))
    return [
        Fill(
            id=f"f{place:02}",
            time=draw(st.integers(0, 4)),
            quantity=float(draw(quantities)),
            price=draw(st.integers(1, 20_000)) / 100,
            fees=draw(st.none() | st.integers(-50, 500).map(lambda cents: cents / 100)),
            multiplier=100.0,
            rank=draw(st.none() | st.integers(0, 2)),
        )
        for place in range(count)
    ]


def share_by_share(fills):
    """Every share for itself: (entry, exit) of each closed one, and (entry, sign) of each open one."""
    held, closed = deque(), []
    for fill in sorted(fills, key=lambda one: (one.time, math.inf if one.rank is None else one.rank, one.id)):
        sign = 1 if fill.quantity > 0 else -1
        for _ in range(abs(int(fill.quantity))):
            if held and held[0][1] != sign:
                closed.append((held.popleft(), fill))
            else:
                held.append((fill, sign))
    return closed, held


def total(numbers):
    return sum(map(Fraction, numbers), Fraction())


def cash(fills):
    """What the fills brought in, before fees."""
    return -total(Fraction(one.quantity) * Fraction(one.price) * Fraction(one.multiplier) for one in fills)


def lots_of(matched):
    return {lot.fill.id: lot.quantity for lot in matched.lots}


@given(histories())
def test_the_books_are_those_of_every_share_counted_for_itself(fills):
    closed, held = share_by_share(fills)
    trips, lots = {}, {}
    for (entry, sign), exit_ in closed:
        trips[entry.id, exit_.id] = trips.get((entry.id, exit_.id), 0) + sign
    for entry, sign in held:
        lots[entry.id] = lots.get(entry.id, 0) + sign

    made = match(fills)

    assert trips == {(trip.entry.id, trip.exit.id): trip.quantity for trip in made.trips}
    assert lots == lots_of(made)


@given(histories())
def test_gross_and_fees_are_those_of_every_share_counted_for_itself(fills):
    closed, _ = share_by_share(fills)
    gross = sum(sign * (exit_.price - entry.price) * entry.multiplier for (entry, sign), exit_ in closed)
    trips = match(fills).trips

    assert pytest.approx(gross, abs=1e-6) == math.fsum(trip.gross for trip in trips)
    for trip in trips:
        if trip.entry.fees is None or trip.exit.fees is None:
            assert (None, None) == (trip.fees, trip.net)
        else:
            shares = [(leg.fees, leg.quantity) for leg in (trip.entry, trip.exit)]
            fees = sum(abs(trip.quantity) * fees / abs(quantity) for fees, quantity in shares)
            assert pytest.approx(fees, abs=1e-9) == trip.fees
            assert trip.gross - trip.fees == trip.net


@given(histories(thousandths))
def test_what_was_earned_less_the_cost_of_what_is_open_is_what_the_fills_brought_in(fills):
    made = match(fills)
    found = total(trip.gross for trip in made.trips) - total(lot.cost for lot in made.lots)

    assert pytest.approx(float(cash(fills)), abs=CENT) == float(found)
    assert pytest.approx(math.fsum(one.quantity for one in fills), abs=1e-9) == math.fsum(
        lot.quantity for lot in made.lots
    )


@given(histories())
def test_all_fees_are_shared_out(fills):
    fills = [Fill(one.id, one.time, one.quantity, one.price, fees=one.fees or 0.0) for one in fills]
    made = match(fills)
    shared = math.fsum(trip.fees for trip in made.trips) + math.fsum(lot.fees for lot in made.lots)

    assert pytest.approx(math.fsum(one.fees for one in fills if one.quantity), abs=1e-9) == shared


@given(histories(thousandths))
def test_the_mirrored_fills_make_the_mirrored_books(fills):
    made = match(fills)
    mirrored = match([Fill(f.id, f.time, -f.quantity, f.price, f.fees, f.multiplier, f.rank) for f in fills])

    assert [(-t.quantity, -t.gross, t.fees, t.place) for t in made.trips] == [
        (t.quantity, t.gross, t.fees, t.place) for t in mirrored.trips
    ]
    assert {name: -quantity for name, quantity in lots_of(made).items()} == lots_of(mirrored)


@given(histories(), st.data())
def test_a_fill_told_in_two_parts_changes_no_sum(fills, data):
    several = [one for one in fills if abs(one.quantity) > 1]
    split = data.draw(st.sampled_from(several)) if several else None
    parts = [part for one in fills for part in (halves(one, data) if one is split else [one])]
    once, twice = match(fills), match(parts)

    for name in ("gross", "quantity"):
        sums = [math.fsum(getattr(trip, name) for trip in made.trips) for made in (once, twice)]
        assert pytest.approx(sums[0], abs=1e-6) == sums[1]
    for name in ("cost", "quantity"):
        sums = [math.fsum(getattr(lot, name) for lot in made.lots) for made in (once, twice)]
        assert pytest.approx(sums[0], abs=1e-6) == sums[1]


def halves(fill, data):
    """The fill in two parts at the same price that stand beside each other."""
    sign = math.copysign(1, fill.quantity)
    first = sign * data.draw(st.integers(1, abs(int(fill.quantity)) - 1))
    return [
        Fill(f"{fill.id}{part}", fill.time, quantity, fill.price, None, fill.multiplier, fill.rank)
        for part, quantity in (("a", first), ("b", fill.quantity - first))
    ]


@given(histories(sevenths), st.data())
def test_going_on_from_the_open_lots_gives_the_same_bits_as_all_at_once(fills, data):
    ordered = sorted(fills, key=lambda one: one.order)
    cut = data.draw(st.integers(0, len(ordered)))
    first = match(ordered[:cut])
    place = first.lots[-1].place + 1 if first.lots else 0
    then = match(ordered[cut:], lots=first.lots, place=place)
    unread = first.lots[len(then.reached) :]

    whole = match(fills)

    assert whole.trips == (*first.trips, *then.trips)
    assert sorted(whole.lots, key=lambda lot: lot.place) == sorted([*unread, *then.lots], key=lambda lot: lot.place)
    assert then.reached == first.lots[: len(then.reached)]


@given(histories())
def test_a_lot_at_place_0_was_opened_when_nothing_was_held_and_the_places_of_a_position_count_up(fills):
    made = match(fills)
    places = {one.entry.id: one.place for one in made.trips} | {lot.fill.id: lot.place for lot in made.lots}
    position = expected = 0
    for fill in sorted(fills, key=lambda one: one.order):
        if fill.id in places:
            expected = 0 if position == 0 else expected + 1
            assert expected == places[fill.id]
        position += fill.quantity


def test_lots_are_read_only_as_far_as_fills_reach():
    read = []

    def stored():
        for place in range(100):
            read.append(place)
            yield Lot(Fill(f"b{place}", place, 10, 5.0), place, 10)

    made = match([Fill("s", 200, -15, 6.0)], lots=stored(), place=100)

    assert [0, 1] == read
    assert [0, 1] == [lot.place for lot in made.reached]
    assert [(1, 5)] == [(lot.place, lot.quantity) for lot in made.lots]


def test_a_fill_that_crosses_through_zero_is_split_and_bears_its_fees_by_quantity():
    made = match(
        [Fill("long", 1, 10, 100.0, fees=2.0), Fill("turn", 2, -30, 110.0, fees=3.0), Fill("out", 3, 20, 90.0)]
    )
    closed, reversed_ = made.trips

    assert (10, 100.0, 3.0, 97.0) == (closed.quantity, closed.gross, closed.fees, closed.net)
    assert ("turn", "out", -20, 400.0) == (reversed_.entry.id, reversed_.exit.id, reversed_.quantity, reversed_.gross)
    assert (None, None) == (reversed_.fees, reversed_.net)
    assert () == made.lots


@pytest.mark.parametrize(
    ("bought", "sold"),
    [
        ([0.1, 0.2], [0.3]),
        ([0.1, 0.2], [0.1 + 0.2]),
        ([0.3], [0.1, 0.2]),
        ([0.1 + 0.2], [0.1, 0.2]),
        ([0.01] * 1_000, [sum([0.01] * 1_000)]),
        ([sum([0.01] * 1_000)], [0.01] * 1_000),
        ([1e9, 0.01], [0.01, 1e9]),
        ([100_000.1, 200_000.2], [100_000.1 + 200_000.2]),
        ([1 / 3] * 3, [1.0]),
        ([0.000000000000000001] * 3, [0.000000000000000003]),
    ],
)
def test_what_is_sold_as_it_was_bought_in_other_pieces_leaves_nothing_open(bought, sold):
    pieces = [*bought, *(-quantity for quantity in sold)]
    made = match([Fill(f"{place:05}", place, quantity, 10.0, fees=1.0) for place, quantity in enumerate(pieces)])

    assert () == made.lots
    assert pytest.approx(sum(bought), rel=1e-12) == math.fsum(trip.quantity for trip in made.trips)
    assert pytest.approx(len(pieces), rel=1e-12) == math.fsum(trip.fees for trip in made.trips)


def test_a_thousandth_of_a_millionth_of_a_lot_is_still_open():
    made = match([Fill("b", 1, 1.0, 10.0), Fill("s", 2, -0.999999999, 10.0)])
    assert {"b": 1e-9} == lots_of(made)


def test_quantities_that_were_written_as_decimals_stay_decimals():
    made = match([Fill("b", 0, 1.0, 10.0), *(Fill(f"s{place}", place, -0.1, 10.0) for place in range(1, 8))])
    assert {"b": 0.3} == lots_of(made)


def test_fills_of_one_time_stand_by_their_rank_and_those_without_one_last_by_their_ids():
    told = [("c", None), ("b", 2), ("a", None), ("d", 1)]
    fills = [Fill(name, 7, 1.0, 10.0, rank=rank) for name, rank in told]
    assert ["d", "b", "a", "c"] == [lot.fill.id for lot in match(fills).lots]


def test_a_fill_of_nothing_changes_nothing():
    nothing = Fill("n", 2, 0.0, 10.0, fees=1.0)
    assert match([]) == match([nothing])
    lot = Lot(Fill("b", 1, 5.0, 10.0), 3, 5.0)
    assert (lot,) == match([nothing], lots=[lot], place=4).lots
    assert [4] == [made.place for made in match([nothing, Fill("c", 3, 5.0, 10.0)], place=4).lots]


def test_the_example_of_the_page_holds():
    assert 0 == doctest.testmod(fifo).failed < doctest.testmod(fifo).attempted
