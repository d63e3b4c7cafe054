import random
from collections import Counter

import msgspec
import pytest

from events.moments import moment
from schemas.attributed import Contribution
from schemas.price import PriceObserved
from schemas.vocabulary import Direction, ExitReason, Side
from store.reconciliations import Reconciliations
from store.tables import alerts
from tests.workers.desk import NYSE, Desk, Stream, at, registry, version
from workers.join.view import UNCLOSED

BARS = {"2023-01-05": (100, 103, 99, 102), "2023-01-06": (102, 110, 101, 108), "2023-01-09": (107, 108, 90, 95)}


@pytest.fixture
def desk(store):
    return Desk(store)


@pytest.fixture
def stream():
    return Stream()


def bars(stream, prices=BARS, **more):
    return [stream.bar(session, *row, **more) for session, row in prices.items()]


def contributions(desk, name):
    return msgspec.json.decode(desk.example(name)["contributions"], type=list[Contribution])


def rewards(desk, name):
    """What the example adds, as {reward: total}."""
    return {one.reward: one.total for one in contributions(desk, name)}


def settle(desk, stream, *sessions):
    for session in sessions:
        desk.take(stream.closed(session))
    desk.rest()


@pytest.mark.parametrize(
    ("time", "unit", "entry", "due"),
    [
        ("2023-01-04 13:00", "AAPL/2023-01-04", "2023-01-04", "2023-01-06"),
        ("2023-01-04 14:30", "AAPL/2023-01-04", "2023-01-04", "2023-01-06"),
        ("2023-01-04 15:00", "AAPL/2023-01-04", "2023-01-05", "2023-01-09"),
        ("2023-01-04 22:00", "AAPL/2023-01-04", "2023-01-05", "2023-01-09"),
        ("2023-01-07 15:00", "AAPL/2023-01-09", "2023-01-09", "2023-01-11"),
        ("2023-01-13 15:00", "AAPL/2023-01-13", "2023-01-17", "2023-01-19"),
    ],
    ids=["before the open", "at the open", "during", "after the close", "on a Saturday", "before a long weekend"],
)
def test_an_alert_is_entered_at_the_first_open_that_it_can_reach(desk, stream, time, unit, entry, due):
    desk.take(stream.alert("a", time))
    row = desk.example("main/alert/a/3d/prices")
    assert (unit, NYSE.close_of(due), "pending") == (row["unit"], row["due"], row["state"])
    assert entry == desk.fact(alerts, alert_id="a")["entry_session"]


