from collections import Counter
from fractions import Fraction
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import delete, event

from store.tables import open_lots, round_trips
from tests import lengths
from tests.docs.pages import rows as cells
from tests.workers.blotter import Blotter, fill

NOW = 1_700_000_000_000_000


@pytest.fixture
def blotter(store):
    return Blotter(store)


def trips(blotter):
    return {(row["entry_fill"], row["exit_fill"]): row["quantity"] for row in blotter.rows(round_trips)}


def lots(blotter):
    return {row["fill"]: row["quantity"] for row in blotter.rows(open_lots)}


def test_a_round_trip_says_what_it_earned_with_its_share_of_the_fees(blotter):
    blotter.take(
        fill("in", 10, 4, 50.0, decision_id="d", fees=2.0, multiplier=100.0),
        fill("out", 20, -1, 53.0, decision_id="x", fees=0.5, multiplier=100.0),
    )
    [trip], [lot] = blotter.books()
    assert {
        "instrument": 1,
        "account": "",
        "entry_fill": "in",
        "exit_fill": "out",
        "strategy": "main",
        "entry_decision": "d",
        "place": 0,
        "quantity": 1.0,
        "multiplier": 100.0,
        "entry_price": 50.0,
        "exit_price": 53.0,
        "entry_time": 10,
        "exit_time": 20,
        "gross": 300.0,
        "fees": 1.0,
        "net": 299.0,
    } == trip
    assert {
        "instrument": 1,
        "account": "",
        "fill": "in",
        "strategy": "main",
        "decision": "d",
        "place": 0,
        "quantity": 3.0,
        "multiplier": 100.0,
        "price": 50.0,
        "time": 10,
        "fees": 1.5,
    } == lot


def test_a_later_batch_goes_on_from_the_lots_that_are_open(blotter):
    blotter.take(fill("a", 1, 5), fill("b", 2, 5))
    blotter.take(fill("c", 3, -7))
    assert ({("a", "c"): 5, ("b", "c"): 2}, {"b": 3}) == (trips(blotter), lots(blotter))
    blotter.take(fill("d", 4, -4))
    assert {("a", "c"): 5, ("b", "c"): 2, ("b", "d"): 3} == trips(blotter)
    assert {"d": -1} == lots(blotter)


def test_a_book_from_before_books_were_kept_is_made_with_its_next_fill(blotter, store):
    blotter.take(fill("a", 1, 5), fill("b", 2, 5))
    with store.begin() as work:
        work.connection.execute(delete(open_lots))
        work.commit()
    blotter.take(fill("c", 3, -7))
    assert ({("a", "c"): 5, ("b", "c"): 2}, {"b": 3}) == (trips(blotter), lots(blotter))


def test_instruments_and_accounts_are_books_of_their_own(blotter):
    blotter.take(fill("a", 1, 5), fill("b", 2, -5, account="margin"), fill("c", 3, -5, instrument=2), fill("d", 4, -1))
    assert {("a", "d"): 1} == trips(blotter)
    assert {"a": 4, "b": -5, "c": -5} == lots(blotter)


def test_a_late_fill_changes_only_what_it_changes(blotter):
    blotter.take(fill("a", 1, 5, decision_id="a"), fill("b", 2, -5, decision_id="b"))
    blotter.take(fill("c", 5, 5, decision_id="c"), fill("d", 6, 5, decision_id="d"), fill("e", 7, -5))
    assert {"c", "d", "late"} == blotter.take(fill("late", 4, 2, decision_id="late"))
    assert {("a", "b"): 5, ("late", "e"): 2, ("c", "e"): 3} == trips(blotter)
    assert {"c": 2, "d": 5} == lots(blotter)


def test_what_comes_late_at_the_time_of_a_flat_book_is_taken_in_its_order(blotter):
    blotter.take(fill("a", 1, 5, rank=1), fill("b", 1, -5, rank=2), fill("c", 1, -3, rank=4), fill("d", 2, 3))
    blotter.take(fill("late", 1, 3, rank=5))
    assert {("a", "b"): 5, ("c", "late"): -3} == trips(blotter)
    blotter.take(fill("later", 2, -3, rank=0))
    assert {("a", "b"): 5, ("c", "late"): -3, ("later", "d"): -3} == trips(blotter)
    assert {} == lots(blotter)


def test_a_position_that_ended_at_the_very_time_at_which_the_next_began_is_left_alone(blotter):
    blotter.take(fill("a", 0, 5), fill("b", 1, -5, rank=1), fill("c", 1, -3, rank=2), fill("d", 3, 3))
    blotter.take(fill("late", 2, 1))
    assert {("a", "b"): 5, ("c", "late"): -1, ("c", "d"): -2} == trips(blotter)
    assert {"d": 1} == lots(blotter)


