import msgspec

from events.codec import decode
from events.connection import stored
from events.drain import drain
from schemas.parameters import Parameter, Registry
from schemas.settings import Mode
from store.mailbag import Mailbag
from workers.deployment import Deployment
from workers.gate.snapshots import LOOK_EVERY_US, Snapshots

SPEED = Parameter(name="speed", default=0.5, category="test", affects="all", description="For tests.")
REGISTRY = Registry(strategy="test", parameters={"speed": SPEED})
KEY = "params:test:snapshot"


class Clock:
    now = 1

    def __call__(self):
        return self.now


def opened(store, broker, clock, mode=Mode.ACT):
    snapshots = Snapshots(store, strategies=["test"], at_broker=lambda key: stored(broker, key), clock=clock)
    deployment = Deployment(registries={"test": REGISTRY}, mode=mode, mend=snapshots.mend)
    with store.begin() as work:
        deployment.open(work)
        work.commit()
    return deployment


def rest(deployment, store, broker):
    deployment.rest(lambda: 0)
    return drain(broker, Mailbag(store, "deployment"))


def test_a_clock_that_was_set_back_puts_nothing_off(store, broker):
    clock = Clock()
    clock.now = 10**12
    deployment = opened(store, broker, clock)
    rest(deployment, store, broker)
    broker.flushall()
    clock.now -= 3_600_000_000
    assert 1 == rest(deployment, store, broker)


def test_a_broker_that_came_back_empty_is_told_the_version_in_force_again(store, broker):
    clock = Clock()
    deployment = opened(store, broker, clock)
    assert 1 == rest(deployment, store, broker)
    snapshot = broker.get(KEY)
    broker.flushall()
    clock.now += LOOK_EVERY_US
    assert 1 == rest(deployment, store, broker)
    [(entry, fields)] = broker.xrange("params.updated")
    told = decode(fields, stream="params.updated", entry=entry.decode(), now=2**60).data
    assert (snapshot, msgspec.json.decode(snapshot)["checksum"]) == (broker.get(KEY), told.checksum)


def test_a_snapshot_that_is_older_than_the_store_is_replaced(store, broker):
    clock = Clock()
    deployment = opened(store, broker, clock)
    rest(deployment, store, broker)
    broker.set(KEY, b"from before the failover")
    clock.now += LOOK_EVERY_US
    assert 1 == rest(deployment, store, broker)


def test_nothing_is_said_twice_while_the_snapshot_lies_there(store, broker):
    clock = Clock()
    deployment = opened(store, broker, clock)
    rest(deployment, store, broker)
    clock.now += LOOK_EVERY_US
    assert 0 == rest(deployment, store, broker)


def test_observing_publishes_nothing_also_not_again(store, broker):
    clock = Clock()
    rest(opened(store, broker, clock), store, broker)
    broker.flushall()
    clock.now += LOOK_EVERY_US
    assert 0 == rest(opened(store, broker, clock, mode=Mode.OBSERVE), store, broker)