def test_an_alert_during_a_session_earns_from_the_next_open_to_the_close_of_the_third_session(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"), *bars(stream))
    row = desk.example("main/alert/a/3d/prices")
    assert ("matched", 100, 95, "loss") == tuple(
        row[c] for c in ("state", "entry_price", "exit_price", "outcome_class")
    )
    assert pytest.approx((-0.05, 0.10, -0.10)) == (row["return"], row["mfe"], row["mae"])
    [letter] = [one for one in desk.letters() if one.data.horizon == "3d"]
    assert NYSE.close_of("2023-01-09") == letter.time
    assert "2023-01-05T14:30:00+00:00" == letter.data.entry_time.isoformat()
    assert "2023-01-09T21:00:00+00:00" == letter.data.exit_time.isoformat()


def test_a_short_alert_earns_what_a_long_one_loses(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00", direction=Direction.SHORT), *bars(stream))
    row = desk.example("main/alert/a/3d/prices")
    assert pytest.approx((0.05, 0.10, -0.10)) == (row["return"], row["mfe"], row["mae"])
    assert "win" == row["outcome_class"]


def test_every_example_is_what_a_loop_over_the_bars_finds(desk, stream):
    rng = random.Random(7)
    sessions = [NYSE.shift("2023-01-03", place) for place in range(12)]
    prices = {}
    for symbol in ("AAPL", "MSFT"):
        for session in sessions:
            if rng.random() < 0.85:
                start, close = rng.uniform(50, 60), rng.uniform(50, 60)
                prices[symbol, session] = (start, max(start, close) + 1, min(start, close) - 1, close)
    alerts = [
        stream.alert(f"a{place}", NYSE.open_of(session) + 1, symbol=symbol, unit=f"{symbol}/{session}/{place}")
        for place, (symbol, session) in enumerate(
            (symbol, session) for symbol in ("AAPL", "MSFT") for session in sessions
        )
    ]
    desk.take(*alerts, *(stream.bar(session, *row, symbol=symbol) for (symbol, session), row in prices.items()))
    found = desk.examples("state", "return", "mfe", "mae")
    for alert in alerts:
        for sessions_held in (1, 3):
            entry = NYSE.first_open_at_or_after(alert.time)
            row = found[f"main/alert/{alert.data.alert_id}/{sessions_held}d/prices"]
            held = [prices.get((alert.data.symbol, NYSE.shift(entry, n))) for n in range(sessions_held)]
            if held[0] is None or held[-1] is None:
                assert {"state": "pending", "return": None, "mfe": None, "mae": None} == row
                continue
            high, low = max(bar[1] for bar in held if bar), min(bar[2] for bar in held if bar)
            assert "matched" == row["state"]
            assert pytest.approx(held[-1][3] / held[0][0] - 1) == row["return"]
            assert pytest.approx((high / held[0][0] - 1, low / held[0][0] - 1)) == (row["mfe"], row["mae"])


def test_a_pending_example_is_told_to_nobody(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    assert {0} == {row["revision"] for row in desk.examples("revision").values()}
    assert [] == desk.letters()


def test_a_bar_that_came_too_late_revises_and_takes_back_exactly_what_was_added(desk, stream):
    first, middle, last = bars(stream)
    desk.take(stream.alert("a", "2023-01-04 15:00"), first, last)
    before = desk.example("main/alert/a/3d/prices")
    desk.take(middle)
    after = desk.example("main/alert/a/3d/prices")
    assert pytest.approx((0.08, 0.10)) == (before["mfe"], after["mfe"])
    assert (1, 2) == (before["revision"], after["revision"])
    assert before["sequence"] < after["sequence"]
    told = [one.data for one in desk.letters() if one.data.horizon == "3d"]
    assert told[0].contributions == told[1].replaced == told[1].contributions


def test_the_bar_of_the_entry_may_come_last(desk, stream):
    first, middle, last = bars(stream)
    desk.take(stream.alert("a", "2023-01-04 15:00"), middle, last)
    desk.take(first)
    assert "matched" == desk.example("main/alert/a/3d/prices")["state"]


def test_a_revised_bar_replaces_and_the_statistics_end_where_they_would_have_begun(desk, stream, store, tmp_path):
    desk.take(stream.alert("a", "2023-01-04 15:00"), *bars(stream))
    wrong = desk.net()
    desk.take(stream.bar("2023-01-09", 107, 108, 90, 104))
    look = {key[3]: number for key, number in desk.net().items() if key[3].startswith("alert") and key[6] == "total"}
    assert {"alert_return:3d": 40_000} == look
    assert {1} == {number for key, number in desk.net().items() if key[6] == "n"}
    assert wrong.keys() == desk.net().keys()


def test_a_bar_that_is_not_final_completes_nothing_and_never_replaces_a_final_one(desk, stream):
    first, middle, last = bars(stream)
    desk.take(
        stream.alert("a", "2023-01-04 15:00"), first, middle, stream.bar("2023-01-09", 107, 108, 90, 50, final=False)
    )
    assert "pending" == desk.example("main/alert/a/3d/prices")["state"]
    desk.take(last)
    desk.take(stream.bar("2023-01-09", 107, 108, 90, 50, final=False))
    assert 95 == desk.example("main/alert/a/3d/prices")["exit_price"]


def test_a_replaced_bar_that_is_delivered_again_does_not_come_back(desk, stream):
    wrong, right = stream.bar("2023-01-05", 100, 101, 99, 101), stream.bar("2023-01-05", 100, 103, 99, 102)
    desk.take(stream.alert("a", "2023-01-04 15:00"), wrong)
    desk.take(right)
    desk.take(msgspec.structs.replace(wrong, entry="price.observed/99-0"))
    desk.take(wrong, right)
    assert 102 == desk.example("main/alert/a/1d/prices")["exit_price"]
    assert 2 == desk.example("main/alert/a/1d/prices")["revision"]


def test_what_stands_later_in_the_stream_replaces_even_when_it_is_taken_in_first(desk, stream):
    wrong, right = stream.bar("2023-01-05", 100, 101, 99, 101), stream.bar("2023-01-05", 100, 103, 99, 102)
    desk.take(stream.alert("a", "2023-01-04 15:00"), right)
    desk.take(wrong)
    assert 102 == desk.example("main/alert/a/1d/prices")["exit_price"]


def test_bars_of_other_intervals_are_kept_and_measure_nothing(desk, stream):
    [first, *_] = bars(stream)
    hourly = msgspec.structs.replace(first.data, interval="1h", close=55)
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.event(hourly, first.time), first)
    assert 102 == desk.example("main/alert/a/1d/prices")["exit_price"]


def test_a_split_is_no_loss(desk, stream):
    split = {"2023-01-05": (100, 102, 99, 101), "2023-01-06": (50.5, 52, 50, 51), "2023-01-09": (51, 52, 50, 52)}
    events = bars(stream, split)
    events[1] = stream.bar("2023-01-06", *split["2023-01-06"], factor=0.5)
    desk.take(stream.alert("a", "2023-01-04 15:00"), *events)
    assert pytest.approx(0.04) == desk.example("main/alert/a/3d/prices")["return"]


def test_an_outcome_before_its_alert_waits_for_it(desk, stream):
    desk.take(stream.outcome("o", "2023-01-06 15:00", alert_id="a", horizon="2d", return_=0.03))
    assert {} == desk.examples()
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    row = desk.example("main/alert/a/2d/reported")
    assert ("matched", 0.03, "win") == (row["state"], row["return"], row["outcome_class"])


def test_a_decision_before_its_alert_moves_to_the_alerts_unit_and_takes_its_version(desk, stream):
    desk.take(stream.decision("d", "2023-01-05 14:00", alert_id="a", version=None, size=0.1))
    assert "AAPL/2023-01-05" == desk.example("main/decision/d/3d/prices")["unit"]
    desk.take(stream.alert("a", "2023-01-04 15:00", regime="bull", score=0.9))
    row = desk.example("main/decision/d/3d/prices")
    assert ("AAPL/2023-01-04", "2023-01-04") == (row["unit"], row["session"])
    assert NYSE.close_of("2023-01-09") == desk.example("main/decision/d/close/reported")["due"]
    desk.take(*(stream.bar(NYSE.shift("2023-01-05", place), 100, 101, 99, 100) for place in range(3)))
    [look] = [one for one in contributions(desk, "main/decision/d/3d/prices") if one.reward == "alert_return:3d"]
    assert ("1-1", "bull") == (look.version, look.regime)
    assert {0.9} == {one.data.score for one in desk.letters() if one.data.subject_id == "d"}


def test_a_unit_that_its_decision_leaves_is_represented_by_its_alert_again(desk, stream):
    desk.take(
        stream.alert("a", "2023-01-04 15:00"), stream.decision("d", "2023-01-04 15:01", alert_id="b"), *bars(stream)
    )
    assert {} == rewards(desk, "main/alert/a/3d/prices")
    desk.take(stream.alert("b", "2023-01-03 15:00"))
    assert "alert_return:3d" in rewards(desk, "main/alert/a/3d/prices")


def test_a_decision_about_the_alert_of_another_unit_learns_what_that_says_when_it_comes(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00", alert_id="a", unit="mine/2023-01-04", version=None))
    desk.take(stream.alert("a", "2023-01-04 15:00", regime="bull"))
    desk.take(*(stream.bar(NYSE.shift("2023-01-05", place), 100, 101, 99, 100) for place in range(3)))
    [look] = [one for one in contributions(desk, "main/decision/d/3d/prices") if one.reward == "alert_return:3d"]
    assert ("bull", "1-1") == (look.regime, look.version)


def test_a_decision_that_names_its_unit_keeps_it(desk, stream):
    desk.take(stream.decision("d", "2023-01-05 14:00", alert_id="a", unit="mine/2023-01-06"))
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    row = desk.example("main/decision/d/3d/prices")
    assert ("mine/2023-01-06", "2023-01-06") == (row["unit"], row["session"])


def test_the_first_decision_represents_its_unit_and_alerts_only_where_there_is_none(desk, stream):
    desk.take(stream.alert("a2", "2023-01-04 15:01"), stream.alert("a1", "2023-01-04 15:00"), *bars(stream))
    assert {"alert_return:3d", "unit_pnl:3d"} == rewards(desk, "main/alert/a1/3d/prices").keys()
    assert {} == rewards(desk, "main/alert/a2/3d/prices")
    desk.take(stream.decision("d1", "2023-01-04 15:03"), stream.decision("d2", "2023-01-04 15:02", action="IGNORE"))
    assert {} == rewards(desk, "main/alert/a1/3d/prices")
    assert "alert_return:3d" in rewards(desk, "main/decision/d2/3d/prices")
    assert {1} == {number for key, number in desk.net().items() if key[6] == "n"}


def test_a_decision_to_leave_a_position_represents_no_unit(desk, stream):
    desk.take(stream.decision("out", "2023-01-04 14:35", action="SELL", version=None), *bars(stream))
    desk.take(stream.decision("in", "2023-01-04 15:00", action="IGNORE"))
    assert "alert_return:3d" in rewards(desk, "main/decision/in/3d/prices")
    assert [] == contributions(desk, "main/decision/out/3d/prices")


def test_a_unit_that_bought_nothing_earned_a_real_zero(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.decision("d", "2023-01-04 15:01", action="IGNORE"))
    desk.take(*bars(stream))
    settle(desk, stream, "2023-01-09")
    [close] = contributions(desk, "main/decision/d/close/reported")
    assert ("unit_pnl:close", 1, 0, 0) == (close.reward, close.n, close.total, close.squares)
    assert 0 == rewards(desk, "main/decision/d/3d/prices")["unit_pnl:3d"]
    assert None is desk.example("main/decision/d/close/reported")["net"]


def test_what_a_unit_earned_is_the_sum_of_size_times_return_of_what_it_bought(desk, stream):
    desk.take(
        stream.decision("d1", "2023-01-04 15:00", size=0.10),
        stream.decision("d2", "2023-01-04 15:01", size=0.20, direction=Direction.SHORT),
        stream.decision("d3", "2023-01-04 15:02", size=0.40, action="HOLD"),
        stream.outcome("o1", "2023-01-06 15:00", decision_id="d1", net=0.04),
        stream.outcome("o2", "2023-01-06 15:00", decision_id="d2", gross=-0.01, fees=0.002),
        *bars(stream),
    )
    settle(desk, stream, "2023-01-09")
    assert {"unit_pnl:close": 1_600} == rewards(desk, "main/decision/d1/close/reported")
    assert {"unit_pnl:3d": 5_000, "alert_return:3d": -50_000} == rewards(desk, "main/decision/d1/3d/prices")
    assert {} == rewards(desk, "main/decision/d2/close/reported")


def test_a_reward_is_winsorised_and_carries_the_arm_its_share_and_the_regime(store, stream):
    desk = Desk(store, rules=registry(jump_guard=10.0))
    desk.take(
        stream.alert("a", "2023-01-04 15:00", regime="bear"), *bars(stream, BARS | {"2023-01-09": (200, 300, 90, 250)})
    )
    [look] = [one for one in contributions(desk, "main/alert/a/3d/prices") if one.reward == "alert_return:3d"]
    arm = version(registry()).assigned("AAPL/2023-01-04")["look.1-1"]
    assert (500_000, 250_000_000_000, 1) == (look.total, look.squares, look.n)
    expected = ("look.1-1", arm.key, arm.share, "bear", "2023-01-04", "1-1")
    assert expected == (look.allocation, look.arm, look.propensity, look.regime, look.session, look.version)


def test_a_close_enters_only_when_the_maximum_hold_of_its_cohort_has_passed(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1))
    desk.take(stream.outcome("o", "2023-01-05 15:00", decision_id="d", net=0.04))
    settle(desk, stream, "2023-01-05", "2023-01-06")
    row = desk.example("main/decision/d/close/reported")
    due = NYSE.close_of("2023-01-09")
    assert ("pending", 0.04, due, {}) == (row["state"], row["net"], row["due"], desk.net())
    settle(desk, stream, "2023-01-09")
    assert {"unit_pnl:close": 4_000} == rewards(desk, "main/decision/d/close/reported")


def test_a_close_waits_for_every_purchase_of_the_unit(desk, stream):
    desk.take(stream.decision("d1", "2023-01-04 15:00", size=0.1), stream.decision("d2", "2023-01-04 15:01", size=0.1))
    desk.take(stream.outcome("o1", "2023-01-05 15:00", decision_id="d1", net=0.04))
    settle(desk, stream, "2023-01-09")
    states = [desk.example(f"main/decision/{name}/close/reported")["state"] for name in ("d1", "d2")]
    assert (["pending", "pending"], {}) == (states, desk.net())
    desk.take(stream.outcome("o2", "2023-01-10 15:00", decision_id="d2", net=-0.01))
    assert {"unit_pnl:close": 3_000} == rewards(desk, "main/decision/d1/close/reported")


@pytest.mark.parametrize(
    ("decision", "outcome", "said"),
    [
        ({"size": 0.1}, {"return_": 0.04}, "send net, or gross and fees"),
        ({"size": 0.1}, {}, "send net, or gross and fees"),
        ({}, {"net": 0.04}, "without a size"),
    ],
)
def test_a_missing_number_is_missing_and_never_a_zero(desk, stream, decision, outcome, said):
    desk.take(stream.decision("d", "2023-01-04 15:00", **decision))
    desk.take(stream.outcome("o", "2023-01-05 15:00", decision_id="d", **outcome))
    settle(desk, stream, "2023-01-09")
    row = desk.example("main/decision/d/close/reported")
    assert said in row["reason"]
    assert ("[]", {}) == (row["contributions"], desk.net())


def test_what_trading_reports_is_kept_as_given(desk, stream):
    outcome = {"net": 0.02, "return_": 0.03, "mfe": 0.05, "mae": -0.01, "exit_reason": ExitReason.TAKE_PROFIT}
    desk.take(
        stream.decision("d", "2023-01-04 15:00"),
        stream.outcome(
            "o", "2023-01-05 15:00", decision_id="d", horizon="4h", entry_price=10, exit_price=99, **outcome
        ),
    )
    row = desk.example("main/decision/d/4h/reported")
    expected = {"net": 0.02, "return": 0.03, "mfe": 0.05, "mae": -0.01, "exit_reason": "take_profit"}
    assert expected == {name: row[name] for name in expected}
    assert ("matched", 10, 99) == (row["state"], row["entry_price"], row["exit_price"])


def test_hours_that_the_calendar_does_not_reach_end_with_its_last_session(desk, stream):
    desk.take(stream.decision("d", "2031-06-04 15:00"))
    told = {"decision_id": "d", "horizon": "9999h", "returns": {"9999d": 0.2}}
    desk.take(stream.outcome("o", "2031-06-05 15:00", **told))
    rows = [desk.example(f"main/decision/d/{horizon}/reported") for horizon in ("9999h", "9999d")]
    assert [("matched", NYSE.close_of("2035-12-31"))] * 2 == [(row["state"], row["due"]) for row in rows]


def test_a_return_is_made_of_prices_and_direction_where_only_these_are_given(desk, stream):
    desk.take(
        stream.decision("d", "2023-01-04 15:00", direction=Direction.SHORT),
        stream.outcome("o", "2023-01-05 15:00", decision_id="d", horizon="1d", entry_price=100, exit_price=90),
    )
    row = desk.example("main/decision/d/1d/reported")
    assert pytest.approx(0.1) == row["return"]
    assert row["net"] is None


@pytest.mark.parametrize("action", ["BUY", "IGNORE"])
def test_a_decision_without_a_direction_has_that_of_its_alert_whichever_comes_first(desk, stream, action):
    alert = stream.alert("a", "2023-01-04 15:00", direction=Direction.SHORT)
    before = stream.decision("d1", "2023-01-04 15:01", action=action, alert_id="a")
    desk.take(before, stream.thesis("t", "2023-01-04 15:00", decision_id="d1"), *bars(stream))
    desk.take(alert)
    desk.take(stream.decision("d2", "2023-01-04 15:02", action=action, alert_id="a"))
    desk.take(stream.decision("long", "2023-01-04 15:02", action=action, alert_id="a", direction=Direction.LONG))
    names = ("decision/d1", "decision/d2", "decision/long", "thesis/t")
    found = [desk.example(f"main/{name}/3d/prices")["return"] for name in names]
    assert pytest.approx([0.05, 0.05, -0.05, 0.05]) == found
    assert 50_000 == rewards(desk, "main/decision/d1/3d/prices")["alert_return:3d"]


def test_an_outcome_that_tells_its_direction_earned_that_way(desk, stream):
    told = {"direction": Direction.SHORT, "entry_price": 100, "exit_price": 90, "fees": 0.01}
    desk.take(stream.decision("d", "2023-01-04 15:00", alert_id="a"))
    desk.take(stream.outcome("o", "2023-01-05 15:00", decision_id="d", horizon="1d", **told))
    row = desk.example("main/decision/d/1d/reported")
    assert pytest.approx((0.1, 0.09)) == (row["return"], row["net"])


def test_the_further_returns_of_an_outcome_are_examples_too(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    further = {"1d": 0.01, "30d": -0.2, "5d": 0.9}
    desk.take(stream.outcome("o", "2023-01-10 15:00", alert_id="a", horizon="5d", return_=0.02, returns=further))
    found = {
        name.split("/")[3]: row["return"]
        for name, row in desk.examples("return", "origin").items()
        if row["origin"] == "reported"
    }
    assert {"close": None, "1d": 0.01, "30d": -0.2, "5d": 0.02} == found


def test_what_an_outcome_says_of_its_own_horizon_counts_more_than_what_another_adds(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00"))
    desk.take(stream.outcome("o1", "2023-01-05 15:00", decision_id="d", horizon="1d", return_=0.01))
    desk.take(stream.outcome("o2", "2023-01-09 15:00", decision_id="d", horizon="5d", returns={"1d": 0.5}))
    assert 0.01 == desk.example("main/decision/d/1d/reported")["return"]


def test_the_newest_of_two_outcomes_counts_in_whichever_order_they_come(desk, stream):
    early = stream.outcome("o1", "2023-01-05 15:00", decision_id="d", horizon="1d", return_=0.01)
    late = stream.outcome("o2", "2023-01-05 16:00", decision_id="d", horizon="1d", return_=0.02)
    desk.take(stream.decision("d", "2023-01-04 15:00"), late)
    desk.take(early)
    assert 0.02 == desk.example("main/decision/d/1d/reported")["return"]


def test_the_outcome_of_a_position_belongs_to_what_was_bought_into_it(desk, stream):
    desk.take(
        stream.decision("d1", "2023-01-04 15:00", size=0.1, position_id="p"),
        stream.decision("d2", "2023-01-04 15:01", size=0.1, symbol="MSFT"),
        stream.decision("d0", "2023-01-04 15:01", size=0.1, symbol="IBM", position_id="p"),
        stream.fill("f", "2023-01-04 15:02", decision_id="d2", position_id="p", side=Side.BUY, quantity=1, price=1),
        stream.decision("d3", "2023-01-06 15:00", action="SELL", position_id="p"),
    )
    desk.take(stream.outcome("o", "2023-01-06 15:00", position_id="p", net=0.03))
    nets = {name: row["net"] for name, row in desk.examples("net", "origin").items() if row["origin"] == "reported"}
    expected = {"d0": 0.03, "d1": 0.03, "d2": 0.03, "d3": None}
    assert {f"main/decision/{name}/close/reported": net for name, net in expected.items()} == nets


def test_a_fill_that_names_the_position_late_brings_its_outcome(desk, stream):
    desk.take(
        stream.decision("d", "2023-01-04 15:00", size=0.1),
        stream.outcome("o", "2023-01-06 15:00", position_id="p", net=0.03),
    )
    assert desk.example("main/decision/d/close/reported")["net"] is None
    desk.take(
        stream.fill("f", "2023-01-04 15:02", decision_id="d", position_id="p", side=Side.BUY, quantity=1, price=1)
    )
    assert 0.03 == desk.example("main/decision/d/close/reported")["net"]


def test_the_outcome_of_an_alert_closes_what_was_bought_because_of_it(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.decision("d", "2023-01-04 15:01", alert_id="a", size=0.5))
    desk.take(stream.outcome("o", "2023-01-06 15:00", alert_id="a", net=0.02))
    settle(desk, stream, "2023-01-09")
    assert {"unit_pnl:close": 10_000} == rewards(desk, "main/decision/d/close/reported")
    assert 0.02 == desk.example("main/alert/a/close/reported")["net"]


def test_an_unknown_version_counts_nothing_and_says_so(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00", version="1-9"), *bars(stream))
    row = desk.example("main/alert/a/3d/prices")
    assert ("matched", "[]") == (row["state"], row["contributions"])
    assert "version 1-9 was never published" in row["reason"]


def test_values_that_trading_did_not_take_from_us_count_nothing(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00", version=None), *bars(stream))
    row = desk.example("main/alert/a/3d/prices")
    assert ("matched", "[]", None) == (row["state"], row["contributions"], row["reason"])


def test_reported_values_that_are_those_of_the_assigned_arm_count(desk, stream):
    right = {name: arm.values for name, arm in version(registry()).assigned("AAPL/2023-01-04").items()}
    desk.take(stream.alert("a", "2023-01-04 15:00", assignments=right), *bars(stream))
    assert 2 == len(contributions(desk, "main/alert/a/3d/prices"))


def test_reported_values_that_are_not_those_of_the_assigned_arm_count_nothing_and_say_so(desk, stream):
    right = {name: arm.values for name, arm in version(registry()).assigned("AAPL/2023-01-04").items()}
    wrong = right | {"look.1-1": {"look": 0.77}}
    desk.take(stream.alert("a", "2023-01-04 15:00", assignments=wrong), *bars(stream))
    row = desk.example("main/alert/a/3d/prices")
    assert "[]" == row["contributions"]
    assert "'look.1-1'" in row["reason"]
    assert "0.77" in row["reason"]
    desk.take(stream.decision("d", "2023-01-04 15:01", alert_id="a", version=None, action="IGNORE"))
    assert "0.77" in desk.example("main/decision/d/3d/prices")["reason"]
    desk.take(stream.decision("d0", "2023-01-04 15:00", alert_id="a", action="IGNORE"))
    assert "[]" == desk.example("main/decision/d0/3d/prices")["contributions"]
    assert "0.77" in desk.example("main/decision/d0/3d/prices")["reason"]
    marks = {name: row["marks"] for name, row in desk.examples("marks").items() if name.endswith("3d/prices")}
    assert {"main/alert/a/3d/prices": "mismatch", "main/decision/d/3d/prices": "mismatch"} == {
        name: mark for name, mark in marks.items() if mark
    }


def test_the_same_batch_again_changes_nothing(desk, stream):
    batch = [stream.alert("a", "2023-01-04 15:00"), *bars(stream), stream.closed("2023-01-09")]
    desk.take(*batch)
    desk.rest()
    before, told = desk.examples("revision", "sequence", "contributions"), len(desk.letters())
    desk.take(*batch)
    desk.rest()
    assert before == desk.examples("revision", "sequence", "contributions")
    assert told == len(desk.letters())


def test_every_revision_is_told_once_under_its_own_name(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    for bar in reversed(bars(stream)):
        desk.take(bar)
    desk.take(stream.bar("2023-01-09", 107, 108, 90, 104))
    told = Counter(one.data.example_id for one in desk.letters())
    revisions = {name: row["revision"] for name, row in desk.examples("revision").items() if row["revision"]}
    assert revisions == dict(told)
    assert len({one.id for one in desk.letters()}) == sum(revisions.values())
    assert [one.data.sequence for one in desk.letters()] == sorted(one.data.sequence for one in desk.letters())


def test_what_nobody_reported_in_time_is_lost_and_matched_late_when_it_comes_after_all(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1))
    settle(desk, stream, "2023-01-09", "2023-01-13")
    assert "pending" == desk.example("main/decision/d/close/reported")["state"]
    settle(desk, stream, "2023-01-17")
    row = desk.example("main/decision/d/close/reported")
    expected = ("lost", "trading reported nothing in time", 1, 0)
    assert expected == tuple(row[c] for c in ("state", "reason", "revision", "late"))
    settle(desk, stream, "2023-01-18")
    desk.take(stream.outcome("o", "2023-01-19 15:00", decision_id="d", net=0.05))
    row = desk.example("main/decision/d/close/reported")
    assert ("matched", None, 2, 1) == tuple(row[c] for c in ("state", "reason", "revision", "late"))
    assert {"unit_pnl:close": 5_000} == rewards(desk, "main/decision/d/close/reported")
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    assert "lost" == desk.example("main/decision/d/3d/prices")["state"]


def test_a_unit_that_bought_nothing_earned_a_real_zero_though_no_price_of_it_ever_came(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    settle(desk, stream, "2023-01-06")
    assert ("pending", "[]") == tuple(desk.example("main/alert/a/3d/prices")[c] for c in ("state", "contributions"))
    settle(desk, stream, "2023-01-17")
    assert "lost" == desk.example("main/alert/a/3d/prices")["state"]
    assert {"unit_pnl:3d": 0} == rewards(desk, "main/alert/a/3d/prices")
    desk.take(stream.decision("d", "2023-01-04 15:01", alert_id="a", size=0.1))
    assert {} == rewards(desk, "main/alert/a/3d/prices")
    assert {} == rewards(desk, "main/decision/d/3d/prices")


def test_a_close_that_was_reported_is_never_lost_though_another_purchase_of_its_unit_is(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1), stream.decision("d2", "2023-01-04 15:01", size=0.1))
    desk.take(stream.outcome("o", "2023-01-05 15:00", decision_id="d", net=-0.05))
    settle(desk, stream, "2023-01-09", "2023-01-17")
    row = desk.example("main/decision/d/close/reported")
    assert ("matched", UNCLOSED, -0.05, "[]") == tuple(row[c] for c in ("state", "reason", "net", "contributions"))
    assert "lost" == desk.example("main/decision/d2/close/reported")["state"]
    desk.take(stream.outcome("o2", "2023-01-18 15:00", decision_id="d2", net=0.03))
    row = desk.example("main/decision/d/close/reported")
    assert ("matched", None, 0) == tuple(row[c] for c in ("state", "reason", "late"))
    assert {"unit_pnl:close": -2_000} == rewards(desk, "main/decision/d/close/reported")


def test_an_entry_at_no_price_is_censored_whatever_followed(store, stream):
    desk = Desk(store, rules=registry(nonpositive_prices=True))
    desk.take(stream.alert("a", "2023-01-04 15:00"), *bars(stream, BARS | {"2023-01-05": (-3, 5, -4, 4)}))
    row = desk.example("main/alert/a/3d/prices")
    assert ("censored", None) == (row["state"], row["return"])
    assert {"unit_pnl:3d": 0} == rewards(desk, "main/alert/a/3d/prices")
    assert "-3.0 exists: it is not above 0" in row["reason"]


def test_a_day_that_ends_at_midnight_belongs_to_itself(store, stream):
    desk = Desk(store, rules=registry(calendar="24/7"))
    midnight = 1_672_963_200_000_000  # 2023-01-06 00:00 UTC
    data = stream.bar("2023-01-05", 100, 103, 99, 102).data
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.event(data, midnight))
    assert 102 == desk.example("main/alert/a/1d/prices")["exit_price"]


def test_the_longest_names_still_fit_the_wire(desk, stream):
    desk.take(stream.alert("a" * 200, "2023-01-04 15:00"), *bars(stream))
    assert {64} == {len(one.data.example_id) for one in desk.letters()}


def traded(stream, **names):
    """Bought at 100 and sold at 110, for 0.5 each time."""
    return [
        stream.fill("in", "2023-01-05 15:00", side=Side.BUY, quantity=2, price=100, fees=0.5, **names),
        stream.fill("out", "2023-01-06 15:00", side=Side.SELL, quantity=2, price=110, fees=0.5, **names),
    ]


def test_a_decision_is_closed_by_its_fills_and_an_outcome_that_tells_its_close_counts_more(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1), *traded(stream, decision_id="d"))
    settle(desk, stream, "2023-01-09")
    row = desk.example("main/decision/d/close/reported")
    assert pytest.approx((0.1, 19 / 200)) == (row["return"], row["net"])
    assert {"unit_pnl:close": 9_500} == rewards(desk, "main/decision/d/close/reported")
    desk.take(stream.outcome("o", "2023-01-06 16:00", decision_id="d", net=0.03))
    assert {"unit_pnl:close": 3_000} == rewards(desk, "main/decision/d/close/reported")


def test_half_a_position_that_is_closed_closes_nothing(desk, stream):
    bought, _ = traded(stream, decision_id="d")
    sold = stream.fill("half", "2023-01-06 15:00", side=Side.SELL, quantity=1, price=110, fees=0.5)
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1), bought, sold)
    settle(desk, stream, "2023-01-09")
    assert "pending" == desk.example("main/decision/d/close/reported")["state"]
    desk.take(stream.fill("rest", "2023-01-10 15:00", side=Side.SELL, quantity=1, price=90, fees=0.5))
    row = desk.example("main/decision/d/close/reported")
    assert ("matched", pytest.approx(0.0, abs=1e-15)) == (row["state"], row["return"])


def test_a_decision_that_was_filled_again_is_not_late_when_it_closes_again(store, stream):
    judged = registry()
    unjudged = {name: one for name, one in judged.parameters.items() if name != "entry"}
    desk = Desk(store, rules=msgspec.structs.replace(judged, parameters=unjudged, trials=[]))
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1), *traded(stream, decision_id="d"))
    more = {"quantity": 1, "decision_id": "d", "fees": 0}
    desk.take(stream.fill("again", "2023-01-09 15:00", side=Side.BUY, price=100, **more))
    assert "censored" == desk.example("main/decision/d/close/reported")["state"]
    desk.take(stream.fill("left", "2023-01-09 16:00", side=Side.SELL, price=100, **more))
    row = desk.example("main/decision/d/close/reported")
    assert ("matched", 3, 0) == (row["state"], row["revision"], row["late"])


