"""Two allocations at once, through the whole daily cycle: figures each with the other as a covariate."""

import numpy as np
import pytest
from msgspec import structs

from learning.credit import credit
from learning.rewards import RewardSum, quantise
from schemas.allocation import arm_key
from schemas.attributed import Contribution
from store.cycles import Cycles
from store.sessions import Sessions
from store.statistics import Journal, JournalRow
from store.tallies import Tallies, told
from tests.scheduler.conftest import FIRST
from tests.scheduler.cycles import run

LEVERS = {"lever": (0.5, 0.6), "other": (0.5, 0.4)}
CANDIDATE, OTHER = arm_key({"lever": 0.6}), arm_key({"other": 0.4})
EFFECTS = {("lever", 0.6): 0.004, ("other", 0.4): -0.03}


@pytest.fixture
def two(ledger_of, registry):
    """The ledger of a registry with two trials of one reward."""
    parameter = registry.parameters["lever"]
    other = structs.replace(registry.trials[0], id="other", layer="other", offsets=[{"other": -0.1}], share=0.1)
    return ledger_of(
        structs.replace(
            registry,
            parameters={"lever": parameter, "other": structs.replace(parameter, name="other")},
            trials=[structs.replace(registry.trials[0], share=0.1), other],
        )
    )


def contribution(lever, value, reward, session):
    return Contribution(
        allocation=f"{lever}.1-1",
        arm=arm_key({lever: value}),
        regime="all",
        reward="alert_return:1d",
        session=session,
        version="1-1",
        propensity=1_000,
        n=reward.n,
        total=reward.total,
        squares=reward.squares,
    )


class Units:
    """Units that both levers assign, and what they earned, session by session; ``cells`` are the sums."""

    def __init__(self, ledger, *, seed=1, tied=False):
        self.ledger = ledger
        self.random = np.random.default_rng(seed)
        self.tied = tied
        self.cells = {}
        self.count = 0

    def write(self, number, *, n=80, pending=(), taken_back=0, settling=True):
        """Settle a session; the first ``taken_back`` units were told wrong, and are told again."""
        session = self.ledger.calendar.shift(FIRST, number)
        market = 0.02 * self.random.standard_normal()
        with self.ledger.store.begin() as work:
            for place in range(n):
                drawn = self.random.random(2) < 0.3
                drawn = drawn[[0, 0]] if self.tied else drawn
                values = {name: LEVERS[name][int(tried)] for name, tried in zip(LEVERS, drawn, strict=True)}
                earned = sum(EFFECTS.get(pair, 0.0) for pair in values.items())
                reward = quantise(market + earned + 0.01 * self.random.standard_normal(), bound=1.0)
                added = [contribution(name, value, reward, session) for name, value in values.items()]
                wrong = []
                if place < taken_back:
                    wrong = [
                        contribution(name, value, quantise(0.9, bound=1.0), session) for name, value in values.items()
                    ]
                    self._tell(work, wrong, [], revision=1)
                self._tell(work, added, wrong, revision=1 + (place < taken_back))
                if session not in pending:
                    pair = tuple(arm_key({name: value}) for name, value in values.items())
                    cells = self.cells.setdefault(session, {})
                    cells[pair] = cells.get(pair, RewardSum()) + reward
                self.count += 1
            if settling:
                self._settle(work, session, pending)
            work.commit()
        return session

    def settle(self, numbers):
        """Settle sessions one after the other, long after they were told of."""
        for number in numbers:
            with self.ledger.store.begin() as work:
                self._settle(work, self.ledger.calendar.shift(FIRST, number), ())
                work.commit()

    def _settle(self, work, session, pending):
        waiting = {"1d/prices": list(pending)}
        Sessions(work.connection).add("test", session, cut=work.take(1), pending=waiting, now=work.now)

    def _tell(self, work, added, wrong, *, revision):
        row = JournalRow(f"u{self.count}", revision, "test", work.take(1), added, wrong)
        Journal(work.connection).record([row])
        Tallies(work.connection).add(told("test"), 1)

    def credit(self):
        baselines = (arm_key({"lever": 0.5}), arm_key({"other": 0.5}))
        return credit([self.cells[session] for session in sorted(self.cells)], baselines=baselines)


def figure(difference):
    return f"{difference.value:+.6f}"


def line(ledger, session):
    """What the stage ``credit`` said."""
    run(ledger, session)
    with ledger.store.read() as reading:
        stages = Cycles(reading).finished("test", "daily", session).completed.stages
    return next(stage.summary for stage in stages if stage.name == "credit")


def test_each_allocation_is_told_with_the_other_as_a_covariate(two):
    units = Units(two)
    for number in range(5):
        session = units.write(number)
    said, found = line(two, session), units.credit()
    assert said.startswith("lever.1-1 and other.1-1 together, on 400 units in 5 sessions: ")
    lever, other = found.first[CANDIDATE], found.second[OTHER]
    for arm, one in ((CANDIDATE, lever), (OTHER, other)):
        assert f"{arm} {figure(one)} (one look, 95 %: {one.low:+.6f} to {one.high:+.6f})" in said
    assert f"independence of the assignments p = {found.independence.p_value:.3f}" in said
    for difference, effect in ((lever, 0.004), (other, -0.03)):
        assert effect == pytest.approx(difference.value, abs=4 * difference.standard_error)


def test_what_was_taken_back_is_as_if_it_had_never_been_told(two):
    units = Units(two)
    for number in range(4):
        session = units.write(number, taken_back=10)
    assert figure(units.credit().first[CANDIDATE]) in line(two, session)


def test_what_is_settled_late_is_not_lost(two):
    """The engine was away for days, took all of them in, and then settled one after the other."""
    units = Units(two)
    for number in (2, 3, 4):
        session = units.write(number, settling=False)
    units.settle(range(5))
    said = line(two, session)
    assert "on 240 units in 3 sessions" in said
    assert figure(units.credit().first[CANDIDATE]) in said


def test_cohorts_that_are_not_mature_are_left_out(two):
    units = Units(two)
    sessions = [units.write(number) for number in range(3)]
    last = units.write(3, pending=[two.calendar.shift(FIRST, 3)])
    assert sessions == sorted(units.cells)
    said = line(two, last)
    assert "on 240 units in 3 sessions" in said
    assert figure(units.credit().second[OTHER]) in said


def test_assignments_that_hang_together_are_doubted(two):
    units = Units(two, tied=True)
    for number in range(4):
        session = units.write(number)
    said = line(two, session)
    assert "DOUBT: the effects cannot be told apart" in said
    assert "DOUBT: the two assignments are not independent" in said


def test_nothing_is_told_where_no_two_allocations_have_one_reward(ledger):
    session = ledger.write(0, [(arm_key({"lever": 0.5}), 0.01)])
    assert "no two allocations are judged by one reward" == line(ledger, session)
