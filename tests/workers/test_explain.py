"""Every name leads to the whole story, from stored rows, and what is not known is said to be."""

import json

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from events.codec import decode
from events.moments import moment
from schemas.attributed import OutcomeAttributed
from schemas.discovery import DiscoveryCompleted
from schemas.params import ParamsProposed, ProposalKind
from schemas.reports import CycleCompleted
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Direction, Recommendation, Side
from store.cycles import Cycles
from store.evidence import EvidenceRows
from store.outbox import Outbox
from store.proposals import Judged, Proposals, ProposalState, Step
from workers.cli import app
from workers.story.cast import Role
from workers.story.pages import pages
from workers.story.search import Search
from workers.story.story import Story
from workers.story.teller import Teller
from workers.thompson import Thompson

from .desk import NYSE, Desk, Stream, at, registry, version

RUN = DiscoveryCompleted(run_id="r1", universe_size=4000, candidate_count=3, filtered_size=120)
DAYS = ("2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09")
UNIT = "AAPL/2024-01-02"
TOLD = OutcomeAttributed.type


@pytest.fixture
def desk(store):
    return Desk(store)


@pytest.fixture
def stream():
    return Stream()


def found(stream):
    """A run, its alert, and what was decided: bought, half sold, a thesis in between."""
    return [
        stream.event(RUN, "2024-01-02 21:05"),
        stream.alert("a1", "2024-01-02 21:10", run_id="r1", features={"rsi": 61.0}, regime="bull"),
        stream.decision("d1", "2024-01-02 21:11", alert_id="a1", size=0.05, position_id="p1"),
        thesis(stream, "t1", decision_id="d1"),
        stream.fill("f1", "2024-01-03 14:31", decision_id="d1", side=Side.BUY, quantity=100.0, price=10.0, fees=1.0),
        stream.decision("d2", "2024-01-05 15:30", action="SELL", position_id="p1"),
        stream.fill("f2", "2024-01-05 15:31", decision_id="d2", side=Side.SELL, quantity=60.0, price=11.0),
    ]


def thesis(stream, name, *, recommendation="HOLD", **about):
    said = Recommendation(recommendation)
    data = ThesisFormed(thesis_id=name, symbol="AAPL", recommendation=said, confidence=0.7, **about)
    return stream.event(data, "2024-01-02 21:12")


def bars(stream, *days, **more):
    return [
        stream.bar(day, 10 + DAYS.index(day), 12 + DAYS.index(day), 9, 11 + DAYS.index(day), **more) for day in days
    ]


def journal(desk):
    """What thompson makes of everything that was told."""
    with desk.store.begin() as work:
        waiting = [one for one in Outbox(work.connection).waiting("attribution", 1_000) if one.stream == TOLD]
        letters = [decode({b"event": one.body}, stream=TOLD, entry="1-0", now=at("2030-01-01")) for one in waiting]
        Thompson(mend=lambda _: None).handle(work, letters)
        work.commit()


def stories(desk, name):
    with desk.store.read() as reading:
        return Teller(reading, desk.rules).stories(Search(reading, "main").roles(name))


def story(desk, name):
    [told] = stories(desk, name)
    return told


def played(told):
    return {f"{one.what} {one.name}" for one in told.happenings}


def shown(told):
    console = Console(width=300)
    with console.capture() as capture:
        for page in pages(told):
            console.print(page, markup=False)
    return capture.get()


ALL = {"discovery run r1", "alert a1", "decision d1", "decision d2", "thesis t1", "fill f1", "fill f2", "outcome o1"}


@pytest.fixture
def busy(desk, stream):
    desk.take(
        *found(stream), *bars(stream, *DAYS), stream.outcome("o1", "2024-01-08 21:30", decision_id="d1", net=0.02)
    )
    return desk


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("a1", "alert"),
        ("d1", "decision"),
        ("d2", "decision"),
        ("p1", "position"),
        ("f1", "fill"),
        ("f2", "fill"),
        ("o1", "outcome"),
        ("t1", "thesis"),
        ("main/alert/a1/3d/prices", "alert"),
        ("main/decision/d1/close/reported", "decision"),
        ("main/thesis/t1/3d/prices", "thesis"),
    ],
)
def test_every_name_leads_to_the_same_story(busy, name, asked):
    told = story(busy, name)
    assert asked == told.asked
    assert played(told) == ALL
    whole = story(busy, "a1")
    assert msgspec.structs.replace(told, asked="alert", name="a1") == whole


