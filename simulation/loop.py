"""The whole loop in one process: real codec, store, learner, cycle and gate, without broker and prices."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from events.codec import decode, encode
from learning.rewards import quantise
from scheduler.cycle_run import DailyRun
from scheduler.run import OWNER
from schemas.allocation import Purpose, unit_of
from schemas.attributed import Contribution, ExampleState, Origin, OutcomeAttributed, Subject
from schemas.calendar import Calendar
from schemas.event import Envelope
from schemas.parameters import LearningRules, Market, Parameter, Registry, Trial
from schemas.settings import Mode
from schemas.version import Version
from simulation.world import Cohort, World
from store.mailbag import Mailbag
from store.sessions import Sessions
from store.store import Store
from store.tables import alerts, instruments
from store.tallies import Tallies, told
from store.versions import Versions
from workers.deployment import Deployment
from workers.thompson import Thompson

LEVER = "lever"
BASELINE, CANDIDATE = 0.5, 0.6
REWARD = "alert_return:1d"
FIRST = "2024-01-02"
"""The parameter, its value in force and the one that is tried, what judges it, and the first session."""


class Ended(NamedTuple):
    """How one world ended: in which session the baseline was replaced (counted from 1), or None."""

    seed: int
    replaced: int | None
    versions: int


def live_through(world: World) -> Ended:
    """Run the loop through ``world`` until the baseline is replaced or the sessions are over."""
    return _Loop(world).run()


def registry_for(world: World) -> Registry:
    """One parameter and one experiment whose candidate gets the world's share of the units."""
    lever = Parameter(
        name=LEVER,
        default=BASELINE,
        min=0.0,
        max=1.0,
        category="threshold",
        affects="everything",
        description="What is tried.",
        max_change=0.2,
        reward=REWARD,
    )
    trial = Trial(
        id=LEVER, layer=LEVER, purpose=Purpose.EXPERIMENT, share=world.share, offsets=[{LEVER: CANDIDATE - BASELINE}]
    )
    return Registry(
        strategy="simulated",
        market=Market(horizons=["1d"], primary_horizon="1d"),
        learning=LearningRules(winsorise=1.0),
        parameters={LEVER: lever},
        trials=[trial],
    )


class _Loop:
    """One world's store and parts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._registry = registry_for(world)
        self._calendar = Calendar.named(self._registry.market.calendar)
        self._now = self._calendar.close_of(FIRST)
        self._store = Store.open("sqlite://", clock=lambda: self._now)
        self._store.migrate()
        self._thompson = Thompson(mend=lambda _: None)
        self._deployment = Deployment(registries={"simulated": self._registry}, mode=Mode.ACT, mend=lambda: None)
        self._daily = DailyRun(
            self._store,
            self._registry,
            stages=None,
            clock=lambda: self._now,
            timer=time.monotonic,
            pause=time.sleep,
        )

    def run(self) -> Ended:
        with self._store.begin() as work:
            self._deployment.open(work)
            work.insert(
                instruments,
                [
                    {"id": 1 + place, "strategy": "simulated", "venue": "", "symbol": f"U{place}"}
                    for place in range(self._world.units)
                ],
            )
            work.commit()
        for cohort in self._world.cohorts():
            session = self._calendar.shift(FIRST, cohort.number)
            self._now = self._calendar.close_of(session)
            version = self._version()
            if version.values[LEVER] != BASELINE:
                return Ended(self._world.seed, cohort.number, version.number)
            self._attribute(version, cohort, session)
            self._daily.run(session)
            self._decide()
        version = self._version()
        replaced = self._world.sessions if version.values[LEVER] != BASELINE else None
        return Ended(self._world.seed, replaced, version.number)

    def _version(self) -> Version:
        with self._store.read() as reading:
            version = Versions(reading).latest("simulated")
        assert version is not None
        return version

    def _attribute(self, version: Version, cohort: Cohort, session: str) -> None:
        """Do what the join would do, and let thompson learn from it; then settle the session."""
        places = range(len(cohort.noise))
        with self._store.begin() as work:
            first = work.take(len(places))
            work.insert(
                alerts,
                [_alert(version, session, place=place, sequence=first + place, time=self._now) for place in places],
            )
            first = work.take(len(places))
            attributed = [
                self._attributed(version, cohort, session, place=place, sequence=first + place) for place in places
            ]
            Tallies(work.connection).add(told("simulated"), len(attributed))
            self._thompson.handle(work, self._travel([(one.example_id, one) for one in attributed]))
            Sessions(work.connection).add("simulated", session, cut=work.take(1), pending={}, now=work.now)
            work.commit()

    def _attributed(
        self, version: Version, cohort: Cohort, session: str, *, place: int, sequence: int
    ) -> OutcomeAttributed:
        unit = _unit(place, session)
        [(allocation, arm)] = version.assigned(unit).items()
        effect = self._world.effect if arm.values[LEVER] == CANDIDATE else 0.0
        reward = quantise(cohort.reward(place, effect=effect), bound=self._registry.learning.winsorise)
        contribution = Contribution(
            allocation=allocation,
            arm=arm.key,
            regime="all",
            reward=REWARD,
            session=session,
            version=str(version.id),
            propensity=arm.share,
            n=reward.n,
            total=reward.total,
            squares=reward.squares,
        )
        return OutcomeAttributed(
            strategy="simulated",
            example_id=f"simulated/{unit}",
            revision=1,
            sequence=sequence,
            subject=Subject.ALERT,
            subject_id=unit,
            symbol=f"U{place}",
            unit=unit,
            session=session,
            horizon="1d",
            origin=Origin.PRICES,
            state=ExampleState.MATCHED,
            contributions=[contribution],
        )

    def _decide(self) -> None:
        """Carry what the cycle proposed to the gate, as the relay and the streams would."""
        mailbag = Mailbag(self._store, OWNER)
        letters = mailbag.waiting(100)
        delivered = [
            decode({b"event": letter.body}, stream=letter.stream, entry=f"{letter.id}-0", now=self._now)
            for letter in letters
            if letter.stream in self._deployment.reads
        ]
        mailbag.sent([letter.id for letter in letters])
        with self._store.begin() as work:
            refusals = self._deployment.handle(work, delivered)
            assert not refusals, refusals
            work.commit()

    def _travel(self, events: Sequence[tuple[str, OutcomeAttributed]]) -> list[Envelope]:
        """Through the codec and back."""
        envelopes = [Envelope(source="simulation", id=name, time=self._now, data=data) for name, data in events]
        return [decode({b"event": encode(one)}, stream=one.data.type, entry="0-1", now=self._now) for one in envelopes]


def _alert(version: Version, session: str, *, place: int, sequence: int, time: int) -> dict[str, object]:
    return {
        "sequence": sequence,
        "source": "simulation",
        "event_id": f"alert/{sequence}",
        "strategy": "simulated",
        "time": time,
        "recorded_at": time,
        "body": "{}",
        "alert_id": f"{sequence}",
        "instrument": 1 + place,
        "unit": _unit(place, session),
        "session": session,
        "entry_session": session,
        "score": 0.5,
        "direction": "long",
        "params_version": str(version.id),
    }


def _unit(place: int, session: str) -> str:
    return unit_of(f"U{place}", session)