def test_a_second_purchase_of_a_position_leaves_its_fills_to_neither(desk, stream):
    desk.take(stream.decision("d1", "2023-01-04 15:00", position_id="p", size=0.1), *traded(stream, position_id="p"))
    assert 0.1 == pytest.approx(desk.example("main/decision/d1/close/reported")["return"])
    desk.take(stream.decision("d2", "2023-01-05 15:30", position_id="p", size=0.1))
    assert None is desk.example("main/decision/d1/close/reported")["return"]


def test_a_jump_is_held_and_then_counted_as_it_is(desk, stream):
    fall = {"2023-01-05": (100, 103, 99, 102), "2023-01-06": (102, 103, 40, 41), "2023-01-09": (41, 44, 40, 43)}
    desk.take(stream.alert("a", "2023-01-04 15:00"), *bars(stream, fall))
    row = desk.example("main/alert/a/3d/prices")
    assert ("pending", "jump", pytest.approx(-0.57)) == (row["state"], row["marks"], row["return"])
    desk.take(*(stream.bar(session, 43, 44, 42, 43) for session in ("2023-01-10", "2023-01-11")))
    row = desk.example("main/alert/a/3d/prices")
    assert ("matched", "jump") == (row["state"], row["marks"])
    assert -500_000 == rewards(desk, "main/alert/a/3d/prices")["alert_return:3d"]


