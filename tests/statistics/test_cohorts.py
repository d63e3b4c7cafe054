"""Arms that differ only in how fast winners and losers close read equal, by simulation with fixed seeds.

In each world two arms share 30 units a session evenly, and the results of both have one distribution. The candidate
closes winners after about 2 sessions and losers after about 20, the baseline the other way round; nobody holds longer
than 30. One look is taken, 20 to 60 sessions after the first assignment. Which cohorts count by then is what
attribution's own rule says; the last test has attribution itself count a world, and finds the same.
"""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import binom

from scheduler.comparison import compare
from scheduler.mature import mature
from schemas.allocation import unit_of
from schemas.parameters import LearningRules, Market, Registry, Trial
from store.sessions import Sessions
from store.statistics import StatisticsRow
from tests import lengths
from tests.workers.desk import NYSE, Desk, Stream, parameter, version
from workers.join.cases import Case
from workers.join.rules import CLOSE, Rules

LONGEST, SD = 30, 0.02
DAYS = NYSE.sessions[NYSE.place("2023-01-04") :][:61]
REGISTRY = Registry(
    market=Market(horizons=["1d"], primary_horizon="1d", close_after=LONGEST, sources=["scanner"]),
    learning=LearningRules(prior_sd=SD),
    parameters={"entry": parameter("entry", 0.5, "unit_pnl:close")},
    trials=[Trial(id="entry", layer="entry", share=0.5, offsets=[{"entry": 0.1}])],
)
VERSION = version(REGISTRY)
ALLOCATION = VERSION.allocations[0]
CANDIDATE, BASELINE = (arm.key for arm in ALLOCATION.arms)
RULES = Rules(REGISTRY)


many = lengths.runs(200, at_length=1_000)


class World(NamedTuple):
    """Units by assignment session: results (1e-6), whether they are the candidate's, and how long they were held."""

    results: np.ndarray
    candidate: np.ndarray
    held: np.ndarray


def world(seed, *, shape=(61, 30), candidate=None):
    chance = np.random.default_rng([seed, 30])
    drawn = chance.random(shape) < 0.5
    candidate = drawn if candidate is None else candidate
    earned = SD * (chance.normal(size=shape) + chance.normal(size=(shape[0], 1)))
    soon, late = 1 + chance.poisson(1, size=shape), 20 + chance.integers(-10, 11, size=shape)
    held = np.where((earned > 0) == candidate, soon, late)
    return World(np.rint(earned * 1e6).astype(np.int64), candidate, np.minimum(held, LONGEST))


def closed(one, look):
    """The units that are closed by the end of session ``look``."""
    return np.arange(len(one.held))[:, None] + one.held <= look


def counted(one, look):
    """The units that attribution's rule counts by then: closed ones of cohorts whose maximum hold has passed."""
    over = [RULES.end(CLOSE, case_of(day)).at <= NYSE.close_of(DAYS[look]) for day in DAYS[: len(one.held)]]
    return closed(one, look) & np.array(over)[:, None]


def case_of(day):
    return Case("decision", "d", "decision/d", 1, 1, "", "A", unit_of("A", day), day, NYSE.open_of(day), day, 1.0)


def statistics(one, units):
    """The rows that hold these units."""
    rows = []
    for place, day in enumerate(DAYS[: len(one.held)]):
        for arm, mine in ((CANDIDATE, one.candidate[place]), (BASELINE, ~one.candidate[place])):
            results = one.results[place][mine & units[place]]
            if len(results):
                sums = (len(results), int(results.sum()), int((results**2).sum()))
                rows.append(StatisticsRow("main", ALLOCATION.id, day, arm, "all", "unit_pnl:close", "1-1", *sums))
    return sorted(rows)


def pending(one, look):
    """The cohorts so far of which something does not count yet, as a settled session names them."""
    whole = counted(one, look).all(axis=1)
    return {"close/reported": [DAYS[place] for place in np.flatnonzero(~whole[: look + 1])]}


def compared(look, rows, immature):
    matured, _ = mature(REGISTRY, DAYS[look], VERSION, rows, immature)
    (comparison,), _ = compare(REGISTRY, DAYS[look], VERSION, rows, matured, {})
    return comparison


class Read(NamedTuple):
    """How many worlds had an interval at all, and which part of these held 0: valid at all looks, and at one."""

    told: int
    covered: float
    covered_once: float


