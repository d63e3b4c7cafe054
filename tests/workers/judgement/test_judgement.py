"""Trading's own words beside what followed, from everything that attribution joined."""

import json
import re

import msgspec
import numpy as np
import pytest

from learning.agreement import wilson
from learning.uniqueness import average_uniqueness
from schemas.calendar import NoSession
from schemas.discovery import DiscoveryCompleted
from schemas.price import PriceObserved
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Direction, Recommendation, Side
from tests.workers.desk import NYSE, Desk, Stream, at, registry
from tests.workers.shelf import Shelf
from workers.commands.accuracy import accuracy
from workers.join.rules import Rules
from workers.judgement.judgement import judge
from workers.judgement.volumes import relative_volume

FIRST = NYSE.place("2024-01-03")
WIN, FLAT, LOSS = 110.0, 100.5, 90.0


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def desk(store):
    return Desk(store, rules=registry(horizons=["1d", "3d"], primary_horizon="3d"))


def judgement(desk, **how):
    with desk.store.read() as connection:
        return judge(connection, Rules(desk.rules), **how)


def thesis(stream, name, recommendation, *, time="2024-01-03 14:00", symbol="AAPL", **about):
    data = ThesisFormed(thesis_id=name, symbol=symbol, recommendation=Recommendation(recommendation), **about)
    return stream.event(data, time)


def run(stream, name, *, universe=5_000, candidates=12, time="2024-01-03 13:00", **more):
    data = DiscoveryCompleted(run_id=name, universe_size=universe, candidate_count=candidates, **more)
    return stream.event(data, time)


def three_days(stream, close, *, symbol="AAPL", first=FIRST, high=None, volume=None):
    """Bars that open at 100 and end at ``close`` after three sessions."""
    prices = [(100.0, 100.0), (100.0, 100.0), (100.0, close)]
    return [
        stream.bar(
            NYSE.sessions[first + place],
            start,
            max(start, end, high or 0.0),
            min(start, end),
            end,
            symbol=symbol,
            volume=volume,
        )
        for place, (start, end) in enumerate(prices)
    ]


def quiet(stream, count, *, symbol="AAPL", volume=1_000.0, factor_at=None, factor=None):
    """``count`` flat bars before the first session."""
    return [
        stream.bar(
            session, 100, 100, 100, 100, symbol=symbol, volume=volume, factor=factor if place == factor_at else None
        )
        for place, session in enumerate(NYSE.sessions[FIRST - count : FIRST])
    ]


# Theses


@pytest.mark.parametrize(
    ("recommendation", "right"),
    [
        ("BUY_MORE", [True, False, False]),
        ("HOLD", [True, True, False]),
        ("TRIM_25", [False, True, True]),
        ("LIQUIDATE", [False, False, True]),
    ],
)
def test_a_thesis_is_right_or_wrong_by_what_followed_its_own_time(desk, stream, recommendation, right):
    for number, close in enumerate((WIN, FLAT, LOSS)):
        symbol = f"S{number}"
        desk.take(thesis(stream, symbol, recommendation, symbol=symbol), *three_days(stream, close, symbol=symbol))
    made = judgement(desk).theses

    assert "3d" == made.horizon
    assert {recommendation: {"win": 1, "neutral": 1, "loss": 1}} == made.table
    assert (3, sum(right)) == (made.accuracy.n, made.accuracy.right)
    assert {"matched": 3} == made.states


def test_a_thesis_about_a_short_position_is_judged_by_what_that_earned(desk, stream):
    desk.take(stream.decision("d", "2024-01-03 14:00", direction=Direction.SHORT, position_id="p"))
    desk.take(thesis(stream, "t", "BUY_MORE", position_id="p"), *three_days(stream, LOSS))
    made = judgement(desk).theses
    assert ({"BUY_MORE": {"win": 1}}, 1) == (made.table, made.accuracy.right)


def test_a_thesis_is_judged_also_when_its_position_was_closed_meanwhile(desk, stream):
    desk.take(stream.decision("d", "2024-01-02 14:00", position_id="p"), thesis(stream, "t", "HOLD", position_id="p"))
    desk.take(stream.outcome("o", "2024-01-03 16:00", position_id="p", net=-0.2), *three_days(stream, WIN))
    assert {"HOLD": {"win": 1}} == judgement(desk).theses.table


