"""Runs of the daily cycle, and what they said."""

import itertools

from events.codec import decode
from scheduler.cycle_run import DailyRun
from scheduler.run import OWNER
from schemas.allocation import arm_key
from store.cycles import Cycles
from store.outbox import Outbox

BASELINE, CANDIDATE = arm_key({"lever": 0.5}), arm_key({"lever": 0.6})


def run(ledger, session, **more):
    ticks = itertools.count()
    daily = DailyRun(
        ledger.store,
        ledger.registry,
        **{
            "stages": None,
            "clock": lambda: 1_700_000_000_000_000,
            "timer": lambda: float(next(ticks)),
            "pause": lambda seconds: None,
            "patience": 5.0,
            **more,
        },
    )
    return daily.run(session)


def letters(ledger):
    with ledger.store.read() as reading:
        waiting = Outbox(reading).waiting(OWNER, 1000)
    return [decode({b"event": one.body}, stream=one.stream, entry="1-1", now=2**60).data for one in waiting]


def mixed(candidate, baseline, each=5):
    """Rewards that vary around two means."""
    wobble = [(-1) ** number * 0.01 for number in range(each)]
    return [(CANDIDATE, candidate + w) for w in wobble] + [(BASELINE, baseline + w) for w in wobble]


def report(ledger, session):
    run(ledger, session)
    with ledger.store.read() as reading:
        return Cycles(reading).finished("test", "daily", session).completed.report