def test_an_outcome_without_a_name_is_joined_by_the_declared_rule_and_counts_for_nothing(store, stream):
    desk = Desk(store, rules=registry(infer_within_minutes=120))
    told = {"symbol": "AAPL", "direction": Direction.LONG, "entry_time": moment(at("2023-01-04 16:00")), "net": 0.04}
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1), stream.outcome("o", "2023-01-06 15:00", **told))
    settle(desk, stream, "2023-01-09")
    row = desk.example("main/decision/d/close/reported")
    assert ("matched", "inferred", 0.04, "[]") == tuple(row[c] for c in ("state", "marks", "net", "contributions"))
    assert "bore no id" in row["reason"]


def test_a_unit_that_only_an_inferred_trade_is_known_of_earned_no_real_zero(store, stream):
    desk = Desk(store, rules=registry(infer_within_minutes=30))
    told = {"symbol": "AAPL", "direction": Direction.LONG, "entry_time": moment(at("2023-01-04 15:20")), "net": -0.04}
    desk.take(stream.alert("a1", "2023-01-04 14:00"), stream.alert("a2", "2023-01-04 15:00"))
    desk.take(stream.outcome("o", "2023-01-06 15:00", **told))
    settle(desk, stream, "2023-01-09")
    assert "inferred" == desk.example("main/alert/a2/close/reported")["marks"]
    row = desk.example("main/alert/a1/close/reported")
    assert ("matched", "[]") == (row["state"], row["contributions"])
    assert "the outcome of alert 'a2' bore no id" in row["reason"]
    desk.take(stream.decision("d", "2023-01-04 15:01", alert_id="a2", size=0.1))
    desk.take(stream.outcome("named", "2023-01-06 15:00", decision_id="d", net=0.02))
    assert {"unit_pnl:close": 2_000} == rewards(desk, "main/decision/d/close/reported")