def test_theses_that_wait_or_asked_for_research_are_not_judged(desk, stream):
    desk.take(thesis(stream, "r", "RESEARCH"), *three_days(stream, WIN))
    desk.take(thesis(stream, "later", "HOLD", time="2024-01-09 14:00"))
    made = judgement(desk).theses

    assert {"matched": 1, "pending": 1} == made.states
    assert {"RESEARCH": {"win": 1}} == made.table
    assert made.accuracy is None


def test_theses_that_see_the_same_prices_count_as_fewer(desk, stream):
    desk.take(*(thesis(stream, f"t{number}", "HOLD") for number in range(4)), *three_days(stream, WIN))
    desk.take(thesis(stream, "alone", "HOLD", symbol="MSFT"), *three_days(stream, WIN, symbol="MSFT"))
    made = judgement(desk).theses.accuracy

    assert (5, 2.0, 0.4) == (made.n, pytest.approx(made.n_eff), pytest.approx(made.uniqueness))
    assert 1.0 == made.share == made.by_chance
    assert made.interval[0] == pytest.approx(1 / (1 + 1.959964**2 / 2), abs=1e-6)


def test_theses_are_weighed_by_the_calendar_of_their_venue(store, stream):
    """From Friday to Sunday each has a session of its own, though New York opens in none of the last two."""
    desk = Desk(store, rules=registry(horizons=["1d"], primary_horizon="1d", venues={"BX": "24/7"}))
    for day in ("2024-01-05", "2024-01-06", "2024-01-07"):
        desk.take(thesis(stream, day, "HOLD", time=f"{day} 00:00", venue="BX"), around_the_clock(stream, day))
    made = judgement(desk).theses.accuracy
    assert (3, 3.0, 1.0) == (made.n, made.n_eff, made.uniqueness)


def around_the_clock(stream, day):
    data = PriceObserved(symbol="AAPL", venue="BX", interval="1d", open=100, high=100, low=100, close=100)
    return stream.event(data, at(f"{day} 00:00") + 86_400_000_000)


def test_nothing_is_judged_of_an_empty_store(desk):
    made = judgement(desk)
    assert ({}, {}, None) == (made.theses.states, made.theses.table, made.theses.accuracy)
    assert ([], None) == (made.catalysts, made.base_rate)
    assert (0, None, None) == (made.volume.predictions, made.volume.reported, made.volume.computed)
    assert ([], 0, 0, 0) == tuple(getattr(made.discovery, name) for name in made.discovery.__struct_fields__)


# Catalysts


def test_a_catalyst_materialised_when_the_price_went_as_far_as_a_win(desk, stream):
    for symbol, high, close in (("A", 102.0, LOSS), ("B", 101.9, FLAT), ("C", None, WIN)):
        desk.take(stream.alert(symbol, "2024-01-03 14:00", symbol=symbol, catalyst_type="earnings"))
        desk.take(*three_days(stream, close, symbol=symbol, high=high))
    desk.take(
        stream.alert("pending", "2024-01-09 14:00", catalyst_type="earnings"), stream.alert("none", "2024-01-03 14:00")
    )
    [made] = judgement(desk).catalysts

    assert ("earnings", 4, None) == (made.type, made.alerts, made.reported)
    assert (3, 2) == (made.computed.n, made.computed.materialised)


def test_catalysts_that_see_the_same_prices_count_as_fewer(desk, stream):
    for name, symbol in (("a", "A"), ("b", "A"), ("c", "B")):
        desk.take(stream.alert(name, "2024-01-03 14:00", symbol=symbol, catalyst_type="fda"))
    desk.take(*three_days(stream, WIN, symbol="A"), *three_days(stream, LOSS, symbol="B"))
    for name, came in (("a", True), ("b", False)):
        desk.take(stream.outcome(name, "2024-01-09 15:00", alert_id=name, catalyst_materialised=came))
    [made] = judgement(desk).catalysts

    assert (3, 2.0, 2 / 3) == (made.computed.n, made.computed.n_eff, pytest.approx(made.computed.uniqueness))
    assert wilson(2 / 3, 2.0) == pytest.approx(made.computed.interval)
    assert (2, 1.0, 0.5) == (made.reported.n, made.reported.n_eff, made.reported.uniqueness)
    assert wilson(0.5, 1.0) == pytest.approx(made.reported.interval)


