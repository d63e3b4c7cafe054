"""Outcomes without ids are joined by the declared rule, or not at all."""

import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from store.facts import Facts
from store.tables import alerts, decisions, outcomes
from store.tallies import Tallies
from tests.databases import long_on_postgresql, sqlite_only
from tests.statements import heard, plans
from tests.workers.desk import registry
from tests.workers.shelf import Shelf
from workers.join.cases import read_units
from workers.join.inference import Inference
from workers.join.positions import Positions
from workers.join.rules import Rules
from workers.join.waiting import Waiting

TIME = "2024-01-03 15:00"
ENTERED = "2024-01-03 15:05"
LATER = "2024-01-03 20:00"


@pytest.fixture
def connection(store):
    with store.begin() as work:
        yield work.connection


@pytest.fixture
def shelf(connection):
    return Shelf(connection)


def inference(shelf, *, within=15):
    return Inference(shelf.connection, Rules(registry(infer_within_minutes=within)))


def units_of(shelf):
    found = [shelf.connection.execute(select(table.c.unit)).scalars().all() for table in (alerts, decisions)]
    return {unit for units in found for unit in units}


def owners(shelf, **rule):
    """(case, outcome) of everything that the rule joins."""
    units = read_units(Facts(shelf.connection, "main"), units_of(shelf))
    cases = [case for cohort in units.values() for case in cohort.cases]
    made = inference(shelf, **rule).outcomes_for(cases)
    return {(key, row.outcome_id) for key, rows in made.items() for row in rows}


def nameless(shelf, name="o", *, entered=ENTERED, **more):
    return shelf.outcome(name, LATER, symbol=more.pop("symbol", "AAPL"), entered=entered, **more)


def test_joins_the_only_alert_of_the_symbol_and_direction_shortly_before_the_entry(shelf):
    shelf.alert("a", TIME)
    shelf.alert("short", TIME, direction="short")
    shelf.alert("other", TIME, symbol="MSFT")
    shelf.alert("early", "2024-01-03 14:49")
    shelf.alert("after", "2024-01-03 15:06")
    nameless(shelf)
    nameless(shelf, "s", direction="short")

    assert {("alert/a", "o"), ("alert/short", "s")} == owners(shelf)


@pytest.mark.parametrize(
    ("time", "is_joined"), [("14:50", True), ("14:49:59", False), ("15:05", True), ("15:06", False)]
)
def test_the_bounds_of_the_rule_belong_to_it(shelf, time, is_joined):
    shelf.alert("a", f"2024-01-03 {time}")
    nameless(shelf)
    assert is_joined == bool(owners(shelf))


def test_of_two_candidates_none_is_chosen(shelf):
    shelf.alert("a", TIME)
    shelf.alert("b", "2024-01-03 15:01")
    nameless(shelf)
    assert set() == owners(shelf)


def test_a_purchase_stands_for_the_alert_that_it_follows(shelf):
    shelf.alert("a", TIME)
    shelf.decision("d", "2024-01-03 15:01", alert_id="a")
    nameless(shelf)
    assert {("decision/d", "o")} == owners(shelf)


def test_what_was_not_bought_stands_for_nothing(shelf):
    shelf.alert("a", TIME)
    shelf.decision("d", "2024-01-03 15:01", alert_id="a", action="IGNORE")
    nameless(shelf)
    assert {("alert/a", "o")} == owners(shelf)


@pytest.mark.parametrize("names", [{"decision_id": "d"}, {"position_id": "p"}, {"position_id": "q"}, {"alert_id": "x"}])
def test_a_candidate_with_a_report_of_its_own_is_none(shelf, names):
    shelf.decision("d", TIME, alert_id="x", position_id="p")
    shelf.fill("f", TIME, decision_id="d", position_id="q")
    shelf.alert("a", "2024-01-03 15:01")
    nameless(shelf)
    assert set() == owners(shelf)

    shelf.outcome("named", LATER, **names)
    assert {("alert/a", "o")} == owners(shelf)


