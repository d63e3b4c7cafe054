"""The weekly cycle on a planted market that the real join lived through."""

import shutil
from math import pi

import msgspec
import pytest
from msgspec import structs

from schemas.allocation import arm_key
from store.audit import Audit
from store.evidence import EvidenceRows
from store.sessions import Sessions
from store.store import Store
from tests.conftest import NOW
from tests.scheduler.market import FIRST, NYSE, WEIGHTS, Desk, planted, registry

SESSIONS = 119
"""The last of them ends a week."""

ENTRY = {"id": "entry", "kind": "threshold", "threshold": "threshold", "sessions": 160}
MIX = {"id": "mix", "kind": "weights", "weights": WEIGHTS, "threshold": "threshold", "sessions": 160}
EXITS = {
    "id": "exits",
    "kind": "exits",
    "take_profit": "target",
    "stop_loss": "stop",
    "max_hold": "hold",
    "costs": 0.001,
}
SIZES = {"id": "sizes", "kind": "position_size", "cap": "cap"}


@pytest.fixture(scope="module")
def history(tmp_path_factory, migrated):
    """The file of a store that lived through the planted market."""
    file = tmp_path_factory.mktemp("planted") / "learning.db"
    shutil.copy(migrated, file)
    store = Store.open(f"sqlite:///{file}", clock=lambda: NOW)
    Desk(store, registry()).live(SESSIONS, planted)
    store.close()
    return file


@pytest.fixture
def desk_of(history, tmp_path):
    """Makes a desk with these learners over a copy of that store."""
    opened = []

    def made(*learners, **more):
        file = tmp_path / f"{len(opened)}.db"
        shutil.copy(history, file)
        opened.append(Store.open(f"sqlite:///{file}", clock=lambda: NOW + 1))
        return Desk(opened[-1], registry(*learners, **more), lived=SESSIONS)

    yield made
    for store in opened:
        store.close()


def moved(desk, *learners):
    """What the gate changed after a weekly cycle, by name."""
    before = desk.decided().values
    desk.week(desk.session(SESSIONS - 1))
    after = desk.decided().values
    return {name: after[name] for name in after if after[name] != before[name]}


def test_the_threshold_moves_toward_the_planted_optimum_by_a_day_of_its_budget(desk_of):
    assert {"threshold": 0.5} == moved(desk_of(ENTRY))


def test_the_weight_of_the_one_feature_with_an_effect_rises_and_the_weights_still_sum_to_1(desk_of):
    desk = desk_of(MIX)
    now = moved(desk)
    assert 0.39 == now["weight.a"]
    weights = [desk.decided().values[name] for name in WEIGHTS]
    assert 1.0 == pytest.approx(sum(weights), abs=1e-12)


def test_a_stop_that_every_other_bar_hits_in_vain_is_widened(desk_of):
    assert 0.02 == moved(desk_of(EXITS))["stop"]


def test_a_cap_falls_where_large_positions_lost_and_small_ones_won(desk_of):
    assert {"cap": 0.4} == moved(desk_of(SIZES))


def test_the_change_carries_its_evidence_and_the_audit_names_it(desk_of):
    desk = desk_of(ENTRY)
    completed = desk.week(desk.session(SESSIONS - 1))
    [proposal] = desk.letters("params.proposed")
    desk.decided()
    [change] = desk.letters("params.updated")[-1].changes
    with desk.store.read() as reading:
        row = EvidenceRows(reading).get(proposal.evidence)
        newest = Audit(reading).history("main")[0]
    assert ("learner/entry", [arm_key({"threshold": 0.5})]) == (row.allocation, list(row.arms))
    assert ("threshold", proposal.evidence) == (newest.name, newest.evidence) == (change.name, change.evidence)
    low, high = change.interval
    assert 0 < low < change.improvement < high
    assert completed.figures["entry.units"] == change.n
    assert 0 < change.n_eff <= completed.figures["entry.sessions"]
    assert 0.95 < change.confidence


def test_says_of_each_learner_what_was_tried_and_found_or_why_it_stays(desk_of):
    desk = desk_of(ENTRY, {**SIZES, "horizon": "1d"}, {**EXITS, "threshold": "threshold", "sessions": 60})
    entry, exits, sizes = desk.week(desk.session(SESSIONS - 1)).report.splitlines()[1:]
    assert entry.startswith("entry: chose threshold 0.4, in force threshold 0.6; proposes threshold 0.5: better")
    assert " tried" in entry
    assert " stays: " in sizes
    assert exits.startswith("exits: ")


def test_the_same_week_later_and_after_more_has_come_in_says_the_same_to_the_last_bit(desk_of):
    """At an error rate at which all four learners, who share it, find what is planted."""
    session = NYSE.shift(FIRST, SESSIONS - 1)
    gate = {"minimum_units": 100, "minimum_sessions": 20, "alpha": 0.2}
    at_once, later = (desk_of(ENTRY, MIX, EXITS, SIZES, gate=gate) for _ in range(2))
    later.live(6, planted)
    told = [(desk.week(session), desk.letters("params.proposed")) for desk in (at_once, later)]
    assert told[0] == told[1]
    assert 4 == len(told[0][1])
    rows = [[evidence(desk, one.evidence) for one in told[0][1]] for desk in (at_once, later)]
    assert rows[0] == rows[1]