def test_fills_of_one_time_without_a_rank_stand_by_their_ids_whenever_they_come(blotter):
    blotter.take(fill("b", 1, -5))
    blotter.take(fill("a", 1, 5))
    assert {("a", "b"): 5} == trips(blotter)


def test_a_decision_is_closed_when_all_that_its_fills_opened_is(blotter):
    blotter.take(
        fill("a", 1, 10, 100.0, decision_id="d", fees=1.0),
        fill("b", 2, 30, 104.0, decision_id="d", fees=3.0),
        fill("c", 3, -20, 110.0, fees=2.0),
    )
    assert {} == blotter.closings(d=None)
    blotter.take(fill("e", 4, -20, 98.0, fees=2.0))
    found = blotter.closings(d=None)["d"]

    assert (103.0, 104.0, 40.0) == (found.entry_price, found.exit_price, found.quantity)
    assert (40.0, 8.0) == (found.gross_amount, found.fees_amount)
    assert (40.0 / 4_120.0, 32.0 / 4_120.0) == (found.return_, found.net)
    assert (1, 4) == (found.entry_time, found.exit_time)


def test_a_short_decision_earns_what_the_price_falls(blotter):
    blotter.take(fill("a", 1, -10, 50.0, decision_id="d", fees=0.0), fill("b", 2, 10, 40.0, fees=0.0))
    found = blotter.closings(d=None)["d"]
    assert (0.2, 0.2, 100.0) == (found.return_, found.net, found.gross_amount)


def test_a_contract_earns_by_the_multiplier_of_the_fill_that_opened_it(blotter):
    blotter.take(fill("a", 1, 1, 2.0, decision_id="d", multiplier=100.0, fees=10.0), fill("b", 2, -1, 3.0, fees=10.0))
    found = blotter.closings(d=None)["d"]
    assert (100.0, 0.5, 0.4) == (found.gross_amount, found.return_, found.net)


def test_without_the_fees_of_one_fill_nothing_is_net(blotter):
    blotter.take(fill("a", 1, 10, decision_id="d", fees=1.0), fill("b", 2, -5, fees=1.0), fill("c", 3, -5, 12.0))
    found = blotter.closings(d=None)["d"]
    assert (0.1, None, None) == (found.return_, found.net, found.fees_amount)


def test_what_a_crossing_fill_opens_belongs_to_its_own_decision(blotter):
    blotter.take(fill("a", 1, 10, 100.0, decision_id="long"), fill("b", 2, -25, 110.0, decision_id="short"))
    assert {"long"} == blotter.closings(long=None, short=None).keys()
    blotter.take(fill("c", 3, 15, 99.0))
    found = blotter.closings(long=None, short=None)
    assert (0.1, 0.1) == (found["long"].return_, found["short"].return_)
    assert (10.0, 15.0) == (found["long"].quantity, found["short"].quantity)


def test_a_closed_decision_whose_fills_go_on_is_open_again(blotter):
    blotter.take(fill("a", 1, 10, decision_id="d"), fill("b", 2, -10, 11.0))
    assert {"d"} == blotter.closings(d=None).keys()
    assert {"d"} == blotter.take(fill("c", 3, 10, decision_id="d"))
    assert {} == blotter.closings(d=None)


def test_a_fill_that_names_only_a_position_belongs_to_the_one_decision_that_bought_it(blotter):
    blotter.take(fill("a", 1, 10, position_id="p"), fill("b", 2, -10, 11.0, position_id="p"))
    blotter.decide("sold", position="p", action="SELL")
    assert {} == blotter.closings(sold="p")
    blotter.decide("bought", position="p")
    assert {"bought"} == blotter.closings(bought="p", sold="p", other="q").keys()
    assert {} == blotter.closings(sold="p")
    assert {"bought"} == blotter.take(fill("c", 3, 10, position_id="p"))
    assert {} == blotter.closings(bought="p")
    blotter.take(fill("d", 4, -10, 12.0))
    assert 20.0 == blotter.closings(bought="p")["bought"].quantity


def test_a_position_that_two_decisions_bought_tells_of_neither_what_its_fills_earned(blotter):
    blotter.decide("first", position="p")
    blotter.decide("second", position="p")
    assert {"second"} == blotter.take(
        fill("a", 1, 10, position_id="p"), fill("b", 2, 10, position_id="p", decision_id="second"), fill("c", 3, -20)
    )
    assert {"second"} == blotter.closings(first="p", second="p").keys()
    assert 10.0 == blotter.closings(second="p")["second"].quantity


def test_entries_that_were_worth_nothing_have_no_return(blotter):
    blotter.take(fill("a", 1, 10, 0.0, decision_id="d"), fill("b", 2, -10, 1.0))
    assert {} == blotter.closings(d=None)