def test_with_two_candidates_an_outcome_without_a_name_belongs_to_neither(store, stream):
    desk = Desk(store, rules=registry(infer_within_minutes=120))
    told = {"symbol": "AAPL", "direction": Direction.LONG, "entry_time": moment(at("2023-01-04 16:00")), "net": 0.04}
    desk.take(stream.decision("d1", "2023-01-04 15:00", size=0.1), stream.outcome("o", "2023-01-06 15:00", **told))
    desk.take(stream.decision("d2", "2023-01-04 15:30", size=0.1))
    assert [None, None] == [desk.example(f"main/decision/{name}/close/reported")["net"] for name in ("d1", "d2")]


def test_a_thesis_is_measured_from_its_own_time_in_the_direction_of_what_it_is_about(desk, stream):
    desk.take(stream.thesis("t", "2023-01-04 15:00", decision_id="d"), *bars(stream))
    assert pytest.approx(-0.05) == desk.example("main/thesis/t/3d/prices")["return"]
    desk.take(stream.decision("d", "2023-01-04 14:00", direction=Direction.SHORT))
    assert pytest.approx(0.05) == desk.example("main/thesis/t/3d/prices")["return"]


def test_a_benchmark_that_comes_after_what_it_is_compared_with_is_compared_after_all(store, stream):
    desk = Desk(store, rules=registry(benchmark="SPY"))
    desk.take(stream.alert("a", "2023-01-04 15:00"), *bars(stream))
    assert None is desk.example("main/alert/a/3d/prices")["benchmark"]
    desk.take(*(stream.bar(session, 400, 410, 390, 408, symbol="SPY") for session in BARS))
    assert pytest.approx(0.02) == desk.example("main/alert/a/3d/prices")["benchmark"]
    assert pytest.approx(-0.07) == desk.letters()[-1].data.relative_return


