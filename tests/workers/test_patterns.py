"""The worker patterns: what it keeps of what attribution tells, and what it says after a cycle."""

import random
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats
from sqlalchemy import or_, select, update

from events.codec import decode
from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.attributed import ExampleState
from store.insights import InsightRun, Insights
from store.occurrences import SCALE
from store.outbox import Outbox
from store.tables import (
    alerts,
    dead_letters,
    decisions,
    examples,
    insight_runs,
    insights,
    occurrences,
    outcomes,
    patterns,
)
from tests.databases import sqlite_only
from tests.workers.desk import NOW, NYSE
from tests.workers.insight_scene import LATER, RULES, Scene, cycle, take, worker
from workers.insight.drawing import Drawing
from workers.insight.intake import Intake
from workers.insight.performance import pattern_lines
from workers.tally import Tally
from workers.turn import Limits, Turns

SESSIONS = 45


def rows(store, table, *columns):
    with store.read() as reading:
        return sorted(map(tuple, reading.execute(select(*(table.c[name] for name in columns or table.c.keys())))))


def published(store):
    """The insights that wait in the outbox, decoded as whoever reads them would."""
    with store.read() as reading:
        letters = Outbox(reading).waiting("patterns", 10_000)
    return [decode({b"event": one.body}, stream=one.stream, entry="1-0", now=LATER) for one in letters]


def drawn(scene):
    """The scene with all of its letters taken in, and the insights of its newest session."""
    patterns = worker(scene.store)
    settled = scene.settled()
    take(patterns, scene.store, scene.told())
    take(patterns, scene.store, [cycle(settled.session, settled.cut)])
    patterns.rest(lambda: LATER)
    return published(scene.store)


@sqlite_only
def test_keeps_each_alert_once_at_the_primary_horizon_with_what_followed(store):
    scene = Scene(store)
    scene.live(6)
    take(worker(store), store, scene.told())

    wanted = {"horizon": "3d", "origin": "prices", "subject": "alert", "state": "matched"}
    with store.read() as reading:
        table = examples.c
        chosen = select(table.subject_id, table["return"], table.mae, table.outcome_class).where(
            *(table[name] == value for name, value in wanted.items())
        )
        followed = {row[0]: row[1:] for row in reading.execute(chosen)}
        told = dict(tuple(row) for row in reading.execute(select(alerts.c.alert_id, alerts.c.body)))
    names = ("subject", "alert_id", "net", "mae", "won", "holding", "signature", "confidence")
    kept = [row[1:] for row in rows(store, occurrences, *names) if row[0] == "alert"]

    assert followed.keys() == {row[0] for row in kept} != set()
    for name, net, mae, won, holding, signature, confidence in kept:
        body = msgspec.json.decode(told[name])
        return_, fall, outcome = followed[name]
        assert (round(return_ * SCALE), round(fall * SCALE), outcome == "win", 3) == (net, mae, bool(won), holding)
        assert signature == ("gap=[0.5,inf)" if body["features"]["gap"] >= 0.5 else "gap=(-inf,0.5)")
        assert round(body["confidence"] * SCALE) == confidence
    assert len(kept) == sum(n for subject, n in rows(store, patterns, "subject", "n") if subject == "alert")


@sqlite_only
def test_a_decision_about_an_alert_is_kept_at_its_close_under_the_alerts_pattern(store):
    """It bears the name of its alert, and both come in one batch."""
    scene = Scene(store)
    scene.live(6)
    take(worker(store), store, scene.told())

    with store.read() as reading:
        made = select(alerts.c.alert_id, alerts.c.sequence, alerts.c.body)
        shown = {name: (place, msgspec.json.decode(body)) for name, place, body in reading.execute(made)}
        bought = dict(tuple(row) for row in reading.execute(select(decisions.c.decision_id, decisions.c.sequence)))
        told = dict(tuple(row) for row in reading.execute(select(outcomes.c.decision_id, outcomes.c.net)))
    names = ("subject", "horizon", "origin", "alert_id", "fact", "net", "signature")
    kept = {row[3]: row[4:] for row in rows(store, occurrences, *names) if row[:3] == ("decision", "close", "reported")}

    assert kept.keys() == told.keys() != set()
    for name, (fact, net, signature) in kept.items():
        wide = shown[name][1]["features"]["gap"] >= 0.5
        assert (bought[name], round(told[name] * SCALE)) == (fact, net)
        assert signature == ("gap=[0.5,inf)" if wide else "gap=(-inf,0.5)")
    for fact, name in rows(store, occurrences, "fact", "alert_id"):
        assert fact in (shown[name][0], bought.get(name))