def test_another_strategy_neither_sees_nor_moves_what_is_not_its_own(store):
    Blotter(store).take(fill("a", 1, 10, decision_id="d"), fill("b", 2, -10, 11.0))
    other = Blotter(store, listed=0, strategy="other", first=100)
    assert {} == other.closings(d=None)
    other.decide("theirs", position="p")
    other.decide("theirs too", position="q")
    ours = Blotter(store, listed=0, first=200)
    ours.decide("ours", position="p")
    assert {"ours"} == ours.take(fill("c", 3, 10, position_id="p"), fill("e", 4, 10, position_id="q"))


def test_books_are_made_anew_when_fills_moved_to_another_instrument(blotter):
    blotter.take(fill("a", 1, 10, decision_id="a"), fill("b", 2, -4), fill("c", 3, 5, instrument=2, decision_id="c"))
    blotter.move("b", instrument=2)
    assert {"a", "b", "c"} >= blotter.rebuild((1, ""), (2, "")) >= {"a", "c"}
    assert {("b", "c"): -4} == trips(blotter)
    assert {"a": 10, "c": 1} == lots(blotter)
    assert set() == blotter.rebuild((1, ""), (2, ""))


def test_a_book_that_a_fill_left_tells_of_the_decision_that_had_opened_it(blotter):
    blotter.take(fill("a", 1, 10, decision_id="a"), fill("b", 2, -4), fill("c", 3, 5, instrument=2, decision_id="c"))
    blotter.move("a", instrument=2)
    assert {"a"} == blotter.rebuild((1, ""))
    assert {"b": -4, "c": 5} == lots(blotter)
    blotter.move("c", instrument=1)
    assert {"a", "c"} == blotter.rebuild((2, ""))


@pytest.mark.parametrize("moved", ["a", "b", "c", "d"])
@pytest.mark.parametrize("time", [0, 25, 35, 50])
def test_a_fill_that_comes_between_a_move_and_its_rebuilding_finds_its_place(blotter, store, moved, time):
    blotter.take(fill("a", 10, 5), fill("b", 20, -5), fill("c", 30, 5), fill("d", 40, -8))
    blotter.move(moved, instrument=2)
    blotter.take(fill("new", time, 1))
    blotter.rebuild((1, ""), (2, ""))
    found = blotter.books()
    for table in (round_trips, open_lots):
        with store.begin() as work:
            work.connection.execute(delete(table))
            work.commit()
    blotter.rebuild((1, ""), (2, ""))
    assert blotter.books() == found


def test_nothing_new_touches_nothing(blotter):
    assert set() == blotter.take()
    assert {"d"} == blotter.take(fill("a", 1, 10, decision_id="d"))
    assert set() == blotter.take(fill("z", 2, 0.0, decision_id="d", fees=1.0))


@st.composite
def histories(draw):
    """Fills of three books, with ties in time, decisions and positions, in the order of their ids."""
    quantity = st.integers(-9, 9).map(lambda number: number / 3)
    return [
        fill(
            f"f{place:02}",
            draw(st.integers(0, 6)),
            draw(quantity),
            draw(st.integers(90, 110)) / 10,
            instrument=draw(st.sampled_from([1, 1, 1, 2])),
            account=draw(st.sampled_from(["", "", "margin"])),
            fees=draw(st.sampled_from([None, 0.0, 0.35])),
            rank=draw(st.sampled_from([None, None, 0, 1])),
            decision_id=draw(st.sampled_from(["d0", "d1", None])),
            position_id=draw(st.sampled_from(["p0", "p1", None])),
        )
        for place in range(draw(st.integers(0, 16)))
    ]


DECIDED = {"d0": "p0", "d1": "p2", "d2": "p1", "d3": "p2"}


def opened(stores):
    blotter = Blotter(stores.fresh(lambda: NOW))
    for decision, position in DECIDED.items():
        blotter.decide(decision, position=position)
    return blotter


@lengths.examples(60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), data=st.data())
def test_order_and_batches_leave_the_same_rows_and_every_changed_closing_is_told(history, data, sqlite_stores):
    leave_the_same_rows(history, data, sqlite_stores)


@lengths.examples(15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), data=st.data())
def test_order_and_batches_leave_the_same_rows_in_postgresql(history, data, postgresql_stores):
    leave_the_same_rows(history, data, postgresql_stores)