@pytest.mark.parametrize(("horizon", "ends"), [("1h", 3), ("4h", 6), ("27h", 30)])
def test_a_benchmark_that_comes_bar_by_bar_after_an_alert_during_the_session_is_compared(store, stream, horizon, ends):
    """Such an alert is entered during the session, though its entry session is the next."""
    desk = Desk(store, rules=registry(bars="1h", horizons=["3d", horizon], benchmark="SPY", close_after=7))
    desk.take(stream.alert("a", "2023-01-04 15:15"))
    told = [hour for session in ("2023-01-04", *BARS, "2023-01-10") for hour in hours(session)]
    for end in told[: ends + 1]:
        for symbol, last in (("AAPL", 105), ("SPY", 404)):
            data = PriceObserved(symbol=symbol, interval="1h", open=last - 5, high=last + 1, low=last - 9, close=last)
            desk.take(stream.event(data, end))
    row = desk.example(f"main/alert/a/{horizon}/prices")
    assert ("matched", pytest.approx(404 / 399 - 1)) == (row["state"], row["benchmark"])


def hours(session):
    """The ends of the hourly bars of a session."""
    first = NYSE.open_of(session) + 1_800_000_000
    return range(first, NYSE.close_of(session) + 1, 3_600_000_000)


def test_a_benchmark_is_compared_where_its_exchange_keeps_other_sessions(store, stream):
    """On 22 May 2023 Toronto was closed and New York was not."""
    desk = Desk(store, rules=registry(benchmark="SPY", venues={"TSX": "XTSE"}))
    desk.take(stream.alert("a", "2023-05-19 12:00", venue="TSX"))
    desk.take(stream.bar("2023-05-18", 400, 410, 390, 408, symbol="SPY"))
    for session in ("2023-05-19", "2023-05-22", "2023-05-23", "2023-05-24"):
        if session != "2023-05-22":
            desk.take(stream.bar(session, 100, 101, 99, 100, venue="TSX"))
        desk.take(stream.bar(session, 400, 410, 390, 408, symbol="SPY"))
    assert pytest.approx(0.02) == desk.example("main/alert/a/3d/prices")["benchmark"]