def test_reports_of_catalysts_that_prices_have_not_judged_yet_are_weighed_by_when_they_could_have_been_entered(
    desk, stream
):
    for name, day in (("a", "2024-01-03"), ("b", "2024-01-05"), ("c", "2024-01-09")):
        desk.take(stream.alert(name, f"{day} 14:00", catalyst_type="fda"))
        desk.take(stream.outcome(name, "2024-01-09 15:00", alert_id=name, catalyst_materialised=True))
    [made] = judgement(desk).catalysts

    windows = np.array([[0, 2], [2, 4], [4, 6]])
    expected = average_uniqueness(np.zeros(3, dtype=np.int64), *windows.T)
    assert (None, 3) == (made.computed, made.reported.n)
    assert (expected.sum(), expected.mean()) == pytest.approx((made.reported.n_eff, made.reported.uniqueness))


def test_how_often_prices_go_as_far_anyway_stands_beside_the_catalysts(desk, stream):
    for name, more in (("A", {"catalyst_type": "fda"}), ("B", {}), ("C", {}), ("D", {"catalyst_type": "merger"})):
        desk.take(stream.alert(name, "2024-01-03 14:00", symbol=name, **more))
    for symbol, close in (("A", WIN), ("B", WIN), ("C", FLAT)):
        desk.take(*three_days(stream, close, symbol=symbol))
    made = judgement(desk)

    assert {"fda": 1, "merger": None} == {one.type: one.computed and one.computed.n for one in made.catalysts}
    assert (3, 2, 3.0) == (made.base_rate.n, made.base_rate.materialised, made.base_rate.n_eff)
    assert wilson(2 / 3, 3.0) == pytest.approx(made.base_rate.interval)


def test_what_trading_reports_of_a_catalyst_stands_beside_what_prices_say(desk, stream):
    desk.take(stream.alert("a", "2024-01-03 14:00", catalyst_type="fda"), *three_days(stream, WIN))
    desk.take(stream.outcome("o", "2024-01-09 15:00", alert_id="a", catalyst_materialised=False))
    [made] = judgement(desk).catalysts
    assert ((1, 0), (1, 1)) == (
        (made.reported.n, made.reported.materialised),
        (made.computed.n, made.computed.materialised),
    )


@pytest.mark.parametrize("names", [{"decision_id": "d"}, {"position_id": "p"}, {"position_id": "q"}, {"alert_id": "a"}])
def test_a_report_finds_the_alert_through_whatever_it_names(desk, stream, names):
    desk.take(stream.alert("a", "2024-01-03 14:00", catalyst_type="fda"))
    desk.take(stream.decision("d", "2024-01-03 14:01", alert_id="a", position_id="p"))
    desk.take(
        stream.fill("f", "2024-01-03 15:00", side=Side.BUY, quantity=1, price=9, decision_id="d", position_id="q")
    )
    desk.take(stream.outcome("o", "2024-01-09 15:00", catalyst_materialised=True, **names))
    [made] = judgement(desk).catalysts
    assert (1, 1) == (made.reported.n, made.reported.materialised)


def test_prices_that_ended_before_the_horizon_say_nothing_of_a_catalyst(store):
    with store.begin() as work:
        shelf = Shelf(work.connection)
        fact = shelf.alert("a", "2024-01-03 14:00", body='{"catalyst_type":"fda"}')["sequence"]
        shelf.example(fact, horizon="3d", state="censored", mfe=0.5)
        [made] = judge(work.connection, Rules(registry())).catalysts
    assert ("fda", 1, None, None) == (made.type, made.alerts, made.reported, made.computed)


def test_what_was_sold_from_a_position_says_nothing_of_the_alert_that_sold_it(desk, stream):
    desk.take(stream.alert("a", "2024-01-03 14:00", catalyst_type="fda"))
    desk.take(stream.decision("d", "2024-01-03 14:01", action="SELL", alert_id="a", position_id="p"))
    desk.take(stream.outcome("o", "2024-01-09 15:00", position_id="p", catalyst_materialised=True))
    [made] = judgement(desk).catalysts
    assert made.reported is None