def test_a_report_at_another_horizon_is_no_report_of_its_own(shelf):
    shelf.alert("a", TIME)
    shelf.outcome(
        "named", LATER, alert_id="a", horizon="1d", body=msgspec.json.encode({"returns": {"3d": 0.1}}).decode()
    )
    nameless(shelf)
    nameless(shelf, "at one", horizon="1d")
    nameless(shelf, "at three", horizon="3d")
    assert {("alert/a", "o")} == owners(shelf)


def test_a_candidate_whose_fills_say_how_it_closed_is_none(shelf):
    shelf.decision("d", TIME)
    shelf.alert("a", "2024-01-03 15:01")
    nameless(shelf)
    books = Positions(shelf.connection, "main")
    books.take([shelf.fill("in", TIME, decision_id="d")])
    assert set() == owners(shelf)

    books.take([shelf.fill("out", LATER, side="sell")])
    assert {("alert/a", "o")} == owners(shelf)


def test_candidates_may_have_reports_of_their_own_by_name_and_by_fills_side_by_side(shelf):
    shelf.decision("d", TIME)
    shelf.alert("a", TIME)
    shelf.alert("named", TIME)
    nameless(shelf)
    shelf.outcome("own", LATER, alert_id="named")
    books = Positions(shelf.connection, "main")
    books.take([shelf.fill("in", TIME, decision_id="d"), shelf.fill("out", LATER, side="sell")])
    assert {("alert/a", "o")} == owners(shelf)


def test_outcomes_of_two_entries_are_not_both_of_one_alert(shelf):
    shelf.alert("a", TIME)
    nameless(shelf)
    nameless(shelf, "correction")
    assert {("alert/a", "o"), ("alert/a", "correction")} == owners(shelf)

    nameless(shelf, "another", entered="2024-01-03 15:10")
    assert set() == owners(shelf)


def test_an_entry_over_the_weekend_finds_what_was_told_before_it(shelf):
    shelf.alert("a", "2024-01-05 21:30")
    nameless(shelf, entered="2024-01-08 14:30")
    assert {("alert/a", "o")} == owners(shelf, within=60 * 24 * 3)


def test_without_a_rule_the_store_is_not_asked_for_anything(shelf):
    shelf.alert("a", TIME)
    row = nameless(shelf)
    cases = [
        case
        for cohort in read_units(Facts(shelf.connection, "main"), units_of(shelf)).values()
        for case in cohort.cases
    ]
    none = inference(shelf, within=None)
    with heard(shelf.connection) as asked:
        none.mark(["AAPL/2024-01-03"])
        assert ({}, set(), set()) == (none.outcomes_for(cases), none.units_of_outcomes([row]), none.units_near([row]))
    assert [] == asked


@sqlite_only
def test_while_every_outcome_bears_a_name_one_row_is_asked_for(shelf):
    row = shelf.alert("a", TIME)
    named = shelf.outcome("o", LATER, alert_id="a")
    one = inference(shelf)
    with heard(shelf.connection) as asked:
        one.units_near([row])
        one.units_of_outcomes([named])
        one.mark(["AAPL/2024-01-03"])
        assert {} == one.outcomes_for([])

    assert 1 == len(asked)
    [plan] = plans(shelf.connection, asked)
    assert "USING COVERING INDEX ix_outcomes_instrument_entry_time" in plan


def test_marks_what_the_rule_joins_and_takes_it_back_when_it_no_longer_does(shelf):
    shelf.alert("a", TIME)
    row = nameless(shelf)
    rules = Rules(registry(infer_within_minutes=15))
    Waiting(shelf.connection, rules, settled="").arrived([row])

    def marked():
        Inference(shelf.connection, rules).mark(units_of(shelf))
        tallies = Tallies(shelf.connection).prefixed("reported/main/")
        return shelf.connection.execute(select(outcomes.c.joined)).scalar(), tallies["inferred"], tallies["waiting"]

    assert (1, 1, 0) == marked()
    assert (1, 1, 0) == marked()
    shelf.alert("b", TIME)
    assert (0, 0, 1) == marked()