def test_what_was_told_stands_in_the_order_of_its_time_with_all_that_it_said(busy):
    told = story(busy, "a1").happenings
    assert ["r1", "a1", "d1", "t1", "f1", "d2", "f2", "o1"] == [one.name for one in told]
    assert [4000, 120] == [told[0].said[name] for name in ("universe_size", "filtered_size")]
    assert {"rsi": 61.0} == told[1].said["features"]
    assert ["scanner"] * 8 == [one.source for one in told]


def test_the_story_of_a_unit_says_who_represents_it(busy):
    units = {one.unit: one for one in story(busy, "a1").units}
    assert (["alert a1", "decision d1"], "decision d1") == (units[UNIT].cases, units[UNIT].represented_by)
    assert units["AAPL/2024-01-05"].represented_by is None


def test_others_of_the_unit_are_named_and_play_no_part(busy, stream):
    busy.take(stream.alert("a7", "2024-01-02 21:30"))
    told = story(busy, "a1")
    assert played(told) == ALL
    assert ["alert a1", "decision d1", "alert a7"] == told.units[0].cases
    assert "a7" not in {one.subject_id for one in told.examples}
    assert {"alert a7"} == played(story(busy, "a7"))


def test_a_name_that_fits_two_things_tells_both_each_once(busy, stream):
    busy.take(stream.decision("a1", "2024-01-04 15:00", symbol="MSFT", action="IGNORE"))
    first, second = stories(busy, "a1")
    assert (ALL, {"decision a1"}) == (played(first), played(second))
    busy.take(stream.decision("same", "2024-01-04 15:00", alert_id="same"), stream.alert("same", "2024-01-04 14:59"))
    assert {"alert same", "decision same"} == played(story(busy, "same"))


def test_a_sale_is_told_with_the_alert_of_what_it_sells_and_what_else_was_decided_in_between(busy, stream):
    busy.take(
        stream.alert("a3", "2024-01-03 21:10"),
        stream.decision("d3", "2024-01-03 21:11", alert_id="a3", position_id="p1"),
        stream.decision("d4", "2024-01-03 21:12", alert_id="a3", action="IGNORE"),
    )
    assert ALL | {"alert a3", "decision d3"} == played(story(busy, "d2"))
    assert ALL | {"alert a3", "decision d3", "decision d4"} == played(story(busy, "p1")) | {"decision d4"}
    assert ALL | {"alert a3", "decision d3", "decision d4"} == played(story(busy, "a3"))


def test_what_only_names_the_position_leads_to_all_that_was_decided_about_its_alert(busy, stream):
    busy.take(
        stream.decision("d0", "2024-01-02 21:10:30", alert_id="a1", action="IGNORE"),
        stream.outcome("o2", "2024-01-09 21:30", position_id="p1", net=0.03),
    )
    assert ALL | {"decision d0", "outcome o2"} == played(story(busy, "o2")) == played(story(busy, "d1"))


def test_a_thesis_and_the_decision_that_names_it_are_one_story(desk, stream):
    desk.take(thesis(stream, "t1"), stream.decision("d1", "2024-01-02 21:30", thesis_id="t1", action="HOLD"))
    for name in ("t1", "d1"):
        assert {"thesis t1", "decision d1"} == played(story(desk, name))


def test_a_position_that_only_fills_name_is_told(desk, stream):
    fill = {"side": Side.BUY, "quantity": 1.0, "price": 10.0}
    desk.take(
        stream.decision("d1", "2024-01-02 21:11"),
        stream.fill("f1", "2024-01-03 14:31", decision_id="d1", position_id="p9", **fill),
    )
    assert {"decision d1", "fill f1"} == played(story(desk, "p9"))


def test_a_fill_whose_decision_never_came_is_a_story_too(desk, stream):
    desk.take(stream.fill("f1", "2024-01-03 14:31", decision_id="d1", side=Side.BUY, quantity=1.0, price=10.0))
    told = story(desk, "f1")
    assert {"fill f1"} == played(told)
    assert [("f1", 1.0)] == [(lot.fill, lot.quantity) for lot in told.lots]