def test_what_was_revised_after_the_cut_does_not_move_a_run_that_comes_later(desk_of):
    session = NYSE.shift(FIRST, SESSIONS - 1)
    at_once, later = (desk_of(ENTRY, MIX, EXITS, SIZES) for _ in range(2))
    for back in range(20, 40):
        later.revise(SESSIONS - back)
    assert at_once.week(session) == later.week(session)
    assert at_once.letters("params.proposed") == later.letters("params.proposed")
    following = later.live(5, planted)
    at_once.live(5, planted)
    assert at_once.week(following).figures != later.week(following).figures


def test_of_the_error_rate_is_left_what_the_windows_since_the_first_settled_session_did_not_take(desk_of):
    desk, session = desk_of({**ENTRY, "sessions": 60}), NYSE.shift(FIRST, SESSIONS - 1)
    desk.week(session)
    with desk.store.read() as reading:
        passed = NYSE.distance(Sessions(reading).earliest("main", cut=10**9), session) // 60
    [body] = evidence(desk, f"weekly/main/{session}/entry").arms.values()
    assert passed > 0
    assert 0.05 * 6 / pi**2 / (1 + passed) ** 2 == pytest.approx(msgspec.json.decode(body)["error_rate"])


def test_a_second_run_changes_nothing(desk_of):
    desk = desk_of(ENTRY)
    session = desk.session(SESSIONS - 1)
    desk.week(session)
    before = desk.letters("params.proposed")
    assert not desk.run(session)
    assert before == desk.letters("params.proposed")


def test_without_examples_it_says_what_is_missing_and_proposes_nothing(sqlite_store):
    desk = Desk(sqlite_store, registry(ENTRY, MIX, EXITS, SIZES))
    session = desk.live(4, planted)
    report = desk.week(session).report
    assert "propose: 0 proposals" in report
    assert "too little was judged out of fold: 0 of 20 sessions, 0 of 100 units" in report
    assert "exits: of 0 units with all bars of the longest hold none was let in" in report


def test_what_is_in_force_when_the_gate_decides_must_be_what_it_was_judged_beside(desk_of):
    desk = desk_of(ENTRY)
    desk.week(desk.session(SESSIONS - 1))
    desk.put_in_force({"threshold": 0.55})
    desk.decided()
    assert "it was judged beside {'threshold': 0.6}; in force are {'threshold': 0.55} meanwhile" in desk.refusal()


def test_nor_may_what_it_only_read_have_moved(desk_of):
    desk = desk_of(MIX)
    desk.week(desk.session(SESSIONS - 1))
    desk.put_in_force({"threshold": 0.55})
    assert 0.34 == desk.decided().values["weight.a"]
    assert "it was judged beside {'threshold': 0.6}; in force are {'threshold': 0.55} meanwhile" in desk.refusal()


def test_of_two_learners_that_read_each_others_values_the_second_waits_for_the_next_week(desk_of):
    scored = {**ENTRY, "weights": WEIGHTS}
    desk = desk_of(MIX, scored)
    desk.week(desk.session(SESSIONS - 1))
    assert 2 == len(desk.letters("params.proposed"))
    now = desk.decided().values
    assert (0.39, 0.6) == (now["weight.a"], now["threshold"])
    assert "it was judged beside {'weight.a': 0.34" in desk.refusal(f"weekly/{desk.session(SESSIONS - 1)}/entry")


def test_the_gate_asks_for_its_least_evidence_again(desk_of):
    desk = desk_of(ENTRY)
    desk.week(desk.session(SESSIONS - 1))
    desk.gate = desk.gate_of(registry(ENTRY, gate={"minimum_units": 5_000, "minimum_sessions": 20}))
    desk.decided()
    assert "too little was judged out of fold" in desk.refusal()


def test_learned_values_without_their_evidence_are_refused(desk_of):
    desk = desk_of(ENTRY)
    desk.week(desk.session(SESSIONS - 1))
    [proposal] = desk.letters("params.proposed")
    forged = structs.replace(proposal, proposal_id="forged", values={"threshold": 0.65})
    desk.judge(forged)
    assert "there is no stored evidence" in desk.refusal("forged")


def evidence(desk, identity):
    with desk.store.read() as reading:
        return EvidenceRows(reading).get(identity)


def test_says_that_no_version_was_in_force_then(desk_of, monkeypatch):
    monkeypatch.setattr("scheduler.weekly_run.in_force", lambda *_: None)
    desk = desk_of(ENTRY)
    report = desk.week(desk.session(SESSIONS - 1)).report
    assert "no version was in force when the session settled, so there is nothing to compare with" in report