def leave_the_same_rows(history, data, stores):
    stores.give_back()
    shuffled = data.draw(st.permutations(history))
    cuts = sorted({0, len(history), *data.draw(st.lists(st.integers(0, len(history)), max_size=8))})
    at_once, piecemeal = opened(stores), opened(stores)

    at_once.take(*history)
    closed = {}
    for first, last in pairwise(cuts):
        told = piecemeal.take(*shuffled[first:last])
        before, closed = closed, piecemeal.closings(**DECIDED)
        assert {name for name in DECIDED if before.get(name) != closed.get(name)} <= told
    assert at_once.books() == piecemeal.books()
    assert at_once.closings(**DECIDED) == closed
    assert set() == piecemeal.rebuild((1, ""), (1, "margin"), (2, ""))
    assert at_once.books() == piecemeal.books()


@lengths.examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_the_books_hold_all_that_the_fills_bought_and_brought_in(history, stores):
    stores.give_back()
    blotter = opened(stores)
    blotter.take(*history)
    bought, money = Counter(), Counter()
    for row in history:
        quantity = Fraction(row["quantity"]) * (1 if row["side"] == "buy" else -1)
        bought[row["instrument"], row["account"]] += quantity
        money[row["instrument"], row["account"]] -= quantity * Fraction(row["price"])
    for row in blotter.rows(open_lots):
        bought[row["instrument"], row["account"]] -= Fraction(row["quantity"])
        money[row["instrument"], row["account"]] += Fraction(row["quantity"]) * Fraction(row["price"])
    for row in blotter.rows(round_trips):
        money[row["instrument"], row["account"]] -= Fraction(row["gross"])
    for book in bought:
        assert pytest.approx(0, abs=1e-9) == float(bought[book])
        assert pytest.approx(0, abs=1e-9) == float(money[book])


def effort(store, work):
    """How many steps SQLite took for ``work``: the same on every machine, as long as it is the same work."""
    steps = count()

    def watch(driver, *_):
        driver.set_progress_handler(lambda: next(steps) and None, 1)

    event.listen(store._engine, "checkout", watch)
    work()
    event.remove(store._engine, "checkout", watch)
    return next(steps)


def flat_days(days):
    """A position that is opened and closed each day."""
    return [fill(f"{day:05}{place}", day * 10 + place, 5 - 10 * place) for day in range(days) for place in (0, 1)]


def hoard(days):
    """A position that grows each day."""
    return [fill(f"{day:05}", day * 10, 5) for day in range(days)]


@pytest.mark.parametrize(
    ("history", "after"),
    [(flat_days, 100), (hoard, 100), (flat_days, -1_004)],
    ids=["often flat", "only growing", "a late fill"],
)
def test_what_a_fill_costs_does_not_grow_with_the_fills_that_are_stored(sqlite_stores, history, after):
    taking, reading = [], []
    for days in (200, 2_000):
        store = sqlite_stores.fresh(lambda: NOW)
        blotter = Blotter(store)
        blotter.decide("d", position="p")
        blotter.take(*history(days))
        time = days * 10 + after
        new = [
            fill("in", time, 5, decision_id="d"),
            fill("on", time + 1, 5, position_id="p"),
            fill("out", time + 2, -12),
        ]
        taking.append(effort(store, lambda blotter=blotter, new=new: blotter.take(*new)))
        reading.append(effort(store, lambda blotter=blotter: blotter.closings(d="p")))
    for few, many in (taking, reading):
        assert 0 < few
        assert many < 1.2 * few


PAGE = "docs/positions.md"


def test_the_example_of_the_page_is_what_the_code_makes_of_its_fills(blotter):
    for name, time, side, quantity, price, fees, decision in cells(PAGE, header="fill"):
        sign = 1 if side == "buy" else -1
        more = {"fees": float(fees), "decision_id": decision or None}
        blotter.take(fill(name, int(time.replace(":", "")), sign * float(quantity), float(price), **more))

    assert cells(PAGE, header="opened by") == [
        [
            trip["entry_fill"],
            trip["exit_fill"],
            f"{trip['quantity']:.0f}",
            *(f"{trip[name]:.2f}" for name in ("gross", "fees", "net")),
            trip["entry_decision"],
        ]
        for trip in blotter.rows(round_trips)
    ]
    assert cells(PAGE, header="still open") == [
        [lot["fill"], f"{lot['quantity']:.0f}", f"{lot['price']:.2f}", f"{lot['fees']:.2f}", lot["decision"]]
        for lot in blotter.rows(open_lots)
    ]
    assert cells(PAGE, header="decision") == [
        [
            name,
            f"{made.entry_price:.4f}",
            f"{made.exit_price:.4f}",
            f"{made.gross_amount / made.return_:.2f}",
            f"{made.gross_amount:.2f}",
            f"{made.fees_amount:.2f}",
            f"{made.return_:.6f}",
            f"{made.net:.6f}",
        ]
        for name, made in blotter.closings(d1=None, d2=None).items()
    ]
