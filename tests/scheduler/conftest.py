"""A settled session with examples of two arms, as attribution and thompson leave them."""

import msgspec
import pytest

from schemas.allocation import WHOLE, arm_key
from schemas.attributed import Contribution
from schemas.calendar import Calendar
from schemas.parameters import GateRules, LearningRules, Market, Parameter, Registry, Trial
from schemas.settings import Mode
from store.sessions import Sessions
from store.statistics import Journal, JournalRow
from store.tables import examples, instruments
from store.tallies import Tallies, told
from workers.deployment import Deployment

FIRST = "2024-01-02"
BASELINE, CANDIDATE = arm_key({"lever": 0.5}), arm_key({"lever": 0.6})


@pytest.fixture
def registry():
    lever = Parameter(
        name="lever",
        default=0.5,
        min=0.0,
        max=1.0,
        category="threshold",
        affects="decision",
        description="For tests.",
        max_change=0.2,
        reward="alert_return:1d",
    )
    return Registry(
        strategy="test",
        market=Market(horizons=["1d"], primary_horizon="1d", lost_after=2),
        learning=LearningRules(budget=0.2, floor=0.01, prior_sd=0.05),
        gate=GateRules(minimum_units=20, minimum_sessions=5),
        parameters={"lever": lever},
        trials=[Trial(id="lever", layer="lever", share=0.2, offsets=[{"lever": 0.1}])],
    )


class Ledger:
    """Writes what the other workers would, session by session."""

    def __init__(self, store, registry):
        self.store = store
        self.registry = registry
        self.calendar = Calendar.named("XNYS")
        self.written = 0
        with store.begin() as work:
            Deployment(registries={"test": registry}, mode=Mode.ACT, mend=lambda: None).open(work)
            work.insert(instruments, [{"id": 1, "strategy": "test", "venue": "", "symbol": "A"}])
            work.commit()

    def session(self, number):
        return self.calendar.shift(FIRST, number)

    def write(self, number, rewards, *, settle=True, state="matched", journal=True):
        """One session's examples: ``rewards`` as (arm, reward) pairs."""
        session = self.session(number)
        with self.store.begin() as work:
            for arm, reward in rewards:
                self.written += 1
                sequence = work.take(1)
                pending = state == "pending"
                work.insert(examples, [self._row(session, sequence, state, pending)])
                Tallies(work.connection).add(told("test"), int(not pending))
                if journal and not pending:
                    Journal(work.connection).record([self._journal(session, sequence, arm, reward)])
            cut = work.take(1)
            if settle:
                Sessions(work.connection).add("test", session, cut=cut, now=work.now)
            work.commit()
        return session

    def _row(self, session, sequence, state, pending):
        return {
            "id": f"e{self.written}",
            "strategy": "test",
            "subject": "alert",
            "subject_id": f"a{self.written}",
            "instrument": 1,
            "unit": f"A/{session}",
            "session": session,
            "horizon": "1d",
            "origin": "prices",
            "due": session,
            "state": state,
            "revision": 0 if pending else 1,
            "created_sequence": sequence,
            "sequence": sequence,
            "settled_sequence": None if pending else sequence,
            "late": 0,
            "entry_session": session,
            "regime": "all",
            "contributions": "[]",
        }

    def _journal(self, session, sequence, arm, reward):
        total = round(reward * 1e6)
        added = Contribution(
            allocation="lever.1-1",
            arm=arm,
            regime="all",
            reward="alert_return:1d",
            session=session,
            version="1-1",
            propensity=2000 if arm == CANDIDATE else WHOLE - 2000,
            n=1,
            total=total,
            squares=total * total,
        )
        return JournalRow(f"e{self.written}", 1, "test", sequence, [added], [])


@pytest.fixture
def ledger_of(store):
    """Makes the ledger of a registry."""
    return lambda registry: Ledger(store, msgspec.convert(msgspec.to_builtins(registry), Registry))


@pytest.fixture
def ledger(ledger_of, registry):
    return ledger_of(registry)