def test_the_newest_report_of_a_catalyst_counts_and_only_once(desk, stream):
    desk.take(
        stream.alert("a", "2024-01-03 14:00", catalyst_type="fda"),
        stream.decision("d", "2024-01-03 14:01", alert_id="a"),
    )
    for name, day, names, said in (
        ("late", "2024-01-10", {"alert_id": "a"}, False),
        ("early", "2024-01-09", {"decision_id": "d"}, True),
        ("earliest", "2024-01-08", {"alert_id": "a"}, True),
        ("silent", "2024-01-11", {"alert_id": "a"}, None),
    ):
        desk.take(stream.outcome(name, f"{day} 15:00", catalyst_materialised=said, **names))
    [made] = judgement(desk).catalysts
    assert (1, 0) == (made.reported.n, made.reported.materialised)


# Volumes


def predicted(stream, expected, *, name="a"):
    return stream.alert(name, "2024-01-03 14:00", expected_relative_volume=expected)


def test_a_predicted_volume_is_compared_with_the_mean_of_the_thirty_bars_before(desk, stream):
    desk.take(predicted(stream, 4.0), *quiet(stream, 35), *three_days(stream, WIN, volume=2_000.0))
    made = judgement(desk).volume
    assert (1, 1, 0.5, None) == (made.predictions, made.computed.n, made.computed.mean, made.reported)


def test_a_split_is_no_volume(desk, stream):
    """Two shares for one, ten sessions before the entry: half the price, twice the shares."""
    bars = quiet(stream, 35, factor_at=25, factor=0.5)
    before, after = bars[:25], bars[25:]
    doubled = [msgspec.structs.replace(bar, data=msgspec.structs.replace(bar.data, volume=2_000.0)) for bar in after]
    desk.take(predicted(stream, 1.0), *before, *doubled, *three_days(stream, WIN, volume=2_000.0))
    assert 1.0 == pytest.approx(judgement(desk).volume.computed.mean)


def test_thirty_bars_are_enough(desk, stream):
    desk.take(predicted(stream, 2.0), *quiet(stream, 30), *three_days(stream, WIN, volume=2_000.0))
    assert 1.0 == judgement(desk).volume.computed.mean


@pytest.mark.parametrize("lacking", ["29 bars before", "no volume before", "no volume within", "nothing traded before"])
def test_without_all_volumes_nothing_is_computed(desk, stream, lacking):
    before = {
        "29 bars before": lambda: quiet(stream, 29),
        "no volume before": lambda: [*quiet(stream, 29), stream.bar(NYSE.sessions[FIRST - 30], 100, 100, 100, 100)],
        "nothing traded before": lambda: quiet(stream, 30, volume=0.0),
    }.get(lacking, lambda: quiet(stream, 30))()
    within = None if lacking == "no volume within" else 2_000.0
    desk.take(predicted(stream, 2.0), *before, *three_days(stream, WIN, volume=within))
    made = judgement(desk).volume
    assert (1, None) == (made.predictions, made.computed)


def test_reported_accuracies_are_averaged_apart(desk, stream):
    desk.take(predicted(stream, 2.0), predicted(stream, 2.0, name="b"))
    desk.take(stream.outcome("o", "2024-01-09 15:00", alert_id="a", volume_prediction_accuracy=0.8))
    desk.take(stream.outcome("p", "2024-01-10 15:00", alert_id="a", volume_prediction_accuracy=0.6))
    desk.take(stream.outcome("q", "2024-01-10 15:00", alert_id="b", volume_prediction_accuracy=0.0))
    made = judgement(desk).volume
    assert (2, 0.3, None) == (made.reported.n, made.reported.mean, made.computed)


def test_predictions_that_see_the_same_bars_count_as_fewer(desk, stream):
    desk.take(predicted(stream, 4.0), predicted(stream, 2.0, name="b"))
    desk.take(*quiet(stream, 35), *three_days(stream, WIN, volume=2_000.0))
    desk.take(stream.outcome("o", "2024-01-09 15:00", alert_id="a", volume_prediction_accuracy=0.8))
    made = judgement(desk).volume
    assert (2, 0.75, 1.0, 0.5) == msgspec.structs.astuple(made.computed)
    assert (1, 0.8, 1.0, 1.0) == msgspec.structs.astuple(made.reported)