def test_an_outcome_that_waits_is_told_alone(desk, stream):
    desk.take(stream.outcome("o1", "2024-01-08 21:30", decision_id="d1", net=0.02))
    assert {"outcome o1"} == played(story(desk, "o1"))
    assert [] == story(desk, "o1").examples


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ({"decision_id": "d9", "alert_id": "a9"}, "decision 'd9' never came"),
        ({"alert_id": "a9"}, "alert 'a9' never came"),
        ({"position_id": "p9"}, "nothing that was bought into position 'p9' ever came"),
    ],
)
def test_an_outcome_that_waits_says_which_name_never_came(desk, stream, named, why):
    desk.take(stream.outcome("o1", "2024-01-08 21:30", net=0.02, **named))
    [waiting] = story(desk, "o1").waiting
    assert waiting.why.startswith(why)
    assert not waiting.unclaimed
    assert why in shown(story(desk, "o1"))


def test_an_outcome_that_waits_too_long_is_unclaimed_and_one_that_is_joined_does_not_wait(store, stream):
    desk = Desk(store, rules=registry(waiting_sessions=1))
    desk.take(stream.outcome("o1", "2024-01-03 21:30", decision_id="d1", net=0.02), stream.closed("2024-01-05"))
    desk.rest()
    assert story(desk, "o1").waiting[0].unclaimed
    assert "unclaimed" in shown(story(desk, "o1"))
    desk.take(stream.decision("d1", "2024-01-02 21:11"))
    assert [] == story(desk, "o1").waiting


@pytest.mark.parametrize(
    ("minutes", "bought", "why"),
    [
        (10, [], "nothing that it may be of lies within 10 minutes before its entry"),
        (10, ["d1", "d2"], "may be of 2: decision d1, decision d2"),
        (10, ["d1"], "outcomes of other entries may be of decision d1 too"),
    ],
)
def test_an_outcome_without_ids_that_waits_says_whose_it_may_be(store, stream, minutes, bought, why):
    desk = Desk(store, rules=registry(infer_within_minutes=minutes))
    told = {"symbol": "AAPL", "direction": Direction.LONG, "net": 0.02}
    outcomes = [
        stream.outcome(f"o{minute}", "2024-01-08 21:30", entry_time=moment(at(f"2024-01-03 14:3{minute}")), **told)
        for minute in ((1, 2) if len(bought) == 1 else (1,))
    ]
    desk.take(*(stream.decision(name, "2024-01-03 14:30") for name in bought), *outcomes)
    [waiting] = story(desk, "o1").waiting
    assert why in waiting.why


def test_an_outcome_without_ids_is_told_with_what_the_declared_rule_joins_it_to(store, stream):
    desk = Desk(store, rules=registry(infer_within_minutes=60))
    close = {"symbol": "AAPL", "direction": Direction.LONG, "entry_time": "2024-01-03T14:31:00Z", "net": 0.02}
    outcome = msgspec.convert(
        {"outcome_id": "o1", **close}, type(stream.outcome("x", 0, alert_id="x").data), strict=False
    )
    desk.take(stream.decision("d1", "2024-01-03 14:30", size=0.1), stream.event(outcome, "2024-01-08 21:30"))
    for name in ("d1", "o1"):
        assert {"decision d1", "outcome o1"} == played(story(desk, name))
    [close] = [one for one in story(desk, "o1").examples if (one.horizon, one.origin) == ("close", "reported")]
    assert ["inferred"] == close.marks


@pytest.mark.parametrize(
    ("recommendation", "right", "shows"),
    [("BUY_MORE", True, "right"), ("LIQUIDATE", False, "wrong"), ("RESEARCH", None, "not judged")],
)
def test_a_thesis_is_told_with_its_verdict(desk, stream, recommendation, right, shows):
    desk.take(thesis(stream, "t1", recommendation=recommendation))
    [verdict] = story(desk, "t1").verdicts
    assert ("pending", None, None) == (verdict.state, verdict.outcome_class, verdict.right)
    desk.take(*bars(stream, *DAYS[:3]))
    [verdict] = story(desk, "t1").verdicts
    assert ("3d", "matched", "win", right) == (verdict.horizon, verdict.state, verdict.outcome_class, verdict.right)
    [line] = [
        line for line in shown(story(desk, "t1")).splitlines() if f" {recommendation} " in line and " 3d " in line
    ]
    assert shows in line


def test_the_close_of_an_alert_leads_to_what_was_bought_because_of_it(desk, stream):
    desk.take(stream.alert("a9", "2024-01-02 21:10"), stream.decision("d9", "2024-01-02 21:11", alert_id="a9"))
    desk.take(stream.outcome("o9", "2024-01-03 21:00", decision_id="d9", net=0.1))
    desk.take(*(stream.closed(day) for day in DAYS[:3]))
    desk.rest()
    notes = {one.note for one in story(desk, "a9").examples if one.horizon == "close"}
    assert "what was bought because of it, if anything, stands with its decisions" in notes