def test_any_order_repeats_and_revisions_leave_the_same_rows(stores):
    scene = Scene(stores.fresh(lambda: NOW))
    scene.live(6)
    told = [one for one in scene.told() if one.data.horizon == "3d"]
    wrong = [
        replace(one, data=replace(one.data, revision=one.data.revision, return_=9.0, state=ExampleState.MATCHED))
        for one in told
    ]
    right = [replace(one, data=replace(one.data, revision=one.data.revision + 1)) for one in told]
    take(worker(scene.store), scene.store, right)
    expected = rows(scene.store, patterns)
    dice = random.Random(5)
    with scene.store.begin() as work:
        for table in (occurrences, patterns):
            work.connection.execute(table.delete())
        work.commit()

    shuffled = [*wrong, *right, *dice.sample(wrong, len(wrong) // 2)]
    dice.shuffle(shuffled)
    for start in range(0, len(shuffled), 7):
        take(worker(scene.store), scene.store, shuffled[start : start + 7])

    assert expected == rows(scene.store, patterns) != []


@sqlite_only
def test_finds_what_foretells_the_return_and_claims_nothing_of_what_does_not(store):
    scene = Scene(store)
    scene.live(SESSIONS)
    said = {(one.data.insight_id.split("/")[0], one.data.subject): one.data for one in drawn(scene)}

    gap, noise = said["correlation", "gap"], said["correlation", "noise"]
    assert gap.estimate > 0
    assert gap.p_adjusted <= 0.05
    assert "Significant" in gap.text
    assert noise.p_adjusted > 0.05
    assert "Not distinguishable from chance" in noise.text
    assert f"all {gap.tested} tests" in gap.text
    assert said["weight", "weight.gap"].estimate == pytest.approx(0.55)
    assert said["weight", "weight.noise"].estimate == pytest.approx(0.45)
    assert "gap=[0.5,inf)" in said["pattern", "best"].text
    assert "gap=(-inf,0.5)" in said["pattern", "worst"].text
    assert said["threshold", "gap"].estimate > 0


@sqlite_only
def test_what_an_insight_says_is_what_scipy_makes_of_what_is_stored(store):
    scene = Scene(store, edge=0.02)
    scene.live(SESSIONS)
    said = {(one.data.insight_id.split("/")[0], one.data.subject): one.data for one in drawn(scene)}

    with store.read() as reading:
        chosen = select(alerts.c.body, occurrences.c.net, occurrences.c.won, occurrences.c.signature).join(
            alerts, alerts.c.alert_id == occurrences.c.alert_id
        )
        mine = (occurrences.c.net.is_not(None), occurrences.c.subject == "alert")
        found = [tuple(row) for row in reading.execute(chosen.where(*mine))]
    features = [msgspec.json.decode(body)["features"]["gap"] for body, *_ in found]
    net = np.array([row[1] for row in found])
    member = np.array([row[3] == "gap=[0.5,inf)" for row in found])
    gap, best = said["correlation", "gap"], said["pattern", "best"]

    # Each weighs its uniqueness, so the rank correlation is near the plain one and not equal to it.
    assert len(found) == gap.n
    assert stats.spearmanr(features, net).statistic == pytest.approx(gap.estimate, abs=0.03)
    assert np.mean([row[2] for row in found if row[3] == "gap=[0.5,inf)"]) == pytest.approx(best.estimate)
    assert member.sum() == best.n
    assert 0 < gap.n_eff < gap.n
    assert f"average return {net[member].mean() / SCALE:+.2%}" in best.text


def test_the_same_event_again_changes_nothing(store):
    scene = Scene(store)
    scene.live(12)
    first = drawn(scene)
    standing = [rows(store, table) for table in (insights, insight_runs, occurrences, patterns)]
    again = drawn(scene)

    assert len(first) == len({one.id for one in first}) > 0
    assert first == again
    assert standing == [rows(store, table) for table in (insights, insight_runs, occurrences, patterns)]
    assert {one.data.evidence for one in first} == {row[0] for row in rows(store, insights)}


@sqlite_only
def test_two_processes_that_draw_one_session_say_it_once(store):
    scene = Scene(store)
    scene.live(12)
    first = drawn(scene)
    with store.read() as reading:
        assert [] == Insights(reading).open_runs()
    [run] = [InsightRun(*row[:4]) for row in rows(store, insight_runs)]
    Drawing(store, RULES, Intake(RULES)).draw(run)

    assert first == published(store)


@sqlite_only
def test_a_session_drawn_later_says_the_same_to_the_last_bit(stores):
    """What was revised and what came after the cut is not looked at."""
    early, late = (Scene(stores.fresh(lambda: NOW)) for _ in range(2))
    for scene in (early, late):
        scene.live(12)
    settled = early.settled()
    first = drawn(early)
    late.live(3)
    told = late.told()
    revised = [
        replace(one, data=replace(one.data, revision=9, sequence=10**9, return_=0.5))
        for one in told
        if one.data.horizon == "3d"
    ]
    patterns = worker(late.store)
    take(patterns, late.store, [*revised, *told])
    take(patterns, late.store, [cycle(settled.session, settled.cut)])
    patterns.rest(lambda: LATER)

    assert [(one.id, one.data) for one in first] == [(one.id, one.data) for one in published(late.store)]
    assert rows(early.store, insights, "id", "figures") == rows(late.store, insights, "id", "figures")


@sqlite_only
def test_waits_until_everything_that_was_sent_before_the_cycle_is_taken_in(store):
    scene = Scene(store)
    scene.live(12)
    settled = scene.settled()
    patterns = worker(store)
    take(patterns, store, [cycle(settled.session, settled.cut, entry=500)])

    patterns.rest(lambda: 500)
    assert [] == published(store)
    take(patterns, store, scene.told())
    heard = rows(store, occurrences)
    patterns.rest(lambda: 501)
    assert published(store)
    assert heard == rows(store, occurrences)


def test_what_the_broker_lost_is_taken_from_the_store(stores):
    whole, lossy = (Scene(stores.fresh(lambda: NOW)) for _ in range(2))
    for scene in (whole, lossy):
        scene.live(12)
    first = drawn(whole)
    settled = lossy.settled()
    patterns = worker(lossy.store)
    take(patterns, lossy.store, lossy.told()[::3])
    take(patterns, lossy.store, [cycle(settled.session, settled.cut)])
    patterns.rest(lambda: LATER)

    assert [(one.id, one.data) for one in first] == [(one.id, one.data) for one in published(lossy.store)]


@sqlite_only
def test_what_the_broker_lost_is_taken_in_in_portions_before_insights_are_drawn(stores, monkeypatch):
    whole, lost = (Scene(stores.fresh(lambda: NOW)) for _ in range(2))
    for scene in (whole, lost):
        scene.live(12)
    first = drawn(whole)
    settled = lost.settled()
    monkeypatch.setattr("workers.insight.drawing.PORTION", 20)
    monkeypatch.setattr("store.portions.MOST", 7)
    patterns = worker(lost.store)
    take(patterns, lost.store, [cycle(settled.session, settled.cut)])
    kept = [0]
    while not published(lost.store):
        assert len(kept) < 20
        patterns.rest(lambda: LATER)
        kept.append(len(rows(lost.store, occurrences)))

    assert all(more - before < 20 + 7 for before, more in pairwise(kept))
    assert [(one.id, one.data) for one in first] == [(one.id, one.data) for one in published(lost.store)]


@sqlite_only
def test_a_close_that_was_reported_without_costs_is_no_case(store):
    """Its gross return is not what was left of it; by prices, which tell no costs, the return before them counts."""
    scene = Scene(store)
    scene.live(6)
    told = scene.told()
    gross = [replace(one, data=replace(one.data, net=None, return_=0.03)) for one in told]
    take(worker(store), store, gross)

    kept = rows(store, occurrences, "origin", "net", "won", "mae", "holding")
    reported = {row[1:] for row in kept if row[0] == "reported"}
    assert {(None,) * 4} == reported
    assert {row[1] for row in kept if row[0] == "prices"} >= {30_000}
    assert {"prices"} == {row[0] for row in rows(store, patterns, "origin")}


@sqlite_only
def test_a_weekly_cycle_and_a_foreign_strategy_draw_nothing(store):
    scene = Scene(store)
    scene.live(6)
    settled = scene.settled()
    patterns = worker(store)
    take(patterns, store, [cycle(settled.session, settled.cut, kind="weekly")])
    patterns.rest(lambda: LATER)

    assert [] == rows(store, insight_runs)


@sqlite_only
def test_a_session_without_enough_alerts_says_nothing_and_is_done(store):
    scene = Scene(store)
    scene.live(2)

    assert [] == drawn(scene)
    assert ["0 insights on 0 alerts"] == [row[0] for row in rows(store, insight_runs, "said")]


@sqlite_only
def test_without_edges_no_patterns_are_kept_and_features_are_told_of_all_the_same(store):
    scene = Scene(store)
    scene.live(12)
    settled = scene.settled()
    patterns_ = worker(store, replace(RULES, patterns=replace(RULES.patterns, edges={})))
    take(patterns_, store, scene.told())
    take(patterns_, store, [cycle(settled.session, settled.cut)])
    patterns_.rest(lambda: LATER)

    assert [] == rows(store, patterns)
    assert {"gap", "noise"} <= {one.data.subject for one in published(store)}


def test_through_real_streams(store, broker):
    scene = Scene(store)
    scene.live(12)
    settled = scene.settled()
    patterns = worker(store)
    group = ConsumerGroup(broker, group=patterns.name, consumer="one", streams=patterns.reads, claim_after_ms=60_000)
    group.ensure()
    turns = Turns(
        patterns,
        store=store,
        broker=broker,
        group=group,
        prefix="",
        limits=Limits(2**20, 2**60),
        clock=lambda: NOW,
        tally=Tally(patterns.name, clock=lambda: NOW),
    )
    told = [replace(one, entry="", source="attribution") for one in scene.told()]
    Publisher(broker).publish([*told, *told[::2], replace(cycle(settled.session, settled.cut), entry="")])
    while turns.turn(count=50, block_ms=1) or not broker.xlen("insight.published"):
        pass

    with store.read() as reading:
        stored = Insights(reading).of("main", settled.session)
    sent = [
        decode(fields, stream="insight.published", entry="1-0", now=LATER)
        for _, fields in broker.xrange("insight.published")
    ]
    assert {one.id for one in stored} == {one.id for one in sent} != set()
    assert len(sent) == len(stored)
    assert NYSE.close_of(settled.session) == sent[0].time
    assert [] == rows(store, dead_letters)


@sqlite_only
def test_after_a_change_of_calendar_insights_are_drawn_all_the_same(store):
    """Alerts of a Saturday, taken in while the registry said 24/7, and a Sunday whose insights wait to be drawn."""
    scene = Scene(store)
    scene.live(12)
    patterns_ = worker(store)
    take(patterns_, store, scene.told())
    with store.begin() as work:
        some = or_(occurrences.c.subject == "decision", occurrences.c.fact % 2 == 0)
        work.connection.execute(update(occurrences).where(some).values(session="2024-01-06"))
        work.commit()
    done = cycle("2024-01-12", scene.settled().cut)
    take(patterns_, store, [replace(done, data=replace(done.data, session="2024-01-14"))])
    patterns_.rest(lambda: LATER)

    assert NYSE.close_of("2024-01-12") == published(store)[0].time
    assert {"2024-01-14"} == {one.data.session for one in published(store)}
    with store.read() as reading:
        seen = {line.last_seen for line in pattern_lines(reading, "main", NYSE) if line.subject == "decision"}
    assert {"2024-01-06"} == seen
