"""Everything is told again, after sessions were settled and processes started anew: nothing changes."""

import pytest
from sqlalchemy import select

from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.params import ParamsProposed, ProposalKind
from schemas.settings import Mode
from store.dead_letters import DeadLetters
from store.tables import metadata
from tests.workers.desk import NOW, Desk, Stream, registry
from workers.deployment import Deployment
from workers.patterns import Patterns
from workers.tally import Tally
from workers.thompson import Thompson
from workers.turn import Limits, Turns

OF_THE_ENGINE = {"counters", "sqlite_sequence"}
"""The numbers that a repeat takes and does not use."""


class Engine:
    """The workers that join, count and judge, on real streams; each run begins with new ones."""

    def __init__(self, desk, broker):
        self.desk = desk
        self.broker = broker

    def run(self):
        """New processes take in what is there, until nothing is left; the counts of them together."""
        deployment = Deployment(registries={"main": self.desk.rules}, mode=Mode.ACT, mend=lambda: None)
        patterns = Patterns(self.desk.store, registries={"main": self.desk.rules}, clock=lambda: NOW)
        workers = [self.desk.start(), Thompson(mend=lambda settled_before: None), patterns, deployment]
        tallies = [Tally(worker.name, clock=lambda: NOW) for worker in workers]
        turns = [self._turns(worker, tally) for worker, tally in zip(workers, tallies, strict=True)]
        while sum(one.turn(count=3, block_ms=1) for one in turns):
            pass
        return sum((tally.counts.get("taken", 0) for tally in tallies), 0)

    def _turns(self, worker, tally):
        group = ConsumerGroup(
            self.broker, group=worker.name, consumer="one", streams=worker.reads, claim_after_ms=60_000
        )
        group.ensure()
        return Turns(
            worker,
            store=self.desk.store,
            broker=self.broker,
            group=group,
            prefix="",
            limits=Limits(2**20, 0),
            clock=lambda: NOW,
            tally=tally,
        )

    def told_again(self):
        """Every entry of every stream comes again, as from a producer or a relay that repeats itself."""
        for key in self.broker.scan_iter(_type="stream"):
            for _, fields in self.broker.xrange(key):
                self.broker.xadd(key, fields)

    def books(self):
        """All that the store holds, row by row."""
        with self.desk.store.read() as reading:
            return {
                table.name: sorted(map(tuple, reading.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
                if table.name not in OF_THE_ENGINE
            }

    def refused(self):
        with self.desk.store.read() as reading:
            return [letter.reason for letter in DeadLetters(reading).list()]


def scene():
    """Three sessions with an alert, a decision and an outcome, and a proposal."""
    stream = Stream()
    for number, session in enumerate(("2023-01-04", "2023-01-05", "2023-01-06")):
        yield stream.bar(session, 100, 101, 99, 100 + number)
        yield stream.alert(f"a{number}", f"{session} 15:00")
        yield stream.decision(f"d{number}", f"{session} 15:01", alert_id=f"a{number}", size=0.1)
        yield stream.outcome(f"o{number}", f"{session} 20:30", decision_id=f"d{number}", net=0.02)
        yield stream.fill(f"f{number}", f"{session} 15:02", side="buy", quantity=1.0, price=100.0)
        yield stream.closed(session)
    proposal = ParamsProposed(
        proposal_id="p1",
        kind=ProposalKind.VALUES,
        session="2023-01-06",
        values={"look": 0.6},
        reason="for the test",
        proposed_by="somebody",
    )
    yield stream.event(proposal, "2023-01-06 21:30")


@pytest.fixture
def engine(store, broker):
    return Engine(Desk(store, rules=registry(close_after=1)), broker)


def test_what_is_told_again_after_everything_was_settled_changes_nothing(engine):
    events = list(scene())
    Publisher(engine.broker).publish(events)
    engine.run()
    engine.run()
    books, streams = engine.books(), {key: engine.broker.xlen(key) for key in engine.broker.scan_iter(_type="stream")}
    assert 3 == len(books["sessions"])
    assert books["statistics"]
    assert {"look": 0.6}.items() <= _latest(engine).values.items()
    assert [] == engine.refused()

    engine.told_again()
    assert len(events) < engine.run()
    assert books == engine.books()
    assert {key: 2 * count for key, count in streams.items()} == {
        key: engine.broker.xlen(key) for key in engine.broker.scan_iter(_type="stream")
    }


def _latest(engine):
    from store.versions import Versions

    with engine.desk.store.read() as reading:
        return Versions(reading).latest("main")