@pytest.mark.parametrize(
    ("action", "told", "note"),
    [
        ("HOLD", {}, "nothing was bought by it"),
        ("SELL", {}, "it leaves a position: what that earned stands with what was bought"),
        ("BUY", {"gross": 0.02}, "the net is not known, because nobody told the fees"),
        ("BUY", {"exit_price": 9.0}, "the net is not known, because nobody told net, or gross and fees"),
        ("BUY", {"net": 0.02}, None),
    ],
)
def test_a_close_that_is_matched_without_a_net_says_why(desk, stream, action, told, note):
    desk.take(
        stream.decision("d1", "2024-01-02 21:11", action=action),
        *([stream.outcome("o1", "2024-01-03 21:00", decision_id="d1", **told)] if told else []),
        *(stream.closed(day) for day in DAYS[:3]),
    )
    desk.rest()
    [close] = [one for one in story(desk, "d1").examples if one.horizon == "close"]
    assert ("matched", note) == (close.state, close.note)
    assert note is None or note in shown(story(desk, "d1"))


def test_where_only_bars_of_another_length_came_that_is_said(store, stream):
    desk = Desk(store, rules=registry(bars="1h", lost_after=1))
    desk.take(stream.alert("a1", "2024-01-02 21:10"), *(stream.closed(day) for day in DAYS[:2]))
    desk.rest()
    [lost] = [one for one in story(desk, "a1").examples if one.horizon == "1d"]
    assert ("lost", "no bar of 1h came from 2024-01-03 to 2024-01-04", None) == (lost.state, lost.reason, lost.note)

    desk.take(*bars(stream, *DAYS[:2]))
    [lost] = [one for one in story(desk, "a1").examples if one.horizon == "1d"]
    assert "bars of 1d did, and the registry measures with 1h" == lost.note
    assert "no bar of 1h came from 2024-01-03 to 2024-01-04; bars of 1d did" in shown(story(desk, "a1"))


# values in force


def test_the_values_that_an_arm_changed_stand_beside_the_baseline(desk, stream):
    made = version(desk.rules)
    symbols = [f"S{number}" for number in range(12)]
    desk.take(*(stream.alert(symbol, "2024-01-02 21:10", symbol=symbol) for symbol in symbols))
    sizes = set()
    for symbol in symbols:
        [one] = story(desk, symbol).in_force
        changed = {each.name: (each.baseline, each.value) for each in one.changed}
        expected = made.values_for(one.unit)
        assert {
            name: (made.values[name], expected[name]) for name in expected if made.values[name] != expected[name]
        } == changed
        assert {name: (arm.key, arm.share) for name, arm in made.assigned(one.unit).items()} == {
            arm.allocation: (arm.arm, arm.propensity) for arm in one.arms
        }
        assert len(changed) == sum(not arm.baseline for arm in one.arms)
        sizes.add(len(changed))
    assert {0, 1, 2} == sizes


def test_what_was_in_force_is_told_of_every_unit_and_version_once(busy):
    assert {("decision d1", "alert a1"), ("decision d2",)} == {tuple(one.of) for one in story(busy, "a1").in_force}


@pytest.mark.parametrize(("told", "agrees"), [(None, None), ("own", True), ({"entry": 0.9}, False)])
def test_whether_trading_ran_the_assigned_values_is_said(desk, stream, told, agrees):
    arm = version(desk.rules).assigned(UNIT)["entry.1-1"]
    said = None if told is None else {"entry.1-1": arm.values if told == "own" else told}
    desk.take(stream.alert("a1", "2024-01-02 21:10", assignments=said))
    [in_force] = story(desk, "a1").in_force
    by_name = {one.allocation: one for one in in_force.arms}
    assert (agrees, None) == (by_name["entry.1-1"].agrees, by_name["look.1-1"].agrees)
    assert ("it does not agree" in shown(story(desk, "a1"))) is (agrees is False)


def test_of_a_version_that_was_never_published_nothing_is_known(desk, stream):
    desk.take(stream.alert("a1", "2024-01-02 21:10", version="9-9"))
    [in_force] = story(desk, "a1").in_force
    assert ("9-9", False, [], []) == (in_force.version, in_force.published, in_force.arms, in_force.changed)
    assert "9-9, never published here" in shown(story(desk, "a1"))