def test_a_bar_that_is_told_again_reaches_a_hold_that_is_longer_than_any_horizon(store, stream):
    desk = Desk(store, rules=registry(lost_after=1, jump_hold=1))
    desk.take(stream.decision("d", "2023-01-04 22:00", stop=90, max_hold=15))
    sessions = [NYSE.shift("2023-01-05", place) for place in range(15)]
    desk.take(*(stream.bar(session, 100, 101, 99, 100) for session in sessions))
    desk.take(stream.bar(sessions[13], 100, 101, 80, 100, revision=1))
    row = desk.example("main/decision/d/close/prices")
    assert (90, "stop_loss") == (row["exit_price"], row["exit_reason"])


def test_a_benchmark_told_again_reaches_as_far_back_in_sessions_as_its_own_calendar_has_days(store, stream):
    """Fifteen sessions in New York are three weeks of a market that never closes."""
    rules = {"horizons": ["15d", "3d"], "primary_horizon": "15d", "lost_after": 1, "jump_hold": 0, "close_after": 1}
    venue = {"benchmark": "BTC", "benchmark_venue": "KRAKEN", "venues": {"KRAKEN": "24/7"}, "bars": "1h"}
    desk = Desk(store, rules=registry(**rules, **venue))

    def bar(name, moment, price, **more):
        levels = dict.fromkeys(("open", "high", "low", "close"), float(price))
        data = PriceObserved(symbol=name, interval="1h", **levels, **more)
        return stream.event(data, moment)

    first = NYSE.open_of("2023-01-05")
    last = NYSE.close_of(NYSE.shift("2023-01-05", 14))
    hour = 3_600_000_000
    desk.take(stream.alert("a", first))
    desk.take(*(bar("AAPL", end, 100) for end in (first + hour, last)))
    desk.take(bar("BTC", first + hour, 50, venue="KRAKEN"), bar("BTC", last, 55, venue="KRAKEN"))
    assert pytest.approx(0.1) == desk.example("main/alert/a/15d/prices")["benchmark"]
    desk.take(bar("BTC", last, 60, venue="KRAKEN", revision=1))
    assert pytest.approx(0.2) == desk.example("main/alert/a/15d/prices")["benchmark"]


