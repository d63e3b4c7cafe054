"""Learners on histories made for them: what they propose keeps its budget, and without an edge it is rare."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs, to_builtins
from scipy.stats import binom

from learning.excursions import Bars
from scheduler.history import Entries, Positions, Units
from scheduler.refit import refit
from schemas.bounds import check_change, check_values
from schemas.learner_soundness import OUTCOMES
from tests.scheduler.market import PARAMETERS, WEIGHTS, registry
from workers.gate.publication import first_version

ENTRY = {"id": "one", "kind": "threshold", "threshold": "threshold"}
MIX = {"id": "one", "kind": "weights", "weights": WEIGHTS, "threshold": "threshold"}
EXITS = {"id": "one", "kind": "exits", "take_profit": "target", "stop_loss": "stop", "max_hold": "hold"}
SIZES = {"id": "one", "kind": "position_size", "cap": "cap"}
SESSIONS, UNITS = 200, 8


def units(chance, edge=0.0):
    """Fat-tailed returns on random sides; with an edge, the first feature pays from 0.4 on."""
    count = SESSIONS * UNITS
    sessions = np.repeat(np.arange(SESSIONS), UNITS)
    features = chance.random((count, 3))
    returns = 0.01 * chance.standard_t(4, size=count) * chance.choice([-1.0, 1.0], size=count)
    returns += edge * (features[:, 0] - 0.4)
    weights = np.array([one.default for one in PARAMETERS[:3]])
    return Units(sessions, sessions + 1, features @ weights, features, 0, returns)


def entries(chance):
    """Walks without drift, each session's results turned over by a coin: its side."""
    length, count = 4, SESSIONS * UNITS
    steps = chance.normal(0, 0.02 / 5, size=(count, length, 25)) - 0.02**2 / 50
    logs = steps.reshape(count, -1).cumsum(axis=1).reshape(count, length, 25)
    before = np.concatenate([np.zeros((count, 1)), logs[:, :-1, -1]], axis=1)
    tables = (before, np.maximum(logs.max(axis=2), before), np.minimum(logs.min(axis=2), before), logs[:, :, -1])
    bars = Bars(*(100 * np.exp(one) for one in tables), np.full((count, length), np.nan))
    sessions = np.repeat(np.arange(SESSIONS), UNITS)
    signs = chance.choice([-1.0, 1.0], size=count)
    return Entries(sessions, sessions + length, np.ones(count), np.empty((count, 0)), 0, signs, bars)


def positions(chance):
    count = SESSIONS * UNITS
    sessions = np.repeat(np.arange(SESSIONS), UNITS)
    returns = 0.01 * chance.standard_t(4, size=count) * chance.choice([-1.0, 1.0], size=count)
    return Positions(sessions, sessions + 1, chance.uniform(0, 0.06, size=count), returns, 0)


def learned(learner, history, **more):
    rules = registry(learner, **more)
    version = first_version(rules)
    return refit(rules.learners[0], rules, version, history), rules, version


@pytest.mark.parametrize(
    ("learner", "made", "runs"), [(ENTRY, units, 20), (MIX, units, 10), (EXITS, entries, 10), (SIZES, positions, 20)]
)
def test_without_an_edge_a_learner_proposes_no_more_often_than_it_says(learner, made, runs):
    """At one look at most the one-sided 99.9 % bound of the binomial distribution at the stated 5 %; the verdict, which
    allows for a look every week, is rarer still."""
    found = [learned(learner, made(np.random.default_rng([7, seed])))[0] for seed in range(runs)]
    sure = [one for one in found if one.evidence.probability >= 0.95]
    assert len(sure) <= binom.ppf(0.999, runs, 0.05)
    assert all(one in sure for one in found if one.verdict.accepted)


@pytest.mark.parametrize("learner", [ENTRY, MIX])
def test_with_an_edge_it_does_propose(learner):
    assert all(learned(learner, units(np.random.default_rng(seed), edge=0.05))[0].verdict.accepted for seed in range(3))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 0.3), st.floats(0.0, 1.0), st.sampled_from([ENTRY, MIX]))
def test_what_is_proposed_is_on_its_steps_within_bounds_and_budget_and_the_group_sums_to_1(seed, most, mix, learner):
    parameters = {one.name: structs.replace(one, max_change=most) for one in PARAMETERS}
    first = round(mix * 0.9, 2)
    weights = dict(zip(WEIGHTS, (first, round(0.95 - first, 2), 0.05), strict=True))
    parameters |= {name: structs.replace(parameters[name], default=value) for name, value in weights.items()}
    chance = np.random.default_rng(seed)
    found, rules, version = learned(learner, units(chance, edge=0.05), parameters=plain(parameters))
    values = {**version.values, **found.evidence.proposed}
    check_values(rules, values)
    check_change(rules, lambda: version.values, values, names=found.evidence.proposed)
    for name, value in found.evidence.proposed.items():
        assert value == rules.parameters[name].settled(value)


def test_all_learners_of_a_registry_share_its_error_rate():
    rules = registry(ENTRY, {**SIZES, "id": "two"})
    history = units(np.random.default_rng(1))
    found = refit(rules.learners[0], rules, first_version(rules), history)
    assert 0.025 * 6 / np.pi**2 == pytest.approx(found.evidence.error_rate)


def test_each_window_that_passed_leaves_less_of_the_error_rate_and_all_together_no_more_than_it():
    history = units(np.random.default_rng(1))
    rules = registry(ENTRY)
    rates = [
        refit(rules.learners[0], rules, first_version(rules), history, passed=passed).evidence.error_rate
        for passed in range(4)
    ]
    assert [1, 4, 9, 16] == pytest.approx([rates[0] / rate for rate in rates])
    assert 0.04 < sum(rates) < 0.05


@pytest.mark.parametrize(("windows", "known"), [(OUTCOMES - 1, False), (OUTCOMES, True)])
def test_of_as_many_sessions_as_a_registry_must_give_a_long_outcome_an_interval_can_be_had(windows, known):
    length = 30
    sessions = np.repeat(np.arange(windows * length - length), 2)
    chance = np.random.default_rng(3)
    sizes, returns = chance.uniform(0, 0.06, size=len(sessions)), 0.01 * chance.standard_normal(len(sessions))
    found = learned(SIZES, Positions(sessions, sessions + length, sizes, returns, 0))[0]
    assert known == (found.evidence.low is not None)


def test_a_version_and_a_learner_name_the_draws():
    history = units(np.random.default_rng(1), edge=0.01)
    first, again = (learned(ENTRY, history)[0].evidence for _ in range(2))
    other = learned({**ENTRY, "id": "other"}, history)[0].evidence
    assert first == again
    assert (first.mean, first.chosen) == (other.mean, other.chosen)
    assert (first.low, first.high) != (other.low, other.high)


def plain(parameters):
    return {name: to_builtins(one) for name, one in parameters.items()}