def test_of_what_trading_tells_of_a_version_that_was_never_published_that_is_said(desk, stream):
    desk.take(stream.alert("a1", "2024-01-02 21:10", version="9-9", assignments={"entry.1-1": {"entry": 0.9}}))
    assert "the version was never published here" in shown(story(desk, "a1"))
    assert "no such allocation" not in shown(story(desk, "a1"))


def test_what_trading_tells_of_an_allocation_that_the_version_does_not_have_is_shown(desk, stream):
    desk.take(stream.alert("a1", "2024-01-02 21:10", assignments={"other.1-1": {"entry": 0.9}}))
    [in_force] = story(desk, "a1").in_force
    assert {"other.1-1": {"entry": 0.9}} == in_force.strange
    assert "the version has no such allocation" in shown(story(desk, "a1"))


# positions


def test_round_trips_and_open_lots_are_those_of_the_books(busy):
    told = story(busy, "a1")
    [trip], [lot] = told.trips, told.lots
    assert ("f1", "f2", "d1", 60.0, 60.0, None) == (
        trip.entry_fill, trip.exit_fill, trip.decision, trip.quantity, trip.gross, trip.net
    )  # fmt: skip
    assert ("f1", 40.0, 10.0) == (lot.fill, lot.quantity, lot.price)
    assert trip.fees is None
    [line] = [line for line in shown(told).splitlines() if "f2 2024-01-05 15:31:00" in line]
    assert 2 == line.count("not known")


# figures and prices


def figures(told, subject, horizon, origin="prices"):
    [one] = [
        one
        for one in told.examples
        if (f"{one.subject} {one.subject_id}", one.horizon, one.origin) == (subject, horizon, origin)
    ]
    return one


def test_the_figures_are_those_of_the_books(busy):
    told = story(busy, "a1")
    assert sorted(busy.examples("state")) == sorted(one.example_id for one in told.examples)
    for one in told.examples:
        stands = busy.example(one.example_id)
        for field in ("state", "reason", "mfe", "mae", "volatility", "entry_price", "exit_price", "net", "revision"):
            assert stands[field] == getattr(one, field), field
        assert stands["return"] == one.return_
        assert json.loads(stands["contributions"]) == msgspec.to_builtins(one.contributions)


def test_the_bars_that_were_used_are_shown_with_whoever_told_them(desk, stream):
    first, _, third = DAYS[:3]
    other = Stream("vendor").bar(first, 10.01, 12, 9, 11.001)
    desk.take(stream.alert("a1", "2024-01-02 21:10"), *bars(stream, first, third), other)
    prices = figures(story(desk, "a1"), "alert a1", "3d").prices
    assert ("1d", 2, first, third) == (prices.interval, prices.bars, prices.entry.session, prices.exit.session)
    assert (NYSE.open_of(first), NYSE.close_of(third)) == (micro(prices.entry.start), micro(prices.exit.end))
    assert ["scanner", "vendor"] == [quote.source for quote in prices.entry.quotes]
    assert [11.0, 11.001] == [quote.close for quote in prices.entry.quotes]
    assert ([], [], None) == (prices.factors, prices.jumps, prices.benchmark)


def micro(moment):
    return at(moment.isoformat().removesuffix("+00:00"))


def test_a_factor_within_the_window_is_shown_and_no_jump(desk, stream):
    first, second, third = DAYS[:3]
    split = stream.bar(second, 5.5, 6, 5, 5.5, factor=0.5)
    desk.take(stream.alert("a1", "2024-01-02 21:10"), *bars(stream, first), split, stream.bar(third, 5.5, 6, 5, 5.6))
    prices = figures(story(desk, "a1"), "alert a1", "3d").prices
    assert [(second, 0.5)] == [(one.session, one.factor) for one in prices.factors]
    assert [] == prices.jumps


def test_a_jump_that_nothing_explains_is_shown_where_the_example_bears_the_mark(desk, stream):
    first, second, third = DAYS[:3]
    desk.take(stream.alert("a1", "2024-01-02 21:10"), *bars(stream, first), stream.bar(second, 5.5, 6, 5, 5.5))
    desk.take(stream.bar(third, 5.5, 6, 5, 5.6), *bars(stream, *DAYS[3:]))
    one = figures(story(desk, "a1"), "alert a1", "3d")
    assert ["jump"] == one.marks
    assert [(second, -0.5)] == [(jump.session, jump.step) for jump in one.prices.jumps]
    assert "jump of -50.00%" in shown(story(desk, "a1"))