@pytest.mark.parametrize(
    ("names", "n_eff"),
    [
        ([{"alert_id": "a"}, {"decision_id": "d"}, {"position_id": "p"}, {"position_id": "q"}], 1.0),
        ([{"alert_id": "a"}, {"decision_id": "e"}], 2.0),
        ([{"decision_id": "unknown"}, {"position_id": "sold"}, {"alert_id": "never"}], 1.0),
        ([{"alert_id": "a"}, {"alert_id": "never"}], 2.0),
    ],
)
def test_reported_accuracies_are_weighed_by_what_they_are_about_and_as_one_where_that_is_not_known(
    desk, stream, names, n_eff
):
    desk.take(predicted(stream, 2.0), stream.decision("d", "2024-01-03 14:00", position_id="p"))
    desk.take(stream.decision("e", "2024-01-03 14:00", symbol="MSFT"))
    desk.take(stream.decision("s", "2024-01-03 14:00", action="SELL", position_id="sold"))
    desk.take(
        stream.fill("f", "2024-01-03 15:00", side=Side.BUY, quantity=1, price=9, decision_id="d", position_id="q")
    )
    for number, name in enumerate(names):
        desk.take(stream.outcome(f"o{number}", "2024-01-09 15:00", volume_prediction_accuracy=0.5, **name))
    made = judgement(desk).volume.reported
    assert (len(names), n_eff) == (made.n, pytest.approx(made.n_eff))
    assert n_eff / len(names) == pytest.approx(made.uniqueness)


def test_the_thirty_bars_before_are_looked_for_on_the_calendar_of_the_venue(store, stream):
    """Every second of them is missing: 60 sessions in New York, of which only 46 lie within 65 days."""
    desk = Desk(store, rules=registry(calendar="24/7", venues={"N": "XNYS"}))
    sessions = NYSE.sessions[FIRST - 60 : FIRST : 2]
    desk.take(*(stream.bar(session, 100, 100, 100, 100, venue="N", volume=1_000.0) for session in sessions))
    desk.take(stream.alert("a", "2024-01-03 14:00", venue="N", expected_relative_volume=2.0))
    bars = three_days(stream, WIN, volume=2_000.0)
    desk.take(*(msgspec.structs.replace(bar, data=msgspec.structs.replace(bar.data, venue="N")) for bar in bars))
    assert 1.0 == judgement(desk).volume.computed.mean


def test_no_bar_in_a_window_is_no_volume():
    assert relative_volume([], entry_time=1, exit_time=2) is None


# Discovery runs


def test_a_run_is_shown_with_what_came_of_its_alerts(desk, stream):
    desk.take(run(stream, "r", filtered_size=300), run(stream, "empty", time="2024-01-04 13:00"))
    for symbol, close in (("A", 110.0), ("B", 95.0)):
        desk.take(stream.alert(symbol, "2024-01-03 14:00", symbol=symbol, run_id="r"))
        desk.take(*three_days(stream, close, symbol=symbol))
    desk.take(
        stream.alert("open", "2024-01-09 14:00", run_id="r"), stream.alert("x", "2024-01-09 14:00", run_id="never")
    )
    desk.take(stream.alert("y", "2024-01-09 14:00", run_id="never"), stream.alert("z", "2024-01-09 14:00"))
    made = judgement(desk).discovery

    assert ["empty", "r"] == [one.run_id for one in made.runs]
    empty, full = made.runs
    assert (5_000, None, 12, 0, 0, None, None, None) == msgspec.structs.astuple(empty)[2:]
    assert (5_000, 300, 12, 3, 2) == msgspec.structs.astuple(full)[2:7]
    assert (0.025, 2.0, 1.0) == pytest.approx((full.mean_return, full.n_eff, full.uniqueness))
    assert (2, 1, 1) == (made.alerts_of_unknown_runs, made.unknown_runs, made.alerts_without_run)


def test_alerts_of_a_run_that_see_the_same_prices_count_as_fewer(desk, stream):
    desk.take(run(stream, "r"), *(stream.alert(name, "2024-01-03 14:00", run_id="r") for name in "ab"))
    desk.take(*three_days(stream, WIN))
    [made] = judgement(desk).discovery.runs
    assert (2, 1.0, 0.5) == (made.matched, made.n_eff, made.uniqueness)


