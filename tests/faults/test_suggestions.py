"""The optimiser is killed while it works; afterwards every look is there once, as a calm one has it."""

import threading
import time
from types import SimpleNamespace

import msgspec
import pytest

from events.codec import decode
from schemas.event import Envelope
from schemas.params import ParamsProposed
from schemas.registry import load_registry
from schemas.reports import CycleCompleted
from tests.faults.engine import Engine
from tests.faults.waiting import until
from tests.workers.suggestion.field import FILE, FIRST, Field

REGISTRY = (
    FILE
    + """
[[trial]]
id = "t"
layer = "t"
share = 0.04
proposes = "bayesian"
parameters = ["x"]
"""
)
EVERY, LOOKS = 12, 10
"""Sessions from one look to the next, so that each may propose; no gate changes the arms meanwhile."""

DEATHS = {
    "the turn": [(step, 1) for step in ("before commit", "after commit", "before acknowledge", "after acknowledge")],
    "the look": [("before commit", 2), ("after commit", 2)],
    "the letters": [(step, 1) for step in ("before send", "after send", "before note as sent", "after note as sent")],
}
"""The steps, and at which passing; fewer than bury an event in which none of them is at fault. A life's first commit is
that of the turn which hears of a session, its second that of the look."""


def settled(store, rules):
    """The field of a store in which every session that is looked at has settled, and what the cycles said."""
    field = Field(store, rules, lambda values: 0.0, units=5)
    said = []
    for number in range(LOOKS):
        field.number = number * EVERY
        session = field.calendar.shift(FIRST, field.number)
        field.earn(session)
        data = CycleCompleted(
            strategy="test",
            cycle_id=f"daily/test/{session}",
            kind="daily",
            session=session,
            cut=1,
            proposals=[],
            stages=[],
            report="",
        )
        said.append(Envelope(source="cycles", id=data.cycle_id, time=field.calendar.close_of(session), data=data))
    return field, said


def told(field):
    """Every look, without when it was written."""
    return [row._replace(recorded_at=0) for row, _ in field.suggestions()]


@pytest.mark.parametrize("deaths", DEATHS.values(), ids=DEATHS.keys())
def test_every_look_is_there_once_however_often_it_died(tmp_path, broker, redis_url, cradle, sqlite_store, deaths):
    scene = SimpleNamespace(registry=REGISTRY)
    engine = Engine(tmp_path / "engine", broker, cradle=cradle, redis_url=redis_url, prefix="b:", scene=scene)
    rules = load_registry(engine.folder / "registry.toml")
    calm, said = settled(sqlite_store, rules)
    assert [] == calm.take(calm.worker, said)
    expected = told(calm)
    assert LOOKS == len([row for row in expected if row.proposal_id])

    field, said = settled(engine.store, rules)
    mortal = engine.mortal("bayesian", [(step, passing, "SIGKILL") for step, passing in deaths])
    try:
        for envelope in said:
            died = len(mortal.ended("died"))
            engine.tell([envelope])
            deadline = time.monotonic() + 5
            while len(mortal.ended("died")) == died and not mortal.spent and time.monotonic() < deadline:
                threading.Event().wait(0.02)
        until(lambda: len(field.suggestions()) == LOOKS, "every look")
        until(lambda: not engine.in_hand("bayesian"), "nothing in hand")
        until(lambda: len(proposed(engine)) == LOOKS, "every letter")
        assert ([step for step, _ in deaths], []) == (mortal.ended("died"), mortal.ended("missed", "failed"))
        assert expected == told(field)
        assert {row.proposal_id: msgspec.json.decode(row.body)["arms"] for row in expected} == proposed(engine)
    finally:
        engine.stop()
        engine.close()


def proposed(engine):
    """The arms that the stream's letters ask for, by proposal: one that was sent twice says the same twice."""
    found = {}
    for entry, fields in engine.broker.xrange(f"{engine.prefix}{ParamsProposed.type}"):
        letter = decode(fields, stream=ParamsProposed.type, entry=entry.decode(), now=2**60).data
        assert letter.arms == found.setdefault(letter.proposal_id, letter.arms)
    return found
