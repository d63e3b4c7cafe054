"""Who gets which share: regimes, dwell, shadow, dropping and the guard, through the whole daily cycle."""

import numpy as np
import pytest
from msgspec import structs

from schemas.parameters import Comparing, Proposer
from schemas.params import ProposalKind
from store.regimes import latest_regime
from store.versions import Versions
from tests.scheduler.cycles import BASELINE, CANDIDATE, letters, mixed, report, run


def shares(ledger):
    """The shares that the last cycle proposed, by arm, or None where it proposed none."""
    moved = [one.shares["lever.1-1"] for one in letters(ledger) if getattr(one, "kind", None) is ProposalKind.SHARES]
    return moved[-1] if moved else None


@pytest.fixture
def ledger_with(ledger_of, registry):
    """Makes the ledger of a registry with other rules of learning."""

    def made(**rules):
        return ledger_of(structs.replace(registry, learning=structs.replace(registry.learning, **rules)))

    return made


def in_regime(rewards, regime):
    return [(arm, reward, regime) for arm, reward in rewards]


def test_shares_follow_the_regime_that_the_newest_alerts_name(ledger):
    ledger.alert("A", 11, regime="bull")
    ledger.alert("B", 11, regime="bull", instrument=2)
    ledger.alert("C", 11, regime="bear")
    for number in range(6):
        ledger.write(2 * number, in_regime(mixed(0.02, 0.0), "bull"))
        session = ledger.write(2 * number + 1, in_regime(mixed(-0.02, 0.0), "bear"))
    told = report(ledger, session)
    assert "believed in regime bull" in told
    assert shares(ledger) is None, "in the bull regime the candidate is best and keeps all that it may have"
    ledger.alert("D", 12, regime="bear")
    later = ledger.write(12, [])
    run(ledger, later)
    assert 0 == shares(ledger)[CANDIDATE]


def test_a_regime_without_units_of_its_own_borrows_from_the_others(ledger):
    ledger.alert("A", 5, regime="panic")
    for number in range(6):
        session = ledger.write(number, in_regime(mixed(0.02, 0.0), "bull"))
    told = report(ledger, session)
    [line] = [line for line in told.splitlines() if "in regime panic:" in line]
    assert float(line.split(f"{CANDIDATE} ")[1].split()[0]) > 0.01


@pytest.mark.parametrize(("regimes", "latest"), [(["a", "b", "b"], "b"), (["b", "a"], "a"), ([None, "c"], "c")])
def test_the_regime_of_most_alerts_counts_and_between_equals_the_first_by_name(ledger, regimes, latest):
    ledger.alert("Z", 0, regime="old")
    for place, regime in enumerate(regimes):
        cut = ledger.alert(f"S{place}", 1, regime=regime)["sequence"]
    ledger.alert("LATE", 1, regime="later than the cut")
    first, last = ledger.session(0), ledger.session(1)
    with ledger.store.read() as reading:
        assert latest == latest_regime(reading, "test", first=first, last=last, cut=cut)
        assert latest_regime(reading, "other", first=first, last=last, cut=cut) is None


def test_shares_stay_until_they_have_dwelt(ledger_with):
    ledger = ledger_with(dwell=3)
    ledger.publish(0, {0.6: 1_500, 0.5: 8_500})
    for number in range(1, 5):
        run(ledger, ledger.write(number, mixed(-0.01, 0.0)))
        assert (shares(ledger) is not None) is (number >= 3), number


def test_shares_that_would_hardly_move_stay(ledger_with):
    ledger = ledger_with(least_change=0.5)
    run(ledger, ledger.write(0, mixed(-0.005, 0.0)))
    assert shares(ledger) is None


def test_an_arm_that_is_surely_worse_is_stopped_at_once_but_not_on_less_than_the_gate_asks_for(ledger_with):
    ledger = ledger_with(dwell=250)
    ledger.publish(0, {0.6: 1_500, 0.5: 8_500})
    for number in range(1, 5):
        run(ledger, ledger.write(number, mixed(-0.03, 0.0)))
        assert (shares(ledger) is not None) is (number == 4), number
    assert {CANDIDATE: 0, BASELINE: 10_000} == shares(ledger)


def test_a_new_arm_waits_in_shadow_and_then_is_tried(ledger_with):
    ledger = ledger_with(shadow=2)
    ledger.publish(3, {0.7: 0, 0.6: 1_000, 0.5: 9_000})
    for number in (4, 5):
        run(ledger, ledger.write(number, mixed(0.0, 0.0)))
        new = shares(ledger)['{"lever":0.7}']
        assert (new > 0) is (number == 5), number


def test_under_a_guard_nothing_is_tried_before_the_baseline_has_surely_earned_something(ledger_with):
    ledger = ledger_with(guard=0.5, winsorise=0.1)
    with ledger.store.read() as reading:
        [allocation] = Versions(reading).latest("test").allocations
    assert [0, 10_000] == [arm.share for arm in allocation.arms]
    chance = np.random.default_rng(1)
    tried = []
    for number in range(40):
        for place in range(4):
            ledger.alert(f"S{place}", number)
        run(ledger, ledger.write(number, [(BASELINE, 0.02 + 0.002 * chance.normal()) for _ in range(4)]))
        tried.append((shares(ledger) or {CANDIDATE: 0})[CANDIDATE])
        assert ("the guard allows" in letters(ledger)[-1].report) is (tried[-1] < 2_000)
    assert [0] * 9 == tried[:9]
    assert 0 < tried[-1] <= 2_000


def test_without_a_guard_the_same_is_tried_from_the_first_day(ledger_with):
    ledger = ledger_with()
    run(ledger, ledger.write(0, [(BASELINE, 0.02)]))
    assert "gives 20.00% away" in letters(ledger)[-1].report


@pytest.mark.parametrize(("comparison", "candidate_best"), [("within_sessions", False), ("levels", True)])
def test_only_where_the_registry_says_so_are_arms_compared_by_their_levels(ledger_with, comparison, candidate_best):
    """The candidate has most of its units on good days, and is a little worse on each: Simpson's paradox."""
    ledger = ledger_with(comparison=Comparing(comparison), prior_sd=0.02)
    for number in range(6):
        good = mixed(0.03, 0.032, each=4) + [(CANDIDATE, 0.03)] * 8
        ledger.write(2 * number, good)
        session = ledger.write(2 * number + 1, mixed(-0.03, -0.028, each=2) + [(BASELINE, -0.03)] * 8)
    [line] = [line for line in report(ledger, session).splitlines() if "in regime all:" in line]
    assert (float(line.split(f"{CANDIDATE} ")[1].split()[0]) > 0) is candidate_best


@pytest.mark.parametrize("comparison", list(Comparing))
def test_a_trial_whose_first_arms_are_still_to_be_proposed_gives_nothing_away(ledger_of, registry, comparison):
    alone = structs.replace(registry.trials[0], offsets=[], parameters=["lever"], proposes=Proposer.BAYESIAN)
    rules = structs.replace(registry.learning, comparison=comparison)
    ledger = ledger_of(structs.replace(registry, trials=[alone], learning=rules))
    assert "gives 0.00% away" in report(ledger, ledger.write(0, [(BASELINE, 0.02), (BASELINE, 0.01)]))
    assert shares(ledger) is None
