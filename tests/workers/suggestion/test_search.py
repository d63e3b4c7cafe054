"""What is suggested from what was measured, and what is said where nothing is."""

import numpy as np
import pytest

from schemas.allocation import WHOLE, Allocation, Arm, Purpose, arm_key
from schemas.calendar import Calendar
from schemas.parameters import Reward
from store.statistics import StatisticsRow
from tests.workers.suggestion.field import FIRST, REWARD, parameter, registry
from workers.gate.publication import first_version
from workers.suggestion.measured import cohorts_of, measure
from workers.suggestion.search import Circumstances, suggestion_for

NYSE = Calendar.named("XNYS")
X = parameter("x", 0.3, step=0.01)
SIGMA = 0.02


def key(x):
    return arm_key({"x": x})


def cohort(means, *, session=0, allocation="t.1-1", n=100, **more):
    """Statistics rows of one session: each arm's mean exactly, its units as noisy as they are said to be."""
    plain = {"strategy": "test", "regime": "all", "reward": REWARD, "version": "1-1"} | more
    rows = []
    for x, mean in means.items():
        total = round(mean * 1e6) * n
        squares = round(n * (mean**2 + SIGMA**2 * (n - 1) / n) * 1e12)
        where = {"allocation": allocation, "session": NYSE.shift(FIRST, session), "arm": key(x)}
        rows.append(StatisticsRow(**plain, **where, n=n, total=total, squares=squares))
    return rows


def allocation(*arms, baseline=0.3, id_="t.1-1"):
    others = [Arm({"x": x}, 500) for x in arms]
    left = WHOLE - 500 * len(arms)
    return Allocation(
        id=id_, layer="t", purpose=Purpose.EXPLORE, parameters=["x"], arms=[*others, Arm({"x": baseline}, left)]
    )


def circumstances(rows, chosen, *, x=X, values=None, immature=(), until=60, regime="all", **trial):
    rules = registry(x, **trial)
    version = first_version(rules)
    version = type(version)(
        **{
            **{name: getattr(version, name) for name in version.__struct_fields__},
            "values": values or version.values,
            "allocations": [chosen],
            "checksum": "",
        }
    )
    session = NYSE.shift(FIRST, until)
    cohorts = cohorts_of(
        rows,
        trial="t",
        allocation=chosen,
        reward=Reward.parse(REWARD),
        until=session,
        immature=immature,
    )
    baseline = arm_key({name: version.values[name] for name in chosen.parameters})
    measured = measure(cohorts, chosen, baseline=baseline, registry=rules, session=session)
    return Circumstances(chosen, rules.trials[0], rules, version, regime, measured)


def asked(*args, **more):
    return suggestion_for(circumstances(*args, **more))


def hill(x, top=0.37):
    return -((x - top) ** 2)


TRIED = (0.22, 0.26, 0.34, 0.4)
DATA = [row for session in range(8) for row in cohort({x: hill(x) for x in (0.3, *TRIED)}, session=session)]


def test_the_first_arms_are_spread_as_long_as_too_few_are_tried():
    found = asked([], allocation())
    assert 3 == len(found.arms)
    assert found.reason.startswith('3 first arms, spread over what may be changed within a day: {"x":')
    assert {0.2, 0.4} <= {one["x"] for one in found.arms}


def test_arms_that_run_already_are_not_spread_again():
    found = asked([], allocation(0.4))
    assert {"x": 0.4} == found.arms[0]
    assert 3 == len({one["x"] for one in found.arms})


def test_while_the_first_arms_have_too_few_units_nothing_is_recommended():
    found = asked(cohort({0.3: 0.0, 0.4: 0.1, 0.2: 0.0, 0.35: 0.0}, n=8), allocation(0.4, 0.2, 0.35))
    assert found.arms is None
    assert found.reason.startswith("no recommendation: too few arms: 0 beside the incumbent have 10 effective units, 3")


def test_arms_that_never_met_the_baseline_are_not_known():
    """Generations that no arm connects: whatever they earned, it says nothing about arms of now."""
    rows = [row for n in range(8) for row in cohort({x: hill(x) for x in (0.5, 0.55, 0.6)}, session=n)]
    found = asked(rows, allocation(0.4, 0.2, 0.35, id_="t.1-9"))
    assert found.reason.startswith("no recommendation: too few arms: 0 beside")
    assert {None} == {one.difference for one in found.known if one.fate == "ended"}


def test_new_arms_lie_nearer_the_top_than_those_that_are_known():
    found = asked(DATA, allocation(*TRIED))
    assert found.reason.startswith('1 new arm by noisy expected improvement: {"x":0.37} (gain 0.004')
    assert [{"x": x} for x in TRIED if x not in (0.22, 0.26)] == [one for one in found.arms if one["x"] in TRIED]
    best = max(found.new, key=lambda one: one.gain)
    assert best.values["x"] == pytest.approx(0.37, abs=0.021)
    assert best.gain == pytest.approx(hill(best.values["x"]) - hill(0.3), abs=3 * best.deviation)
    assert 0 < found.length_scales["x"]