def test_a_jump_that_a_second_source_confirms_is_none(desk, stream):
    first, second = DAYS[:2]
    desk.take(stream.alert("a1", "2024-01-02 21:10"), *bars(stream, first), stream.bar(second, 5.5, 6, 5, 5.5))
    desk.take(Stream("vendor").bar(second, 5.5, 6, 5, 5.51), *bars(stream, DAYS[2]))
    one = figures(story(desk, "a1"), "alert a1", "3d")
    assert second not in {jump.session for jump in one.prices.jumps}


def test_a_jump_may_lead_from_the_price_that_was_paid_and_bars_begin_after_it(desk, stream):
    desk.take(stream.decision("d1", "2024-01-03 15:00", fill_price=5.0), *bars(stream, *DAYS[:2]))
    prices = figures(story(desk, "d1"), "decision d1", "1d").prices
    assert (1, DAYS[1]) == (prices.bars, prices.entry.session)
    assert [(DAYS[1], pytest.approx(12 / 5 - 1))] == [(jump.session, jump.step) for jump in prices.jumps]


def test_the_bars_of_the_benchmark_are_shown_and_one_that_is_missing_is_not_known(store, stream):
    desk = Desk(store, rules=registry(benchmark="SPY"))
    desk.take(
        stream.alert("a1", "2024-01-02 21:10"),
        *bars(stream, *DAYS[:3]),
        stream.bar(DAYS[0], 100, 100, 100, 101, symbol="SPY"),
    )
    day, three = (figures(story(desk, "a1"), "alert a1", horizon) for horizon in ("1d", "3d"))
    assert ("SPY", 100.0, 101.0) == (
        day.prices.benchmark.symbol,
        day.prices.benchmark.entry.open,
        day.prices.benchmark.exit.close,
    )
    assert 0.01 == pytest.approx(day.benchmark_return)
    assert day.return_ - day.benchmark_return == day.relative_return
    assert (100.0, None) == (three.prices.benchmark.entry.open, three.prices.benchmark.exit)
    assert three.relative_return is None


def test_what_trading_reports_has_no_bars(busy):
    assert figures(story(busy, "a1"), "decision d1", "close", "reported").prices is None


def test_what_is_pending_is_not_known(desk, stream):
    desk.take(stream.alert("a1", "2024-01-02 21:10"))
    one = figures(story(desk, "a1"), "alert a1", "3d")
    assert ("pending", None, None, None) == (one.state, one.return_, one.mfe, one.prices)
    text = shown(story(desk, "a1"))
    assert "not known: return, net, benchmark, relative, mfe, mae, volatility, peak after, class" in text
    assert "0.0000%" not in text


# statistics and what they led to


def test_every_revision_shows_what_it_added_and_what_it_took_back(busy, stream):
    busy.take(stream.bar("2024-01-05", 12, 14, 9, 12.5, revision=1))
    journal(busy)
    one = figures(story(busy, "d1"), "decision d1", "3d")
    first, second = one.movements
    assert (1, 2) == (first.revision, second.revision)
    assert (first.added, []) == (second.taken_back, first.taken_back)
    assert one.contributions == second.added
    assert first.added != second.added


def settle(desk, stream, *sessions):
    desk.take(*(stream.closed(session) for session in sessions))
    desk.rest()
    assert set(sessions) <= {session for _, session in desk.settled}


def test_a_contribution_counts_from_the_first_cut_that_includes_it_and_when_its_cohort_is_complete(desk, stream):
    desk.take(*found(stream)[:3], stream.alert("b1", "2024-01-02 21:20", symbol="MSFT"))
    settle(desk, stream, "2024-01-02")
    desk.take(*bars(stream, *DAYS[:3]))
    settle(desk, stream, "2024-01-03", "2024-01-04", "2024-01-05")
    desk.take(*bars(stream, *DAYS[:3], symbol="MSFT"))
    settle(desk, stream, "2024-01-08")
    journal(desk)
    by_reward = {one.reward: one for one in story(desk, "d1").consequences}
    three = by_reward["unit_pnl:3d"]
    assert ("2024-01-02", "2024-01-03", "2024-01-08") == (three.cohort, three.included.session, three.ripe.session)
    assert ("size.1-1", None) == (three.allocation, three.ripe.cycle)