MINUTES = st.integers(0, 7)
SYMBOLS = st.sampled_from(["AAPL"] * 5 + ["MSFT"])
DIRECTIONS = st.sampled_from(["long"] * 5 + ["short"])
NAMES = st.sampled_from([f"n{number}" for number in range(4)])
HORIZONS = st.sampled_from(["close"] * 4 + ["1d"])
ALERT = st.tuples(st.just("alert"), MINUTES, SYMBOLS, DIRECTIONS)
DECISION = st.tuples(st.just("decision"), MINUTES, SYMBOLS, DIRECTIONS, st.sampled_from(["BUY", "BUY", "HOLD"]), NAMES)
NAMELESS = st.tuples(st.just("nameless"), MINUTES, SYMBOLS, DIRECTIONS, HORIZONS)
NAMED = st.tuples(st.just("named"), st.sampled_from(["decision_id", "alert_id"]), NAMES, HORIZONS)
WITHIN = 5


def put(shelf, number, told):
    """Puts one fact in and says which units that touches by itself; alerts and decisions are called n0, n1, …"""
    sort, *said = told
    name = f"n{number}"
    if sort == "alert":
        minute, symbol, direction = said
        row = shelf.alert(name, f"2024-01-03 15:{minute:02}", symbol=symbol, direction=direction, unit=f"u/{name}")
    elif sort == "decision":
        minute, symbol, direction, action, alert_id = said
        more = {"action": action, "alert_id": alert_id, "unit": f"u/{name}"}
        row = shelf.decision(name, f"2024-01-03 15:{minute:02}", symbol=symbol, direction=direction, **more)
    elif sort == "nameless":
        minute, symbol, direction, horizon = said
        entered = f"2024-01-03 15:{minute:02}"
        row = nameless(shelf, name, entered=entered, symbol=symbol, direction=direction, horizon=horizon)
    else:
        column, named, horizon = said
        row = shelf.outcome(name, LATER, horizon=horizon, **{column: named})
    return sort, row


def brute_force(told):
    """(case, outcome) by the words of the rule, from everything at once."""
    buys = {f"n{n}": one for n, one in told.items() if one[0] == "decision" and one[4] == "BUY"}
    followed = {one[5] for one in buys.values()}
    named = {(one[1], one[2], one[3]) for one in told.values() if one[0] == "named"}
    candidates = {
        f"decision/{name}": (one, [("decision_id", name), ("alert_id", one[5])]) for name, one in buys.items()
    }
    for number, one in told.items():
        if one[0] == "alert" and f"n{number}" not in followed:
            candidates[f"alert/n{number}"] = (one, [("alert_id", f"n{number}")])
    claims = {}
    for number, one in told.items():
        if one[0] != "nameless":
            continue
        _, minute, symbol, direction, horizon = one
        free = [
            key
            for key, (case, names) in candidates.items()
            if case[2:4] == (symbol, direction)
            and 0 <= minute - case[1] <= WITHIN
            and not any((*name, horizon) in named for name in names)
        ]
        if len(free) == 1:
            claims.setdefault((free[0], horizon), []).append((minute, f"n{number}"))
    return {
        (key, name) for (key, _), mine in claims.items() if len({minute for minute, _ in mine}) == 1 for _, name in mine
    }


def test_an_alert_that_a_purchase_of_another_symbol_follows_is_looked_at_again(shelf):
    shelf.alert("a", TIME, unit="of the alert")
    nameless(shelf)
    row = shelf.decision("d", LATER, symbol="MSFT", alert_id="a", unit="of the decision")
    assert {"of the alert"} == inference(shelf).units_near([row])


