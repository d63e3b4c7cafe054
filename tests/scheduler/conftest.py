"""Settled sessions with units of two arms, as attribution and thompson leave them."""

import msgspec
import pytest
from msgspec import structs

from schemas.allocation import WHOLE, Arm, arm_key, unit_of
from schemas.attributed import Contribution
from schemas.calendar import Calendar
from schemas.parameters import GateRules, LearningRules, Market, Parameter, Registry, Trial
from schemas.settings import Mode
from store.sessions import Sessions
from store.statistics import Journal, JournalRow
from store.tables import alerts, decisions, instruments
from store.tallies import Tallies, told
from store.versions import Versions
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
        market=Market(horizons=["1d"], primary_horizon="1d"),
        learning=LearningRules(budget=0.2, floor=0.01, prior_sd=0.05, dwell=0, least_change=0.0),
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
            rows = [{"id": number, "strategy": "test", "venue": "", "symbol": f"I{number}"} for number in (1, 2)]
            work.insert(instruments, rows)
            work.commit()

    def session(self, number):
        return self.calendar.shift(FIRST, number)

    def write(self, number, rewards, *, settle=True, pending=None, journal=True, allocation="lever.1-1"):
        """One session's examples: ``rewards`` as (arm, reward) or (arm, reward, regime); ``pending`` by horizon and
        origin."""
        session = self.session(number)
        with self.store.begin() as work:
            for arm, reward, *regime in rewards:
                self.written += 1
                sequence = work.take(1)
                Tallies(work.connection).add(told("test"), 1)
                if journal:
                    Journal(work.connection).record(
                        [self._journal(session, sequence, arm, reward, *regime, allocation=allocation)]
                    )
            cut = work.take(1)
            if settle:
                Sessions(work.connection).add("test", session, cut=cut, pending=pending or {}, now=work.now)
            work.commit()
        return session

    def publish(self, number, shares, *, values=None):
        """The next version, made for a session, with these arms (by lever) and shares."""
        with self.store.begin() as work:
            last = Versions(work.connection).latest("test")
            arms = [Arm({"lever": lever}, share) for lever, share in shares.items()]
            allocation = structs.replace(last.allocations[0], arms=arms)
            following = structs.replace(
                last,
                number=last.number + 1,
                previous=str(last.id),
                session=self.session(number),
                values=values or last.values,
                allocations=[allocation],
                checksum="",
            )
            Versions(work.connection).add(following, proposal_id=None, now=work.now)
            work.commit()

    def alert(self, symbol, number, *, entry=None, instrument=1, version="1-1", **more):
        """An alert of a unit in a session, which it could be entered in unless ``entry`` says otherwise."""
        session = self.session(number)
        named = {"alert_id": None, **more}
        return self._fact(alerts, symbol, session, entry, instrument=instrument, version=version, **named)

    def decision(self, symbol, number, *, entry=None, instrument=1, version="1-1", action="BUY", **more):
        """A decision about a unit."""
        session = self.session(number)
        named = {"decision_id": None, "named_unit": 1, "action": action, **more}
        return self._fact(decisions, symbol, session, entry, instrument=instrument, version=version, **named)

    def _fact(self, table, symbol, session, entry, *, instrument, version, **more):
        with self.store.begin() as work:
            sequence = work.take(1)
            row = {column.name: None for column in table.columns} | {
                "sequence": sequence,
                "source": "scanner",
                "event_id": f"f{sequence}",
                "strategy": "test",
                "time": sequence,
                "recorded_at": 1,
                "body": "{}",
                "instrument": instrument,
                "unit": unit_of(symbol, session),
                "session": session,
                "entry_session": entry or session,
                "direction": "long",
                "params_version": version,
            }
            row |= {"score": 0.5} | more
            row |= {name: f"{name}{sequence}" for name in (f"{table.name[:-1]}_id",) if row[name] is None}
            work.insert(table, [row])
            work.commit()
        return row

    def _journal(self, session, sequence, arm, reward, regime="all", *, allocation):
        total = round(reward * 1e6)
        added = Contribution(
            allocation=allocation,
            arm=arm,
            regime=regime,
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
