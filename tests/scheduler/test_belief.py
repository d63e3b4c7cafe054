"""What the cycle believes of each arm, against the formulas written out."""

import numpy as np
import pytest
from msgspec import structs

from learning.effects import arm_effects
from learning.rewards import RewardSum
from scheduler.belief import believe, days_between
from scheduler.comparison import compare
from schemas.parameters import Trial
from schemas.version import Version
from store.statistics import StatisticsRow
from workers.gate.publication import first_version

SESSIONS = ["2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08"]


def rows_of(allocation, *, seed, regimes=("all",)):
    chance = np.random.default_rng(seed)
    rows = []
    for session in SESSIONS:
        for regime in regimes:
            for arm in allocation.arms:
                rewards = chance.integers(-20_000, 20_000, int(chance.integers(1, 6)))
                sums = (len(rewards), int(rewards.sum()), int((rewards**2).sum()))
                rows.append(
                    StatisticsRow("test", allocation.id, session, arm.key, regime, "alert_return:1d", "1-1", *sums)
                )
    return rows


@pytest.fixture
def versions(registry):
    def made(*offsets):
        trials = [
            Trial(id=f"t{place}", layer=f"l{place}", share=0.05, offsets=[{f"lever{place}": each} for each in arms])
            for place, arms in enumerate(offsets)
        ]
        lever = registry.parameters["lever"]
        levers = {f"lever{place}": structs.replace(lever, name=f"lever{place}") for place in range(len(offsets))}
        return first_version(structs.replace(registry, parameters=levers, trials=trials))

    return made


def test_one_regime_gives_the_closed_form_of_faded_within_session_differences(registry, versions):
    rules = structs.replace(registry.learning, fading=0.9)
    version = versions([0.1, -0.1])
    [allocation] = version.allocations
    rows = rows_of(allocation, seed=1)
    beliefs, _ = believe(structs.replace(registry, learning=rules), "2024-01-10", version, {allocation.id: rows}, "all")
    belief = beliefs[allocation.id]
    sums = [{row.arm: RewardSum(*row[7:]) for row in rows if row.session == session} for session in SESSIONS]
    days = [8, 7, 5, 2]
    effects = arm_effects(sums, baseline=belief.baseline, arms=belief.arms, weights=[0.9**day for day in days])
    weighing = effects.information @ np.linalg.inv(effects.noise)
    precision = np.eye(2) / rules.prior_sd**2 + weighing @ effects.information
    mean, covariance = belief.now
    np.testing.assert_allclose(covariance, np.linalg.inv(precision), rtol=1e-9)
    np.testing.assert_allclose(mean, np.linalg.solve(precision, weighing @ effects.scores), rtol=1e-9)
    assert 0.0 == belief.tau
    assert 1 == pytest.approx(belief.best.sum())


def test_what_happens_in_one_allocation_changes_no_bit_of_another(registry, versions):
    version = versions([0.1], [0.2, -0.1], [0.1, -0.2])
    alone = structs.replace(version, allocations=[version.allocations[2]], checksum="")
    rows = {
        allocation.id: rows_of(allocation, seed=place, regimes=("bear", "bull") if place == 2 else ("panic",))
        for place, allocation in enumerate(version.allocations)
    }
    together, _ = believe(registry, "2024-01-10", version, rows, "bull")
    apart, _ = believe(registry, "2024-01-10", alone, rows, "bull")
    [only] = apart
    for one, other in zip(together[only].now, apart[only].now, strict=True):
        assert one.tobytes() == other.tobytes()
    assert together[only].tau == apart[only].tau


def test_units_of_arms_that_are_gone_do_not_count(registry, versions):
    version = versions([0.1])
    [allocation] = version.allocations
    rows = rows_of(allocation, seed=1)
    gone = [row._replace(arm='{"lever0":0.9}') for row in rows]
    with_them, _ = believe(registry, "2024-01-10", version, {allocation.id: rows + gone}, "all")
    without, _ = believe(registry, "2024-01-10", version, {allocation.id: rows}, "all")
    assert with_them[allocation.id].now[0] == without[allocation.id].now[0]


def test_without_a_version_or_without_units_nothing_is_claimed(registry, versions):
    assert {} == believe(registry, "2024-01-10", None, {}, "all")[0]
    version: Version = versions([0.1])
    [allocation] = version.allocations
    belief = believe(registry, "2024-01-10", version, {allocation.id: []}, "all")[0][allocation.id]
    mean, covariance = belief.now
    assert 0 == mean[0]
    assert registry.learning.prior_sd**2 == pytest.approx(covariance[0, 0])
    assert [0.5, 0.5] == belief.best.tolist()


def test_days_are_those_of_the_calendar():
    assert 3 == days_between("2024-01-05", "2024-01-08")


@pytest.mark.parametrize("fading", [0.01, 0.5, 0.9])
def test_sessions_that_faded_beyond_the_floats_stop_nothing(registry, versions, fading):
    quickly = structs.replace(registry, learning=structs.replace(registry.learning, fading=fading))
    version = versions([0.1, -0.1])
    [allocation] = version.allocations
    rows = rows_of(allocation, seed=1)
    for session in ("2024-01-10", "2034-01-10"):
        [compared], _ = compare(quickly, session, version, rows, {allocation.id: rows}, {allocation.id: []})
        assert "in 4 sessions" in compared.counted
        beliefs, _ = believe(quickly, session, version, {allocation.id: rows}, "all")
        assert np.isfinite(beliefs[allocation.id].best).all()