def test_cycles_evidence_proposals_and_versions_that_followed_are_named_and_no_earlier_ones(place, busy, stream):
    settle(busy, stream, "2024-01-05")
    journal(busy)
    [one] = [one for one in story(busy, "d1").consequences if one.reward == "unit_pnl:3d"]
    cut, session = one.ripe.cut, one.ripe.session
    with busy.store.begin() as work:
        cycle = CycleCompleted(
            cycle_id="daily/main/x", kind="daily", session=session, cut=cut, proposals=[], stages=[], report=""
        )
        Cycles(work.connection).add(cycle, started_at=1, finished_at=2)
        for name, at_cut in (("early", cut - 1), ("e1", cut)):
            EvidenceRows(work.connection).add(
                name, "main", session=session, cut=at_cut, allocation=one.allocation, arms={"arm": {"n": 1}}, now=3
            )
        for name, day, about in (
            ("old", "2023-12-29", {one.allocation: {"arm": 100}}),
            ("shares", session, {one.allocation: {"arm": 100}}),
            ("others", session, {"look.1-1": {"arm": 100}}),
        ):
            proposal = ParamsProposed(
                proposal_id=name,
                kind=ProposalKind.SHARES,
                session=day,
                proposed_by="daily",
                reason="why",
                shares=about,
            )
            Proposals(work.connection).add([Judged(proposal)], now=4)
        steps = [Step(state, "fits") for state in (ProposalState.VALIDATED, ProposalState.DEPLOYED)]
        Proposals(work.connection).move("main", "shares", *steps, by="gate", time=5, version="1-2")
        work.commit()
    [one] = [one for one in story(busy, "d1").consequences if one.reward == "unit_pnl:3d"]
    assert ("daily/main/x", ["e1"]) == (one.ripe.cycle, [row.id for row in one.evidence])
    assert [("shares", "deployed", "1-2")] == [(row.id, row.state, row.version) for row in one.proposals]
    assert "1-2" in shown(story(busy, "d1"))
    ran = run("d1")
    assert 0 == ran.exit_code, ran.output
    assert "e1" in ran.stdout


def test_what_nobody_settled_has_led_to_nothing_yet(busy):
    journal(busy)
    told = story(busy, "d1")
    assert [(None, None, [])] * len(told.consequences) == [(c.included, c.ripe, c.proposals) for c in told.consequences]
    assert 0 < len(told.consequences)
    assert "no session settled since" in shown(told)


# runs, names, and what is not there


def test_a_run_is_told_with_its_alerts_and_what_became_of_them(busy, stream):
    busy.take(stream.alert("a2", "2024-01-02 21:11", symbol="MSFT", run_id="r1", score=0.9))
    told = story(busy, "r1")
    assert {"discovery run r1"} == played(told)
    assert [("a2", [], "pending", None), ("a1", ["BUY d1"], "matched", 0.3)] == [
        (one.alert_id, one.decisions, one.state, one.return_ and round(one.return_, 9)) for one in told.found
    ]
    assert "4000" in shown(told)


def test_a_run_that_only_alerts_name_is_told_to_have_never_come(desk, stream):
    desk.take(stream.alert("a1", "2024-01-02 21:10", run_id="r9"))
    told = story(desk, "r9")
    assert (set(), ["a1"]) == (played(told), [one.alert_id for one in told.found])
    assert "alerts name it, but its discovery.completed never came" in shown(told)


def test_after_a_rename_stories_tell_the_symbol_of_the_time(desk, stream):
    desk.take(
        stream.changed("AAPL", "2024-01-03", renamed_to="PEAR"),
        stream.event(RUN, "2024-01-03 21:05"),
        stream.alert("old", "2024-01-02 21:10", run_id="r1"),
        stream.alert("new", "2024-01-03 21:10", run_id="r1", symbol="PEAR"),
    )
    assert ["AAPL"] == story(desk, "old").instruments
    assert ["PEAR"] == story(desk, "new").instruments
    assert {"old": "AAPL", "new": "PEAR"} == {one.alert_id: one.symbol for one in story(desk, "r1").found}


def test_the_id_of_an_example_with_a_long_name_leads_to_it(desk, stream):
    long = "x" * 190
    desk.take(stream.alert(long, "2024-01-02 21:10"))
    [name] = [name for name, row in desk.examples("horizon").items() if row["horizon"] == "1d"]
    assert 64 == len(name)
    assert {f"alert {long}"} == played(story(desk, name))


