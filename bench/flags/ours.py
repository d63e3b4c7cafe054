"""The client of trading, with the version that it has read from the broker."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from learning_client import ParameterClient, Switches

from bench.flags.rollout import FLAGS, NEW, OLD, PERCENT, UNITS, Pass
from events.connection import connect
from schemas.allocation import WHOLE, Allocation, Arm, Purpose
from schemas.version import Version
from workers.gate.publication import snapshot_key

STRATEGY = "flags"
READY = 10.0


@contextmanager
def opened(url: str) -> Iterator[Pass]:
    """A client that has taken the rollout over from the broker at ``url``."""
    with connect(url) as redis:
        redis.set(snapshot_key(STRATEGY), msgspec.json.encode(_version()))
    client = ParameterClient(
        url, defaults=dict.fromkeys(FLAGS, 0.0), strategy=STRATEGY, client_id="bench", switches=Switches(apply=True)
    )
    client.start()
    assert client.wait_ready(READY), client.stats()

    def read() -> int:
        new = 0
        for unit in UNITS:
            for flag in FLAGS:
                new += client.value(flag, unit) == NEW
        return new

    yield read
    client.close()


def _version() -> Version:
    return Version(
        strategy=STRATEGY,
        epoch=1,
        number=1,
        previous=None,
        session="2024-01-31",
        regime="all",
        registry="bench",
        values=dict.fromkeys(FLAGS, OLD),
        allocations=[_allocation(flag) for flag in FLAGS],
    )


def _allocation(flag: str) -> Allocation:
    new = WHOLE * PERCENT // 100
    return Allocation(
        id=flag,
        layer=flag,
        purpose=Purpose.ROLLOUT,
        parameters=[flag],
        arms=[Arm(values={flag: NEW}, share=new), Arm(values={flag: OLD}, share=WHOLE - new)],
    )
