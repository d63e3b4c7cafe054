import pytest
from msgspec import json, structs

from learning.spending import spent_on
from scheduler.mature import slot_of
from scheduler.run import CycleNotReady
from schemas.allocation import arm_key
from schemas.parameters import Proposer, Reward
from schemas.params import ProposalKind
from store.evidence import EvidenceRows
from store.versions import Versions
from tests.scheduler.cycles import BASELINE, CANDIDATE, letters, mixed, report, run


def test_proposes_shares_and_says_that_it_is_done(ledger):
    session = ledger.write(0, mixed(-0.03, 0.0))
    assert run(ledger, session)
    shares, completed = letters(ledger)
    assert ProposalKind.SHARES is shares.kind
    assert 10_000 == sum(shares.shares["lever.1-1"].values())
    assert [shares.proposal_id] == completed.proposals
    assert ["mature", "compare", "credit", "believe", "share", "propose"] == [stage.name for stage in completed.stages]
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
    assert "5 of 20 units of the candidate" in report(ledger, first)


def test_a_cohort_counts_only_when_all_of_it_has_matured(ledger):
    young = ledger.write(0, mixed(0.03, 0.0), settle=False)
    session = ledger.write(1, mixed(0.03, 0.0), pending={"1d/prices": [young]})
    assert "5 of 20 units of the candidate" in report(ledger, session)
    later = ledger.write(2, [])
    assert "10 of 20 units of the candidate" in report(ledger, later)


def test_a_cohort_of_a_later_session_does_not_count_though_some_of_it_has_matured_before_the_cut(ledger):
    ledger.write(1, mixed(0.03, 0.0), settle=False)
    session = ledger.write(0, mixed(0.03, 0.0))
    assert "5 of 20 units of the candidate" in report(ledger, session)


def test_compares_the_arms_that_were_in_force_when_the_session_settled_whatever_was_published_since(ledger):
    session = ledger.write(0, mixed(0.03, 0.0))
    with ledger.store.begin() as work:
        first = Versions(work.connection).latest("test")
        second = structs.replace(first, number=2, previous="1-1", values={"lever": 0.7}, allocations=[], checksum="")
        Versions(work.connection).add(second, proposal_id=None, now=work.now)
        work.commit()
    assert "5 of 20 units of the candidate" in report(ledger, session)
    assert "0 allocations compared" in report(ledger, ledger.write(1, []))


def test_a_cohort_does_not_wait_for_examples_that_carry_another_reward(ledger):
    session = ledger.write(0, mixed(0.03, 0.0), pending={"1d/reported": ["2024-01-02"], "5d/prices": ["2024-01-02"]})
    assert "5 of 20 units of the candidate" in report(ledger, session)


def test_a_cohort_waits_for_what_was_pending_at_its_own_cut_and_not_for_what_is_pending_now(ledger):
    first = ledger.write(0, mixed(0.03, 0.0))
    ledger.write(1, [], pending={"1d/prices": [first]})
    assert "5 of 20 units of the candidate" in report(ledger, first)


@pytest.mark.parametrize(("slot", "reward"), [("close/reported", "unit_pnl:close"), ("5d/prices", "unit_pnl:5d")])
def test_trading_reports_the_reward_at_the_close_and_prices_tell_every_other(slot, reward):
    assert slot == slot_of(Reward.parse(reward))


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


def test_arms_that_a_learner_proposes_one_after_the_other_share_the_error_rate_for_ever(ledger_of, registry):
    """The third arm of a trial with room for two is of the second generation, also while nothing of it has matured;
    what earlier allocations of the trial tried stands before them all."""
    trial = structs.replace(registry.trials[0], proposes=Proposer.BAYESIAN, parameters=["lever"], arms=2)
    ledger = ledger_of(structs.replace(registry, trials=[trial]))
    third, gone = arm_key({"lever": 0.4}), arm_key({"lever": 0.65})
    ledger.publish(0, {0.6: 5_000, 0.65: 4_000, 0.5: 1_000})
    ledger.write(0, [*mixed(0.0, 0.0), (gone, 0.0)])
    ledger.publish(1, {0.6: 1_000, 0.4: 8_000, 0.5: 1_000})
    expected = {CANDIDATE: 0.05 * spent_on(1, together=2), third: 0.05 * spent_on(2, together=2)}
    assert expected == rates(ledger, ledger.write(1, []))
    ledger.write(0, [(CANDIDATE, 0.0), (BASELINE, 0.0)], settle=False, allocation="lever.0-9")
    expected = {CANDIDATE: 0.05 * spent_on(2, together=2), third: 0.05 * spent_on(3, together=2)}
    assert expected == rates(ledger, ledger.write(2, [(third, 0.0), (BASELINE, 0.0)]))


def rates(ledger, session):
    """The error rate with which each arm was judged after a session."""
    run(ledger, session)
    with ledger.store.read() as reading:
        row = EvidenceRows(reading).get(f"daily/test/{session}/lever.1-1")
    return {arm: json.decode(figures)["alpha"] for arm, figures in row.arms.items()}


def test_of_two_arms_the_one_that_the_gate_would_let_in_is_proposed_though_the_other_is_a_little_surer(
    ledger_of, registry
):
    """The surer one came later and is judged with a much smaller part of the error rate."""
    trial = structs.replace(registry.trials[0], proposes=Proposer.BAYESIAN, parameters=["lever"], arms=1)
    gate = structs.replace(registry.gate, alpha=0.2)
    ledger = ledger_of(structs.replace(registry, trials=[trial], gate=gate))
    third = arm_key({"lever": 0.4})
    ledger.publish(0, {0.6: 5_000, 0.5: 5_000})
    ledger.publish(1, {0.6: 5_000, 0.4: 3_000, 0.5: 2_000})
    for number in range(2, 14):
        wobble = [(-1) ** place * 0.01 for place in range(8)]
        first, other = mixed(0.0048, 0.0, each=8), [(third, 0.0051 + one) for one in wobble]
        session = ledger.write(number, [*first, *other])
    run(ledger, session)
    [proposal] = [one for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.BASELINE]
    with ledger.store.read() as reading:
        row = EvidenceRows(reading).get(proposal.evidence)
    found = {arm: json.decode(figures) for arm, figures in row.arms.items()}
    assert found[third]["confidence"] > found[CANDIDATE]["confidence"]
    assert found[third]["low"] < 0 < found[CANDIDATE]["low"]
    assert {"lever": 0.6} == proposal.values


def test_an_arm_that_is_surely_worse_is_never_proposed_and_hides_no_better_one(ledger_of, registry):
    trial = structs.replace(registry.trials[0], offsets=[{"lever": 0.1}, {"lever": -0.1}])
    ledger = ledger_of(structs.replace(registry, trials=[trial]))
    bad = arm_key({"lever": 0.4})
    for number in range(12):
        worse = [(bad, -0.06 + (-1) ** place * 0.01) for place in range(5)]
        session = ledger.write(number, [*mixed(0.02, 0.0), *worse])
        run(ledger, session)
    proposed = [one.values for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.BASELINE]
    assert proposed
    assert all({"lever": 0.6} == values for values in proposed)