def read(counting, immature, *, runs):
    """The intervals of all worlds, each looked at once."""
    told, always, once = 0, 0, 0
    for seed in range(runs):
        one, look = world(seed), 20 + seed % 41
        comparison = compared(look, statistics(one, counting(one, look)), immature(one, look))
        evidence = comparison.evidence[CANDIDATE]
        if evidence.low is not None:
            told += 1
            always += evidence.low <= 0 <= evidence.high
            once += abs(evidence.estimate) <= 1.96 * evidence.sigma / evidence.information**0.5
    return Read(told, always / told, once / told)


def nothing(one, look):
    return {}


def test_the_two_arms_have_results_of_one_distribution_and_close_at_opposite_speeds():
    many = [world(seed) for seed in range(50)]
    results, candidate, held = (np.concatenate(field) for field in zip(*many, strict=True))
    means = [results[mine].mean() / 1e6 for mine in (candidate, ~candidate)]
    assert means[0] == pytest.approx(means[1], abs=4 * 2 * SD / len(results.ravel()) ** 0.5)
    holds = {(arm, won): held[(candidate == arm) & ((results > 0) == won)].mean() for arm in (0, 1) for won in (0, 1)}
    assert pytest.approx({(1, 1): 2, (1, 0): 20, (0, 1): 20, (0, 0): 2}, abs=0.5) == holds
    assert held.max() == LONGEST


def often(found):
    """So often, but for 1 in 200 simulations, an interval of 95 % holds."""
    return binom.ppf(0.005, found.told, 0.95) / found.told


@many
def test_equal_arms_that_close_at_different_speeds_read_equal(runs):
    found = read(counted, pending, runs=runs)
    assert found.told >= 0.7 * runs
    assert found.covered >= often(found)
    assert found.covered_once >= often(found)


@many
def test_if_units_counted_as_they_close_the_same_interval_would_nearly_always_find_a_difference(runs):
    found = read(closed, nothing, runs=runs)
    assert found.told == runs
    assert found.covered < 0.1
    assert found.covered_once < 0.1


@many
def test_the_comparison_by_itself_leaves_out_cohorts_of_which_something_is_still_open(runs):
    found = read(closed, pending, runs=runs)
    assert found.told >= 0.7 * runs
    assert found.covered_once >= often(found)


@pytest.mark.parametrize("look", [20, 29])
def test_before_the_first_cohort_has_matured_nothing_is_said(look):
    one = world(1)
    evidence = compared(look, statistics(one, counted(one, look)), pending(one, look)).evidence[CANDIDATE]
    assert (0, None, None) == (evidence.units, evidence.estimate, evidence.low)


def decided(stream, look):
    """The purchases of one session, each a unit of its own, of the whole equity: what they earn is their return."""
    time = NYSE.open_of(DAYS[look]) + 1
    return [stream.decision(f"{look}/{symbol}", time, symbol=symbol, size=1.0) for symbol in "ABCD"]


def ended(stream, one, look):
    """What trading reports of the positions that close in one session."""
    for place, unit in np.argwhere(np.arange(len(one.held))[:, None] + one.held == look):
        name = f"{place}/{'ABCD'[unit]}"
        net = int(one.results[place, unit]) / 1e6
        yield stream.outcome(name, NYSE.close_of(DAYS[look]), decision_id=name, net=net)


def told(desk):
    """The statistics that attribution's letters add up to."""
    found = {}
    for (*key, name), number in desk.net().items():
        found.setdefault(tuple(key), {"n": 0, "total": 0, "squares": 0})[name] = number
    return sorted(
        StatisticsRow("main", allocation, session, arm, regime, reward, of, **sums)
        for (allocation, arm, regime, reward, session, of), sums in found.items()
    )


def test_attribution_counts_a_world_as_the_simulation_does(sqlite_store):
    desk, stream = Desk(sqlite_store, rules=REGISTRY), Stream()
    drawn = [[ALLOCATION.arm_of(unit_of(symbol, day)).key == CANDIDATE for symbol in "ABCD"] for day in DAYS[:38]]
    one = world(1, shape=(38, 4), candidate=np.array(drawn))
    rows = []
    for look, day in enumerate(DAYS[:38]):
        desk.take(*decided(stream, look), *ended(stream, one, look), stream.closed(day))
        desk.rest()
        rows.append(told(desk))
        assert statistics(one, counted(one, look)) == rows[-1]
        with sqlite_store.read() as connection:
            immature = Sessions(connection).get("main", day).pending
        assert pending(one, look)["close/reported"] == immature["close/reported"]
    assert [] == rows[LONGEST - 1]
    assert 0 < len(rows[LONGEST]) < len(rows[-1])