# All of it


def test_only_what_came_since_a_session_is_looked_at(desk, stream):
    desk.take(
        run(stream, "old"), thesis(stream, "t", "HOLD"), stream.alert("a", "2024-01-03 14:00", catalyst_type="fda")
    )
    desk.take(predicted(stream, 2.0, name="p"), *three_days(stream, WIN))
    desk.take(stream.outcome("o", "2024-01-03 15:00", alert_id="p", volume_prediction_accuracy=0.5))
    assert (1, 1) == (len(judgement(desk, since="2024-01-03").catalysts), judgement(desk).volume.reported.n)

    made = judgement(desk, since="2024-01-04")
    assert ({}, [], 0, None, []) == (
        made.theses.states,
        made.catalysts,
        made.volume.predictions,
        made.volume.reported,
        made.discovery.runs,
    )
    with pytest.raises(NoSession, match="2024-01-06"):
        judgement(desk, since="2024-01-06")


@pytest.fixture
def installed(tmp_path, monkeypatch, desk):
    (tmp_path / "main.toml").write_text(
        '[market]\nhorizons = ["1d", "3d"]\nprimary_horizon = "3d"\n'
        '[[parameter]]\nname = "look"\ndefault = 0.5\nmin = 0.0\nmax = 1.0\nstep = 0.1\nmax_change = 0.1\n'
        'category = "test"\naffects = "test"\ndescription = "?"\nreward = "alert_return:3d"\ndecides_trade = false\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "main.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", desk.store.place)
    return desk


def test_the_command_counts_one_alert_and_one_run_as_one(installed, stream, capsys):
    installed.take(stream.alert("a", "2024-01-03 14:00", run_id="r"), stream.alert("b", "2024-01-03 14:00"))
    capsys.readouterr()
    accuracy(strategy=None, since="2024-01-02", json=False)
    shown = capsys.readouterr().out
    assert "1 alert names 1 run that never came, 1 names none" in shown
    assert "strategy main since 2024-01-02" in shown


def test_the_command_shows_every_figure(installed, stream, capsys):
    installed.take(run(stream, "r"), stream.alert("a", "2024-01-03 14:00", catalyst_type="fda", run_id="r"))
    installed.take(predicted(stream, 2.0, name="p"), stream.alert("q", "2024-01-03 14:00", run_id="r"))
    installed.take(stream.outcome("o", "2024-01-09 15:00", alert_id="p", volume_prediction_accuracy=0.25))
    installed.take(thesis(stream, "t", "HOLD"), thesis(stream, "u", "BUY_MORE"), *three_days(stream, FLAT))
    capsys.readouterr()
    accuracy(strategy=None, since=None, json=False)
    shown = capsys.readouterr().out

    for words in (
        "right (*) 1 of 2, 50.0%",
        "blindly 50.0%",
        "effective n 1.0, average uniqueness 0.50; 2 matched",
        "0.0% (0 of 1), 0.0% to 79.3%",
        "by prices, of all judged alerts: 0.0% (0 of 3), 0.0% to 79.3%\neffective n 1.0, average uniqueness 0.33",
        "25.0% (n 1)",
        "+0.50%",
        "0 alerts name 0 runs that never came, 1 names none",
    ):
        assert words in "\n".join(line.rstrip() for line in shown.splitlines())
    worth = ["0.50", "1.00", "0.33", "1.00", "0.50"]
    assert worth == re.findall(r"effective n 1\.0, average uniqueness (\d\.\d\d)", shown)
    assert "strategy main in all sessions, alerts at" in shown
    assert ["HOLD", "0", "*", "1", "*", "0"] in [line.replace("│", " ").split() for line in shown.splitlines()]


def test_the_command_writes_json_that_says_the_same(installed, stream, capsys):
    installed.take(thesis(stream, "t", "HOLD"), *three_days(stream, FLAT))
    capsys.readouterr()
    accuracy(strategy="main", since="2024-01-03", json=True)
    made = json.loads(capsys.readouterr().out)
    assert ("main", "2024-01-03", 1) == (made["strategy"], made["since"], made["theses"]["accuracy"]["n"])
    assert [] == made["catalysts"]