def test_names_with_slashes_are_found_by_their_examples(desk, stream):
    desk.take(stream.alert("AAPL/1/d", "2024-01-02 21:10"))
    assert {"alert AAPL/1/d"} == played(story(desk, "main/alert/AAPL/1/d/1d/prices"))
    assert [] == stories(desk, "main/alert/AAPL/1/d/9d/prices")


def test_a_name_that_is_not_there_is_answered_with_those_that_are_written_almost_so(busy, stream):
    busy.take(
        *(stream.alert(f"scan-2024-{number:04}", "2024-01-03 21:10", symbol=f"S{number}") for number in range(400))
    )
    with busy.store.read() as reading:
        search = Search(reading, "main")
        assert [] == search.roles("scan-2024-O001")
        assert "scan-2024-0001" in search.near("scan-2024-O001")
        assert "scan-2024-0300" in search.near("scna-2024-0300")
        assert [] == search.near("zzzzzz")
        assert [Role("alert", "a1")] == search.roles("a1")


# the command


@pytest.fixture
def place(tmp_path, desk, monkeypatch):
    """A folder with a registry and the desk's store."""
    (tmp_path / "main.toml").write_text(
        'strategy = "main"\n[market]\nhorizons = ["1d", "3d"]\nprimary_horizon = "3d"\n'
    )
    (tmp_path / "learning.toml").write_text(f'registries = ["main.toml"]\nstore_url = "{desk.store.place}"\n')
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(app, ["explain", *arguments])


def test_the_command_tells_the_story(place, busy):
    ran = run("d1")
    assert 0 == ran.exit_code, ran.output
    for part in (
        "decision d1 of strategy main about AAPL",
        "what was told",
        "values in force",
        "prices used",
        "+30.0000%",
    ):
        assert part in ran.stdout


def test_what_a_terminal_would_obey_is_written_out(place, busy, stream):
    busy.take(stream.alert("\x1b[31mred\nline", "2024-01-03 21:10", regime="calm"))
    ran = run("\x1b[31mred\nline")
    assert 0 == ran.exit_code, ran.output
    assert "alert \\x1b[31mred" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_as_json_it_tells_everything_and_what_is_not_known_as_null(place, busy):
    ran = run("d1", "--json")
    assert 0 == ran.exit_code, ran.output
    told = json.loads(ran.stdout)
    assert ("d1", 1) == (told["id"], len(told["stories"]))
    assert story(busy, "d1") == msgspec.convert(told["stories"][0], Story)
    [lost] = [one for one in told["stories"][0]["examples"] if one["example_id"] == "main/decision/d2/3d/prices"]
    assert lost["return"] is None


def test_an_unknown_id_ends_with_a_sentence_and_code_1(place, busy, stream):
    busy.take(stream.alert("morning-0001", "2024-01-03 21:10"))
    ran = run("morning-0002")
    assert 1 == ran.exit_code
    assert "no 'morning-0002' is in the books; did you mean morning-0001? ids come from trading: alert_id" in ran.stderr
    assert "nothing is called almost so" in run("zzzzzzzz").stderr
    assert "" == ran.stdout


def test_a_name_that_two_strategies_know_is_told_of_both_unless_one_is_said(tmp_path, store, stream, monkeypatch):
    desk = Desk(store, strategies=("main", "other"))
    for strategy in ("main", "other"):
        desk.take(stream.alert("a1", "2024-01-02 21:10", strategy=strategy))
        (tmp_path / f"{strategy}.toml").write_text(f'strategy = "{strategy}"\n')
    files = f'registries = ["main.toml", "other.toml"]\nstore_url = "{store.place}"\n'
    (tmp_path / "learning.toml").write_text(files)
    monkeypatch.chdir(tmp_path)
    both, one = (json.loads(run("a1", "--json", *more).stdout)["stories"] for more in ((), ("--strategy", "other")))
    assert (["main", "other"], ["other"]) == tuple([told["strategy"] for told in each] for each in (both, one))


def test_a_name_in_brackets_is_shown_as_it_is(place, desk, stream):
    desk.take(stream.alert("[red]a[/red]", "2024-01-03 21:10"))
    assert "alert [red]a[/red] of strategy main" in run("[red]a[/red]").stdout
    assert "no '[bold]' is in the books" in run("[bold]").stderr
