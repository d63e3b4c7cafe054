"""On what foretells nothing a session's insights claim an effect as seldom as stated, and what is there they find."""

import numpy as np
import pytest
from scipy.stats import binom

from learning.uniqueness import average_uniqueness
from schemas.parameters import PatternRules
from workers.insight.findings import find
from workers.insight.sample import Sample

SESSIONS, A_DAY, HORIZON, SYMBOLS = 62, 6, 5, 40
NAMES = tuple("abcdef")
RULES = PatternRules(edges={"a": [0.0], "b": [0.0]})


def world(dice, *, effect=0.0, lasting=0.9, shared=0.5):
    """90 days of a scanner: features that are partly the day's and last, returns that are partly the market's."""
    sessions = np.repeat(np.arange(SESSIONS), A_DAY)
    symbols = np.concatenate([dice.choice(SYMBOLS, A_DAY, replace=False) for _ in range(SESSIONS)])
    day = dice.normal(size=(SESSIONS, len(NAMES)))
    for place in range(1, SESSIONS):
        day[place] = lasting * day[place - 1] + np.sqrt(1 - lasting**2) * day[place]
    features = np.sqrt(shared) * day[sessions] + np.sqrt(1 - shared) * dice.normal(size=(len(sessions), len(NAMES)))
    moves = 0.006 * dice.standard_t(4, size=SESSIONS + HORIZON)
    moves = moves + 0.01 * dice.standard_t(4, size=(SYMBOLS, SESSIONS + HORIZON))
    summed = np.concatenate([np.zeros((SYMBOLS, 1)), moves.cumsum(axis=1)], axis=1)
    outcomes = summed[symbols, sessions + HORIZON] - summed[symbols, sessions] + effect * 0.02 * features[:, 0]
    sides = (features[:, :2] > 0).astype(int)
    return Sample(
        names=NAMES,
        features=features,
        outcomes=outcomes,
        wins=(outcomes > 0.02).astype(float),
        sessions=sessions,
        ends=sessions + HORIZON,
        uniqueness=average_uniqueness(symbols, sessions + 1, sessions + HORIZON),
        signatures=tuple(f"a={one}&b={other}" for one, other in sides),
    )


def claimed(findings):
    """Everything that a text would call significant."""
    adjusted = {one.feature: one.adjusted_correlation for one in findings.features}
    adjusted |= {f"threshold {one.feature}": one.adjusted_threshold for one in findings.features}
    adjusted |= {one.signature: one.adjusted for one in findings.patterns}
    return {name for name, p_value in adjusted.items() if p_value is not None and p_value <= RULES.alpha}


@pytest.mark.parametrize("runs", [50, pytest.param(300, marks=pytest.mark.at_length)])
@pytest.mark.parametrize(("lasting", "shared"), [(0.0, 0.0), (0.9, 0.5)])
def test_sessions_of_nothing_claim_something_as_seldom_as_stated(lasting, shared, runs):
    dice = np.random.default_rng(11)
    false = sum(bool(claimed(find(world(dice, lasting=lasting, shared=shared), RULES))) for _ in range(runs))
    assert false <= binom.ppf(0.9995, runs, RULES.alpha)


def test_what_foretells_the_return_is_claimed_and_nothing_else():
    dice, runs = np.random.default_rng(12), 40
    made = [claimed(find(world(dice, effect=1.5, lasting=0.0, shared=0.0), RULES)) for _ in range(runs)]
    assert sum("a" in one for one in made) >= binom.ppf(0.0005, runs, 0.9)
    others = sum(any(not name.startswith(("a", "threshold a")) for name in one) for one in made)
    assert others <= binom.ppf(0.9995, runs, RULES.alpha)


def test_all_tests_of_a_session_are_adjusted_together():
    made = find(world(np.random.default_rng(13)), RULES)
    raw = [one.p_correlation for one in made.features]
    raw += [one.p_threshold for one in made.features] + [one.p_value for one in made.patterns]
    raw = sorted(one for one in raw if one is not None)
    adjusted = [one.adjusted_correlation for one in made.features]
    adjusted += [one.adjusted_threshold for one in made.features] + [one.adjusted for one in made.patterns]
    assert len(raw) == made.tested == sum(one is not None for one in adjusted)
    assert min(one for one in adjusted if one is not None) == pytest.approx(min(1.0, raw[0] * len(raw)))


def test_a_pattern_is_measured_against_all_other_alerts():
    sample = world(np.random.default_rng(14), effect=1.0)
    made = find(sample, RULES)
    assert [one.average for one in made.patterns] == sorted((one.average for one in made.patterns), reverse=True)
    for one in made.patterns:
        member = np.array(sample.signatures) == one.signature
        assert (member.sum(), sample.uniqueness[member].sum()) == (one.n, pytest.approx(one.effective))
        assert (sample.outcomes[member].mean(), sample.outcomes[~member].mean()) == (one.average, one.others)
        assert one.low < one.success < one.high


def test_too_few_alerts_say_nothing_and_break_nothing():
    sample = world(np.random.default_rng(15))
    few = Sample(
        names=NAMES,
        features=sample.features[:5],
        outcomes=sample.outcomes[:5],
        wins=sample.wins[:5],
        sessions=sample.sessions[:5],
        ends=sample.ends[:5],
        uniqueness=sample.uniqueness[:5],
        signatures=sample.signatures[:5],
    )
    made = find(few, RULES)
    assert (0, []) == (made.tested, made.patterns)
    assert {"5 of 10 pairs"} == {one.correlation.reason for one in made.features}
    assert all(one.correlation.spearman is None for one in made.features)