def test_what_an_earlier_registry_asked_for_goes_on_to_its_end(store, stream):
    desk = Desk(store, rules=registry(horizons=["1d", "3d", "5d"], thesis_horizon="1d"))
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.alert("b", "2023-01-04 15:00", symbol="MSFT"))
    desk.take(stream.thesis("t", "2023-01-04 15:00"))
    later = Desk(store, rules=registry(thesis_horizon="3d"), versions=0)
    days = [NYSE.shift("2023-01-05", place) for place in range(5)]
    for day in days:
        later.take(stream.bar(day, 100, 103, 99, 102), stream.closed(day))
    settle(later, stream, *(NYSE.shift("2023-01-05", place) for place in range(5, 11)))
    states = {name: row["state"] for name, row in later.examples("state").items() if "5d" in name or "thesis" in name}
    later.take(stream.bar(days[1], 100, 999, 99, 102, revision=1))
    assert pytest.approx({"1d": 0.03, "3d": 8.99, "5d": 8.99}) == {
        horizon: later.example(f"main/alert/a/{horizon}/prices")["mfe"] for horizon in ("1d", "3d", "5d")
    }
    assert {
        "main/alert/a/5d/prices": "matched",
        "main/alert/b/5d/prices": "lost",
        "main/thesis/t/1d/prices": "matched",
        "main/thesis/t/3d/prices": "matched",
    } == states
    with store.read() as connection:
        assert [] == Reconciliations(connection).latest("main").issues


def test_a_close_is_told_by_the_decisions_own_outcome_else_its_fills_else_its_position_or_alert(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 14:00"))
    desk.take(stream.decision("d", "2023-01-04 15:00", alert_id="a", position_id="p", size=0.1))

    def net():
        return desk.example("main/decision/d/close/reported")["net"]

    desk.take(stream.outcome("oa", "2023-01-05 15:00", alert_id="a", net=0.01))
    assert 0.01 == net()
    desk.take(stream.outcome("op", "2023-01-05 15:00", position_id="p", net=0.02))
    assert 0.02 == net()
    told = {"quantity": 10, "fees": 0.0, "decision_id": "d"}
    desk.take(stream.fill("f1", "2023-01-04 15:00", side=Side.BUY, price=100.0, **told))
    desk.take(stream.fill("f2", "2023-01-05 15:00", side=Side.SELL, price=103.0, **told))
    assert pytest.approx(0.03) == net()
    desk.take(stream.outcome("od", "2023-01-05 15:00", decision_id="d", net=0.04))
    assert 0.04 == net()


def test_where_the_representative_names_no_version_the_first_of_its_unit_that_does_tells_it(desk, stream):
    desk.take(stream.decision("d", "2023-01-04 15:00", version=None, action="HOLD"), *bars(stream, BARS))
    assert [] == contributions(desk, "main/decision/d/3d/prices")
    desk.take(stream.alert("a", "2023-01-04 15:01"))
    assert {"alert_return:3d", "unit_pnl:3d"} == rewards(desk, "main/decision/d/3d/prices").keys()


def test_a_return_at_the_outcomes_own_horizon_may_stand_among_its_returns(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    desk.take(stream.outcome("o", "2023-01-09 15:00", alert_id="a", horizon="3d", returns={"3d": 0.07, "1d": 0.01}))
    assert 0.07 == desk.example("main/alert/a/3d/reported")["return"]


def test_a_unit_of_which_one_purchase_was_given_up_says_why_it_adds_nothing(desk, stream):
    common = {"unit": "mine", "size": 0.1}
    desk.take(stream.decision("d1", "2023-01-04 15:00", **common))
    desk.take(stream.decision("d2", "2023-01-04 15:00", symbol="MSFT", **common))
    desk.take(*bars(stream, BARS))
    assert "matched" == desk.example("main/decision/d1/3d/prices")["state"]
    settle(desk, stream, "2023-01-17")
    assert "d2" in desk.example("main/decision/d1/3d/prices")["reason"]
