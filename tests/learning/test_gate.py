import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from learning.gate import Evidence, Rules, evidence_for, judge
from learning.rewards import RewardSum, quantise

RULES = Rules(minimum_units=100, minimum_sessions=10)
GOOD = Evidence(
    arm="a", baseline="b", units=300, baseline_units=1200, sessions=30, n_effective=290.0, information=240.0,
    alpha=0.05, rho=36.0, estimate=0.004, sigma=0.02, effect=0.2, low=0.001, high=0.007, confidence=0.98,
)  # fmt: skip


def total(values):
    return sum((quantise(value, bound=1.0) for value in values), RewardSum())


def sessions(effect, *, count=30, sizes=(10, 40), seed=1):
    chance = np.random.default_rng(seed)
    market = np.cumsum(chance.normal(0, 0.01, size=count))
    return [
        {"a": total(chance.normal(level + effect, 0.01, sizes[0])), "b": total(chance.normal(level, 0.01, sizes[1]))}
        for level in market
    ]


def evidence(effect, **options):
    return evidence_for(sessions(effect, **options), arm="a", baseline="b", alpha=0.05)


def test_a_better_arm_replaces_the_baseline():
    verdict = judge(evidence(0.005), RULES)
    assert verdict.accepted
    assert "300 units (effective 300.0) against 1,200 units (effective 1,200.0) in 30 sessions" in verdict.reason
    assert "all above 0" in verdict.reason


def test_a_worse_arm_stays_a_candidate_and_is_called_worse():
    verdict = judge(evidence(-0.005), RULES)
    assert not verdict.accepted
    assert verdict.reason.startswith("worse")


def test_an_equal_arm_is_not_distinguishable():
    verdict = judge(evidence(0.0), RULES)
    assert not verdict.accepted
    assert verdict.reason.startswith("not distinguishable from no effect")


def test_too_little_evidence_is_said_with_every_figure_that_lacks():
    verdict = judge(evidence(0.05, count=8, sizes=(2, 6)), RULES)
    assert not verdict.accepted
    assert "16 of 100 units of the candidate, 48 of 100 units of the baseline, 8 of 10 sessions" in verdict.reason


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({}, True),
        ({"units": 100, "baseline_units": 100, "sessions": 10}, True),
        ({"units": 99}, False),
        ({"baseline_units": 99}, False),
        ({"sessions": 9}, False),
        ({"low": 0.0}, False),
        ({"low": -0.001}, False),
        ({"low": -0.007, "high": -0.001}, False),
        ({"low": None, "high": None}, False),
        ({"estimate": None, "low": None, "high": None}, False),
    ],
)
def test_only_an_interval_above_zero_with_enough_behind_it_is_accepted(change, accepted):
    assert accepted is judge(replace(GOOD, **change), RULES).accepted


def test_rewards_that_never_varied_accept_nobody():
    flat = [{"a": RewardSum(10, 10, 10), "b": RewardSum(40, 0, 0)}] * 30
    figures = evidence_for(flat, arm="a", baseline="b", alpha=0.05)
    assert figures.low is None
    assert figures.confidence is None
    assert not judge(figures, RULES).accepted
    assert judge(figures, RULES).reason.startswith("no interval")


def test_arms_that_never_met_have_no_figures():
    apart = [{"a": total([0.1, 0.2])}, {"b": total([0.1, 0.3])}]
    figures = evidence_for(apart, arm="a", baseline="b", alpha=0.05)
    assert (0, 0, 0) == (figures.units, figures.baseline_units, figures.sessions)
    assert figures.estimate is None
    assert not judge(figures, Rules(minimum_units=0, minimum_sessions=0)).accepted


def test_the_interval_leaves_out_zero_just_when_the_confidence_passes_one_minus_alpha():
    outside = [
        (figures.low > 0 or figures.high < 0, figures.confidence > 0.95)
        for seed in range(40)
        for figures in [evidence(0.002, count=20, seed=seed)]
    ]
    assert {(True, True), (False, False)} == set(outside)


def test_the_figures_are_those_of_the_session_differences():
    rows = sessions(0.003)
    weights = [row["a"].n * row["b"].n / (row["a"].n + row["b"].n) for row in rows]
    figures = evidence_for(rows, arm="a", baseline="b", alpha=0.05)
    pooled = np.average([row["a"].mean - row["b"].mean for row in rows], weights=weights)
    assert pooled == pytest.approx(figures.estimate)
    assert sum(weights) == pytest.approx(figures.information)
    assert 0.01 == pytest.approx(figures.sigma, rel=0.1)
    assert figures.estimate / figures.sigma == pytest.approx(figures.effect)
    assert 300 == pytest.approx(figures.n_effective)


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        ({}, "better"),
        ({"low": -0.001}, "not distinguishable"),
        ({"low": -0.007, "high": -0.001}, "worse"),
        ({"sessions": 9}, "not enough evidence"),
        ({"low": None, "high": None}, "no interval"),
    ],
)
def test_every_verdict_says_on_what_it_stands_and_what_that_is_worth(change, begins):
    figures = replace(GOOD, uniqueness=0.75, baseline_effective=800.0, baseline_uniqueness=0.5, **change)
    reason = judge(figures, RULES).reason
    assert reason.startswith(begins)
    counted = "300 units (effective 290.0, uniqueness 0.75) against 1,200 units (effective 800.0, uniqueness 0.50)"
    assert f"{counted} in {figures.sessions} sessions" in reason


def test_overlapping_windows_lower_the_effective_numbers_and_move_no_other_figure():
    rows = sessions(0.003)
    alone = evidence_for(rows, arm="a", baseline="b", alpha=0.05)
    overlapping = evidence_for(rows, arm="a", baseline="b", alpha=0.05, uniqueness={"a": 0.5, "b": 0.25})
    assert (0.5, 0.25) == (overlapping.uniqueness, overlapping.baseline_uniqueness)
    assert pytest.approx((150, 300)) == (overlapping.n_effective, overlapping.baseline_effective)
    told = ("uniqueness", "baseline_uniqueness", "n_effective", "baseline_effective")
    assert alone == replace(overlapping, **{name: getattr(alone, name) for name in told})
    assert "300 units (effective 150.0, uniqueness 0.50)" in judge(overlapping, RULES).reason
    assert "against 1,200 units (effective 300.0, uniqueness 0.25)" in judge(overlapping, RULES).reason


def test_units_that_weigh_unequally_count_for_fewer_by_the_formula_of_kish():
    rows = [{"a": total([0.1, 0.2]), "b": total([0.1] * 2)}, {"a": total([0.1, 0.2]), "b": total([0.1] * 8)}]
    weights = np.array([0.5, 0.5, 0.8, 0.8])
    figures = evidence_for(rows, arm="a", baseline="b", alpha=0.05, uniqueness={"a": 0.5})
    assert pytest.approx(0.5 * weights.sum() ** 2 / (weights**2).sum()) == figures.n_effective
    assert figures.baseline_uniqueness is None


def test_a_third_arm_changes_nothing_between_two():
    rows = sessions(0.003)
    beside = [row | {"c": total([0.5, -0.5])} for row in rows]
    assert evidence_for(rows, arm="a", baseline="b", alpha=0.05) == evidence_for(
        beside, arm="a", baseline="b", alpha=0.05
    )


def test_evidence_survives_json():
    figures = evidence(0.003)
    assert figures == Evidence(**json.loads(json.dumps(asdict(figures))))