def test_an_arm_that_had_no_units_yet_is_not_proposed_once_more():
    """The gate would refuse both."""
    found = asked(DATA, allocation(0.34, 0.4, 0.37))
    assert found.arms is None
    assert found.reason.startswith("no recommendation: no candidate is worth a trial")


def test_an_arm_that_cannot_be_the_best_any_more_is_given_up():
    found = asked(DATA, allocation(*TRIED))
    fates = {one.values["x"]: one.fate for one in found.known}
    assert {0.22: "dropped", 0.26: "dropped", 0.34: "kept", 0.4: "kept"} == fates
    assert 'given up, behind the best arm known or stopped: {"x":0.22}' in found.reason
    assert all(one.contends < 0.01 for one in found.known if one.fate == "dropped")


def test_an_arm_that_thompson_sampling_stopped_is_given_up_and_another_one_takes_its_place():
    """Whoever has no share is not measured any further: waiting for its 10 units would be for ever."""
    rows = cohort({0.3: 0.0, 0.4: -0.1, 0.2: 0.0, 0.35: 0.0}, n=8)
    arms = [Arm({"x": 0.4}, 0), Arm({"x": 0.2}, 500), Arm({"x": 0.35}, 500), Arm({"x": 0.3}, 9_000)]
    stopped = Allocation(id="t.1-1", layer="t", purpose=Purpose.EXPLORE, parameters=["x"], arms=arms)
    found = asked(rows, stopped)
    assert 3 == len(found.arms)
    assert {"x": 0.4} not in found.arms
    assert found.reason.endswith('; given up, stopped or starved as worse than the baseline: {"x":0.4}')
    nothing_tried = [Arm(arm.values, 0) for arm in arms[:3]] + [Arm({"x": 0.3}, WHOLE)]
    guarded = Allocation(id="t.1-1", layer="t", purpose=Purpose.EXPLORE, parameters=["x"], arms=nothing_tried)
    assert "too few arms" in asked(rows, guarded).reason


def starving(*arms, trying=500):
    """An allocation in which the first arms have the least share, and the last one ``trying``."""
    shares = [50] * (len(arms) - 1) + [trying]
    others = [Arm({"x": x}, share) for x, share in zip(arms, shares, strict=True)]
    base = Arm({"x": 0.3}, WHOLE - sum(shares))
    return Allocation(id="t.1-1", layer="t", purpose=Purpose.EXPLORE, parameters=["x"], arms=[*others, base])


def test_arms_that_starve_are_not_waited_for_and_give_way_where_there_is_no_room():
    """Their first few units went badly, and Thompson sampling gives them hardly any more: 10 would take a year."""
    rows = cohort({0.3: 0.0, 0.2: -0.05, 0.4: -0.03, 0.35: 0.0}, n=8)
    found = asked(rows, starving(0.2, 0.4, 0.35), arms=5)
    assert (3, 2) == (len(found.arms) - 2, len(found.new))
    assert {0.2, 0.4, 0.35} < {one["x"] for one in found.arms}
    found = asked(rows, starving(0.2, 0.4, 0.35), arms=4)
    assert (4, 2) == (len(found.arms), len(found.new))
    assert {0.4, 0.35} < {one["x"] for one in found.arms}
    assert found.reason.endswith('; given up, stopped or starved as worse than the baseline: {"x":0.2}')


def test_arms_of_which_none_can_have_much_more_do_not_starve():
    rows = cohort({0.3: 0.0, 0.2: -0.05, 0.4: -0.03, 0.35: 0.0}, n=8)
    assert "too few arms" in asked(rows, starving(0.2, 0.4, 0.35, trying=200), share=0.03).reason


def test_where_all_places_are_taken_by_arms_with_hope_nothing_is_recommended():
    data = [row for n in range(8) for row in cohort({x: hill(x) for x in (0.3, 0.34, 0.38, 0.4)}, session=n)]
    found = asked(data, allocation(0.34, 0.38, 0.4), arms=3)
    assert (None, True) == (
        found.arms,
        "no room, 3 arms are tried already and none of them is hopeless" in found.reason,
    )


@pytest.mark.parametrize("most", [4, 5])
def test_at_most_as_many_arms_as_the_trial_has(most):
    rows = [row for n in range(8) for row in cohort({x: hill(x) for x in (0.3, 0.32, 0.33, 0.34)}, session=n, n=15)]
    found = asked(rows, allocation(0.32, 0.33, 0.34), arms=most, batch=8)
    assert [{"x": x} for x in (0.32, 0.33, 0.34)] == found.arms[:3]
    assert (most, most - 3) == (len(found.arms), len(found.new))


def test_an_earlier_generation_counts_where_an_arm_of_it_met_the_baseline_of_now():
    """Its baseline was 0.3; the one in force, 0.4, was an arm of it."""
    found = asked(DATA, allocation(0.42, baseline=0.4, id_="t.1-9"), values={"x": 0.4})
    known = {one.values["x"]: one for one in found.known}
    assert {0.22, 0.26, 0.3, 0.34, 0.42} == set(known)
    for x in (0.22, 0.26, 0.3, 0.34):
        assert hill(x) - hill(0.4) == pytest.approx(known[x].difference, abs=2e-6)
    assert known[0.42].difference is None


