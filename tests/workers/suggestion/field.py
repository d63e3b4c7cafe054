"""A field in which arms earn what a planted response says: real store, cycle, optimiser and gate, without prices."""

import time

import msgspec
import numpy as np

from events.codec import decode
from learning.rewards import quantise
from scheduler.cycle_run import DailyRun
from scheduler.run import OWNER as CYCLES
from schemas.attributed import Contribution
from schemas.calendar import Calendar
from schemas.parameters import GateRules, LearningRules, Market, Parameter, Proposer, Registry, Trial
from schemas.settings import Mode
from store.mailbag import Mailbag
from store.sessions import Sessions
from store.statistics import Journal, JournalRow
from store.suggestions import Suggestions
from store.tallies import Tallies, told
from store.versions import Versions
from workers.bayesian import Bayesian
from workers.deployment import Deployment
from workers.suggestion.suggestion import Suggestion

FIRST = "2024-01-02"
REWARD = "alert_return:1d"

FILE = """
strategy = "test"

[learning]
reward = "alert_return:1d"
floor = 0.005

[market]
horizons = ["1d"]
primary_horizon = "1d"

[[parameter]]
name = "x"
decides_trade = false
default = 0.3
min = 0.0
max = 1.0
max_change = 0.1
category = "test"
affects = "test"
description = "For tests."
"""
"""A registry with the one parameter, as a user writes it."""


def parameter(name, default, **more):
    described = {"category": "test", "affects": "score", "description": "For a test.", "decides_trade": False}
    described |= {"min": 0.0, "max": 1.0, "max_change": 0.1, "reward": REWARD}
    return Parameter(name=name, default=default, **{**described, **more})


def registry(*parameters, rules=None, gate=None, **trial):
    """A strategy with one trial whose arms are proposed, of all parameters unless it says otherwise."""
    trial = {"id": "t", "layer": "t", "share": 0.2, "proposes": Proposer.BAYESIAN, "arms": 6} | trial
    if "offsets" not in trial and "parameters" not in trial:
        trial["parameters"] = [one.name for one in parameters]
    made = Registry(
        strategy="test",
        market=Market(horizons=["1d"], primary_horizon="1d"),
        learning=LearningRules(**{"budget": 0.2, "floor": 0.01, "prior_sd": 0.01} | (rules or {})),
        gate=GateRules(**{"minimum_units": 30, "minimum_sessions": 5} | (gate or {})),
        parameters={one.name: one for one in parameters},
        trials=[Trial(**trial)],
    )
    return msgspec.convert(msgspec.to_builtins(made), Registry)


class Field:
    """Sessions of ``units`` units; ``response(values)`` is what an arm earns on average, beside the day's market."""

    def __init__(self, store, rules, response, *, units=400, sd=0.02, seed=0):
        self.store = store
        self.rules = rules
        self.response = response
        self.units = units
        self.sd = sd
        self.random = np.random.default_rng(seed)
        self.calendar = Calendar.named("XNYS")
        self.number = 0
        self.gate = Deployment(registries={"test": rules}, mode=Mode.ACT, mend=lambda: None)
        self.worker = Bayesian(store, registries={"test": rules})
        self.events = []
        """Every ``cycle.completed`` so far."""
        with store.begin() as work:
            self.gate.open(work)
            work.commit()

    @property
    def version(self):
        with self.store.read() as reading:
            return Versions(reading).latest("test")

    @property
    def allocation(self):
        [one] = [one for one in self.version.allocations if one.id.startswith("t.")]
        return one

    def arms(self):
        """Values by share of the arms beside the baseline."""
        baseline = self.allocation.baseline(self.version.values)
        return [(arm.values, arm.share) for arm in self.allocation.arms if arm.key != baseline.key]

    def live(self, sessions, *, pending=()):
        """Let sessions pass: units earn, the cycle runs, and everybody takes in what was said."""
        for _ in range(sessions):
            session = self.calendar.shift(FIRST, self.number)
            self.earn(session, pending=pending)
            self._daily().run(session)
            self._travel()

    def earn(self, session, *, pending=()):
        """Write what attribution and thompson would of one session, and settle it."""
        version = self.version
        market = 0.02 * self.random.standard_normal()
        sums = {}
        for place in range(self.units):
            for allocation, arm in version.assigned(f"U{place}/{session}").items():
                noise = self.sd * self.random.standard_normal()
                reward = quantise(market + self.response(arm.values) + noise, bound=1.0)
                key = (allocation, arm.key, arm.share)
                n, total, squares = sums.get(key, (0, 0, 0))
                sums[key] = (n + 1, total + reward.total, squares + reward.squares)
        added = [
            Contribution(
                allocation=allocation,
                arm=arm,
                regime="all",
                reward=REWARD,
                session=session,
                version=str(version.id),
                propensity=share,
                n=n,
                total=total,
                squares=squares,
            )
            for (allocation, arm, share), (n, total, squares) in sums.items()
        ]
        with self.store.begin() as work:
            Journal(work.connection).record([JournalRow(session, 1, "test", work.take(1), added, [])])
            Tallies(work.connection).add(told("test"), 1)
            waiting = {f"{REWARD.partition(':')[2]}/prices": list(pending)}
            Sessions(work.connection).add("test", session, cut=work.take(1), pending=waiting, now=work.now)
            work.commit()
        self.number += 1

    def take(self, worker, envelopes):
        """One turn of a worker; the reasons of what it refused."""
        with self.store.begin() as work:
            refusals = worker.handle(work, envelopes)
            work.commit()
        worker.rest(lambda: 0)
        return [refusal.reason for refusal in refusals]

    def suggestions(self):
        """What was suggested, the oldest first: the row and what it stands on."""
        with self.store.read() as reading:
            rows = Suggestions(reading).history("test", limit=1_000)
        return [(row, row.read(Suggestion)) for row in reversed(rows)]

    def letters(self, owner):
        """What somebody wrote and nobody has taken yet, as whoever reads it would decode it."""
        mailbag = Mailbag(self.store, owner)
        waiting = mailbag.waiting(1_000)
        mailbag.sent([one.id for one in waiting])
        return [decode({b"event": one.body}, stream=one.stream, entry=f"{one.id}-0", now=2**60) for one in waiting]

    def _daily(self):
        return DailyRun(
            self.store,
            self.rules,
            stages=None,
            clock=lambda: 1_700_000_000_000_000,
            timer=time.monotonic,
            pause=lambda seconds: None,
        )

    def _travel(self):
        said = self.letters(CYCLES)
        assert [] == self.take(self.gate, [one for one in said if one.data.type in self.gate.reads])
        completed = [one for one in said if one.data.type in self.worker.reads]
        self.events += completed
        assert [] == self.take(self.worker, completed)
        assert [] == self.take(self.gate, self.letters("bayesian"))