def test_a_named_outcome_has_those_looked_at_that_stood_beside_what_it_names(shelf):
    shelf.alert("a", TIME, unit="of a")
    shelf.alert("b", TIME, unit="of b")
    nameless(shelf)
    row = shelf.outcome("own", LATER, alert_id="a")
    assert "of b" in inference(shelf).units_of_outcomes([row])


def test_marks_nothing_of_cases_beyond_the_units_that_it_is_handed(shelf):
    """Of these alone it knows every outcome that would be theirs."""
    shelf.alert("a", "2024-01-03 15:08", unit="of a")
    shelf.alert("b", TIME, unit="of b")
    shelf.outcome("own", LATER, alert_id="a")
    nameless(shelf, "early", entered="2024-01-03 15:02")
    nameless(shelf, "late", entered="2024-01-03 15:10")
    one = inference(shelf)
    one.mark(["of a"])
    assert [] == shelf.connection.execute(select(outcomes.c.outcome_id).where(outcomes.c.joined == 1)).all()


@long_on_postgresql
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    told=st.lists(st.one_of(ALERT, DECISION, NAMELESS, NAMELESS, NAMED), min_size=2, max_size=12),
    cut=st.integers(1, 12),
    seed=st.integers(0, 10**6),
)
def test_the_rule_holds_in_any_order_and_what_is_measured_again_is_enough(store, told, cut, seed):
    """Facts come in any order and in any batches; only the units that are named are looked at again."""
    wanted = brute_force(dict(enumerate(told)))
    order = list(enumerate(told))
    random.Random(seed).shuffle(order)
    with store.begin() as work:
        shelf = Shelf(work.connection)
        rules = Rules(registry(infer_within_minutes=WITHIN))
        stand = {}
        for start in range(0, len(order), cut):
            take(shelf, rules, order[start : start + cut], stand)
        flags = dict(tuple(row) for row in work.connection.execute(select(outcomes.c.outcome_id, outcomes.c.joined)))
        found = {(key, name) for key, names in stand.items() for name in names}
        tallies = Tallies(work.connection).prefixed("reported/main/")

    assert wanted == found
    free = {f"n{number}" for number, one in enumerate(told) if one[0] == "nameless"}
    assert {name for _, name in wanted} == {name for name in free if flags[name]}
    assert len(wanted) == tallies.get("inferred", 0)
    assert sum(1 for flag in flags.values() if not flag) == tallies.get("waiting", 0)


def take(shelf, rules, batch, stand):
    """What attribution does with a batch, as far as outcomes without names are concerned."""
    one = Inference(shelf.connection, rules)
    waiting = Waiting(shelf.connection, rules, settled="")
    subjects = [put(shelf, number, told) for number, told in batch if told[0] in ("alert", "decision")]
    units = {row["unit"] for _, row in subjects} | one.units_near([row for _, row in subjects])
    waiting.subjects_came(
        alerts=[row["alert_id"] for sort, row in subjects if sort == "alert"],
        decisions=[row["decision_id"] for sort, row in subjects if sort == "decision"],
    )
    told = [put(shelf, number, told)[1] for number, told in batch if told[0] in ("nameless", "named")]
    units |= {f"u/{row['decision_id'] or row['alert_id']}" for row in told} | one.units_of_outcomes(told)
    waiting.arrived(told)
    cases = [case for cohort in read_units(Facts(shelf.connection, "main"), units).values() for case in cohort.cases]
    found = Inference(shelf.connection, rules).outcomes_for(cases)
    for case in cases:
        stand[case.key] = {row.outcome_id for row in found.get(case.key, [])}
    one.mark(units)


def test_two_trades_that_tell_of_one_horizon_have_one_candidate_between_them_and_neither_is_joined(shelf):
    shelf.alert("a", TIME)
    nameless(shelf, "o1", horizon="1d", body='{"returns":{"3d":0.3}}')
    assert {("alert/a", "o1")} == owners(shelf)
    nameless(shelf, "o2", entered="2024-01-03 15:02", horizon="close", body='{"returns":{"3d":-0.3}}')
    assert set() == owners(shelf)
