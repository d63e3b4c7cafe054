"""A worker that notes what it took in, and everything that it needs to take turns."""

from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.event import Envelope
from schemas.session import SessionClosed
from store.inbox import Inbox
from store.outbox import Outbox
from store.tables import inbox
from workers.tally import Tally
from workers.turn import Limits, Turns
from workers.worker import Refusal

NOW = 1_700_000_000_000_000


class Death(BaseException):
    """The process ends here: nobody catches it, and the next life begins with a consumer that remembers nothing."""


class Recorder:
    """A worker that notes every event once and answers each new one with a letter."""

    name = "recorder"
    reads = ("session.closed",)

    def __init__(self):
        self.poison = None
        self.deadly = set()
        self.unwanted = None
        self.unkept = None
        self.batches = []
        self.rested = 0

    def handle(self, work, batch):
        self.batches.append(len(batch))
        if self.deadly & {envelope.id for envelope in batch}:
            raise Death
        if self.poison in {envelope.id for envelope in batch}:
            raise ValueError("poison")
        if self.unkept in {envelope.id for envelope in batch}:
            work.insert(inbox, [{"worker": self.name, "source": "s", "event_id": self.unkept, "recorded_at": None}])
        wanted = [one for one in batch if one.id != self.unwanted]
        new = Inbox(work.connection).new(self.name, [(one.source, one.id) for one in wanted], now=work.now)
        for envelope, is_new in zip(wanted, new, strict=True):
            if is_new:
                Outbox(work.connection).add(self.name, "answers", envelope.id.encode(), now=work.now)
        return [Refusal(one, "unwanted") for one in batch if one.id == self.unwanted]

    def rest(self, settled_before):
        self.rested += 1


class Bench:
    """A recorder with everything that it needs to take turns."""

    def __init__(self, store, broker):
        self.store = store
        self.broker = broker
        self.worker = Recorder()
        self.tally = Tally("recorder", clock=lambda: NOW)
        self.group = self.consumer("one")
        self.group.ensure()

    def consumer(self, name):
        return ConsumerGroup(
            self.broker, group="recorder", consumer=name, streams=["session.closed"], claim_after_ms=60_000
        )

    def send(self, *names):
        closed = SessionClosed(session="2023-11-14")
        Publisher(self.broker).publish([Envelope(source="test", id=name, time=NOW, data=closed) for name in names])

    def turns(self, group):
        """The turns of one life, which remembers what it has lived through."""
        return Turns(
            self.worker,
            store=self.store,
            broker=self.broker,
            group=group,
            prefix="",
            limits=Limits(2**20, 0),
            clock=lambda: NOW,
            tally=self.tally,
        )

    def turn(self, group=None, count=500):
        return self.turns(group or self.group).turn(count=count, block_ms=1)

    def answers(self):
        return [fields[b"event"].decode() for _, fields in self.broker.xrange("answers")]

    def pending(self):
        return self.broker.xpending("session.closed", "recorder")["pending"]