def test_chains_of_generations_add_up():
    """0.3 met 0.36, 0.36 met 0.42, 0.42 met 0.48: so 0.3 and 0.48 can be compared, with the errors of all three."""
    links = [(0.3, 0.36), (0.36, 0.42), (0.42, 0.48)]
    rows = [
        row
        for place, pair in enumerate(links)
        for row in cohort({x: hill(x) for x in pair}, session=place, allocation=f"t.1-{place}")
    ]
    found = asked(rows, allocation(0.44, baseline=0.48, id_="t.1-9"), values={"x": 0.48})
    errors = {one.values["x"]: one.error for one in found.known if one.error}
    one_link = SIGMA * np.sqrt(2 / 100)
    assert [one_link * np.sqrt(links) for links in (1, 2, 3)] == pytest.approx(
        [errors[x] for x in (0.42, 0.36, 0.3)], rel=0.02
    )


def test_units_of_one_session_that_two_splits_assigned_are_two_cohorts():
    """In the afternoon all arms earned 0.05 less. Taken together, the arm of the afternoon would look bad."""
    morning = cohort({0.3: 0.0, 0.34: 0.01}, n=200)
    afternoon = cohort({0.3: -0.05, 0.4: -0.04}, n=200, version="1-2")
    known = {one.values["x"]: one.difference for one in asked(morning + afternoon, allocation(0.34, 0.4)).known}
    assert {0.34: pytest.approx(0.01, abs=1e-6), 0.4: pytest.approx(0.01, abs=1e-6)} == known


@pytest.mark.parametrize(
    "strange",
    [
        {"allocation": "other.1-1"},
        {"reward": "alert_return:5d"},
        {"session": 61},
        {"session": 5},
    ],
    ids=["trial", "reward", "later", "immature"],
)
def test_what_does_not_belong_to_it_is_not_looked_at(strange):
    plain = asked(DATA, allocation(*TRIED), immature=[NYSE.shift(FIRST, 5)])
    more = cohort({0.3: 0.5, 0.34: -0.5}, **strange)
    assert plain == asked(DATA + more, allocation(*TRIED), immature=[NYSE.shift(FIRST, 5)])


def test_arms_that_set_other_parameters_are_not_looked_at():
    other = [row._replace(arm=arm_key({"x": 0.35, "y": 1.0})) for row in DATA]
    assert asked(DATA, allocation(*TRIED)) == asked(DATA + other, allocation(*TRIED))


def test_regimes_are_told_apart_and_lend_to_each_other():
    apart = [row._replace(regime=name) for row in DATA for name in ("all", "bear")]
    found = asked(apart, allocation(*TRIED), regime="bear")
    assert ({"all", "bear"}, "bear") == ({one.regime for one in found.known}, found.regime)
    assert found.arms


def test_units_of_all_regimes_together_are_enough_to_know_an_arm():
    """8 in each of four: too few for any of them, and 32 of the 10 that are asked for."""
    four = [
        row
        for name in ("bear", "bull", "calm", "wild")
        for row in cohort(dict.fromkeys((*TRIED, 0.3), 0.0), n=8, regime=name)
    ]
    first = asked([row for row in four if row.regime == "bear"], allocation(id_="t.1-9"), regime="bear")
    assert "first arms, spread" in first.reason
    assert "first arm" not in asked(four, allocation(id_="t.1-9"), regime="bear").reason


def test_another_regime_has_another_best_arm():
    bull = [
        row for n in range(8) for row in cohort({x: hill(x, 0.22) for x in (0.3, *TRIED)}, session=n, regime="bull")
    ]
    bear = [row for n in range(8) for row in cohort({x: hill(x, 0.4) for x in (0.3, *TRIED)}, session=n, regime="bear")]
    fates = {
        regime: {
            one.values["x"]
            for one in asked(bull + bear, allocation(*TRIED), regime=regime).known
            if one.fate == "dropped"
        }
        for regime in ("bull", "bear")
    }
    assert {0.4} == fates["bull"] - fates["bear"]
    assert {0.22, 0.26} == fates["bear"] - fates["bull"]


def test_the_order_of_rows_changes_no_bit_and_neither_does_asking_again():
    order = np.random.default_rng(1).permutation(len(DATA))
    there, back = asked(DATA, allocation(*TRIED)), asked([DATA[at] for at in order], allocation(*TRIED))
    assert there == back == asked(DATA, allocation(*TRIED))


def test_where_steps_and_bounds_leave_nothing_it_says_so():
    narrow = parameter("x", 0.3, step=0.05, max_change=0.05)
    rows = [row for n in range(8) for row in cohort({0.3: 0.0, 0.25: 0.0, 0.35: 0.001}, session=n)]
    found = asked(rows, allocation(0.25, 0.35), x=narrow)
    assert found.arms is None
    assert found.reason.startswith("no recommendation: too few arms: 2 beside the incumbent")
