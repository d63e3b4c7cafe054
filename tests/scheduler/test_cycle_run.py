import itertools

import pytest
from msgspec import json, structs

from events.codec import decode
from scheduler.cycle_run import OWNER, CycleNotReady, DailyRun
from schemas.allocation import arm_key
from schemas.attributed import ExampleState
from schemas.params import ProposalKind
from store.cycles import Cycles
from store.evidence import EvidenceRows
from store.outbox import Outbox

BASELINE, CANDIDATE = arm_key({"lever": 0.5}), arm_key({"lever": 0.6})


def run(ledger, session, **more):
    ticks = itertools.count()
    daily = DailyRun(
        ledger.store,
        ledger.registry,
        **{
            "stages": None,
            "clock": lambda: 1_700_000_000_000_000,
            "timer": lambda: float(next(ticks)),
            "pause": lambda seconds: None,
            "patience": 5.0,
            **more,
        },
    )
    return daily.run(session)


def letters(ledger):
    with ledger.store.read() as reading:
        waiting = Outbox(reading).waiting(OWNER, 1000)
    return [decode({b"event": one.body}, stream=one.stream, entry="1-1", now=2**60).data for one in waiting]


def mixed(candidate, baseline, each=5):
    """Rewards that vary around two means."""
    wobble = [(-1) ** number * 0.01 for number in range(each)]
    return [(CANDIDATE, candidate + w) for w in wobble] + [(BASELINE, baseline + w) for w in wobble]


def test_proposes_shares_and_says_that_it_is_done(ledger):
    session = ledger.write(0, mixed(-0.03, 0.0))
    assert run(ledger, session)
    shares, completed = letters(ledger)
    assert ProposalKind.SHARES is shares.kind
    assert 10_000 == sum(shares.shares["lever.1-1"].values())
    assert [shares.proposal_id] == completed.proposals
    assert ["censor", "compare", "share", "propose"] == [stage.name for stage in completed.stages]
    assert "lever.1-1" in completed.report


def test_a_second_run_changes_nothing(ledger):
    session = ledger.write(0, mixed(0.03, 0.0))
    assert run(ledger, session)
    before = letters(ledger)
    assert not run(ledger, session)
    assert before == letters(ledger)


def test_asks_the_gate_for_a_better_baseline_with_stored_evidence(ledger):
    for number in range(12):
        session = ledger.write(number, mixed(0.03, 0.0))
    run(ledger, session)
    [proposal] = [one for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.BASELINE]
    assert {"lever": 0.6} == proposal.values
    with ledger.store.read() as reading:
        row = EvidenceRows(reading).get(proposal.evidence)
    assert (session, [CANDIDATE]) == (row.session, list(row.arms))


def test_asks_for_nothing_where_the_arms_are_equal(ledger):
    for number in range(12):
        session = ledger.write(number, mixed(0.01, 0.01))
    run(ledger, session)
    assert not [one for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.BASELINE]


def test_reads_nothing_beyond_the_cut_of_its_session(ledger):
    first = ledger.write(0, mixed(0.0, 0.0))
    ledger.write(1, mixed(0.09, 0.0))
    run(ledger, first)
    with ledger.store.read() as reading:
        finished = Cycles(reading).finished("test", "daily", first)
    assert "5 of 20 units of the candidate" in finished.completed.report


def test_a_cohort_counts_only_when_all_of_it_has_matured(ledger):
    ledger.write(0, [(CANDIDATE, 0.0)], state="pending", settle=False)
    session = ledger.write(0, mixed(0.03, 0.0))
    run(ledger, session)
    assert "0 of 20 units of the candidate" in letters(ledger)[-1].report


def test_ends_examples_that_have_waited_too_long(ledger):
    ledger.write(0, [(CANDIDATE, 0.0)], state="pending")
    too_early, in_time = ledger.write(1, []), ledger.write(2, [])
    run(ledger, too_early)
    assert not [one for one in letters(ledger) if one.type == "examples.overdue"]
    run(ledger, in_time)
    [overdue] = [one for one in letters(ledger) if one.type == "examples.overdue"]
    assert (["e1"], ExampleState.CENSORED) == (overdue.examples, overdue.state)


def test_waits_for_the_statistics_and_says_who_is_missing(ledger):
    session = ledger.write(0, mixed(0.0, 0.0), journal=False)
    with pytest.raises(CycleNotReady, match=r"10 examples .* not in the statistics; is `thompson` running"):
        run(ledger, session)


def test_does_not_run_before_the_session_is_settled(ledger):
    session = ledger.write(0, mixed(0.0, 0.0), settle=False)
    with pytest.raises(CycleNotReady, match="not settled yet"):
        run(ledger, session)


def test_of_two_runs_at_once_only_the_first_to_finish_is_kept(ledger):
    session = ledger.write(0, mixed(-0.03, 0.0))
    told = []

    def clock():
        if not told:
            told.append("the other one finishes in between")
            assert run(ledger, session)
        return 1_700_000_000_000_000

    assert not run(ledger, session, clock=clock)
    assert 1 == len([one for one in letters(ledger) if one.type == "cycle.completed"])


def test_arms_that_are_judged_side_by_side_share_the_error_rate(ledger_of, registry):
    trials = [structs.replace(registry.trials[0], offsets=[{"lever": 0.1}, {"lever": -0.1}])]
    ledger = ledger_of(structs.replace(registry, trials=trials))
    session = ledger.write(0, mixed(0.03, 0.0))
    run(ledger, session)
    with ledger.store.read() as reading:
        row = EvidenceRows(reading).get(f"daily/test/{session}/lever.1-1")
    assert [0.025, 0.025] == [json.decode(figures)["alpha"] for figures in row.arms.values()]
