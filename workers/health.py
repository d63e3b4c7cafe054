"""Watches every arrow of the picture, and says how it is."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
import structlog
from redis import Redis

from events.codec import encode
from events.connection import broker_errors, connect
from events.errors import BrokerRefused, BrokerUnreachable
from events.moments import microseconds
from events.publisher import Publisher
from schemas.catalogue import EVENTS
from schemas.client import ClientReported
from schemas.event import Envelope
from schemas.reports import HealthOverview, HealthReported, HealthState
from schemas.settings import Settings
from store.client_reports import ClientReports
from store.errors import StoreError
from store.health import HealthRows
from store.outbox import Outbox
from store.store import Store
from store.work import Work
from workers.checks.books import BooksCheck
from workers.checks.broker import PART as BROKER
from workers.checks.broker import Broker
from workers.checks.declared import declared
from workers.checks.groups import Groups
from workers.checks.heartbeats import Heartbeats
from workers.checks.letters import Letters
from workers.checks.outbox import Letterbox
from workers.checks.queues import Queues
from workers.checks.reading import Reading, Reason
from workers.checks.store import PART as STORE
from workers.checks.store import StoreCheck
from workers.checks.trading import Trading
from workers.last_word import KEY, at_broker, in_store
from workers.metrics import Metrics, MetricsNotServed, serve
from workers.side import Side
from workers.watch import Bulletin, Watch
from workers.worker import Refusal

log = structlog.get_logger()

NAME = "health"
REMEMBERED_SECONDS = 86_400
BROKER_SECONDS = 2.0
"""The broker has so long for an answer, and its last word is remembered there for so long."""

SHORTEN_EVERY_US = 600_000_000
DAY_US = 86_400_000_000


class Health:
    """Looks at everything, from two sides that do not wait for each other: the broker's and the store's.

    What is found goes into the history and, through the outbox, to ``health.reported``; while the store is away it is
    sent without it, and while the broker is away it is kept in the store. As a worker it takes in what trading
    processes say of themselves.

        health = Health(store, settings=settings, processes=read_procfile(path), clock=wall_clock, steady=steady_clock)
        health.start()
        Runtime(health, ...).run()
        health.stop()
    """

    name = NAME
    reads = (ClientReported.type,)

    def __init__(
        self,
        store: Store,
        *,
        settings: Settings,
        processes: Mapping[str, str],
        clock: Callable[[], int],
        steady: Callable[[], int],
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._redis = connect(settings.redis_url, timeout=BROKER_SECONDS)
        self._publisher = Publisher(self._redis, prefix=settings.prefix)
        self._watch = Watch(
            known=_standing(store, self._redis, settings=settings),
            away={BROKER: (BROKER, "the broker is away"), STORE: (STORE, "the store is away")},
            silent_us=round(settings.health_silent_seconds * 1_000_000),
            clock=clock,
            steady=steady,
        )
        found = declared(processes)
        self._heartbeats = Heartbeats(self._redis, expected=found.hearts, settings=settings, clock=steady)
        self._queues = Queues(self._redis, expected=found.queues, settings=settings, clock=steady)
        self._groups = Groups(
            self._redis,
            streams=list(EVENTS),
            ours=frozenset(found.hearts.values()),
            settings=settings,
            clock=clock,
        )
        self._broker = Broker(self._redis, streams=list(EVENTS), settings=settings, clock=steady)
        self._letters = Letters(many=settings.health_dead_letters)
        self._letterbox = Letterbox(limit=settings.health_outbox_seconds)
        self._books = BooksCheck()
        self._storage = StoreCheck(settings=settings)
        self._trading = Trading(settings=settings)
        self._commit_seconds: float | None = None
        self._commit_failed = ""
        self._shortened_at = 0
        self._close_metrics: Callable[[], None] | None = None
        self.sides = (
            Side(
                BROKER, self._watch, look=self._look_broker, tell=self._tell_broker, every=settings.health_every_seconds
            ),
            Side(STORE, self._watch, look=self._look_store, tell=self._tell_store, every=settings.health_every_seconds),
        )

    def start(self) -> None:
        """Begin to look and to serve the metrics."""
        if self._settings.metrics_address:
            self._watch.take("metrics", [self._serve(self._settings.metrics_address)])
        for side in self.sides:
            side.start()

    def stop(self) -> None:
        """Look no more."""
        for side in self.sides:
            side.stop()
        if self._close_metrics is not None:
            self._close_metrics()
        self._redis.close()

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Keep what trading processes say of themselves; the newest word of each."""
        reports = ClientReports(work.connection)
        for envelope in batch:
            reports.record(envelope, now=work.now)
        reports.forget()
        return ()

    def rest(self, settled_before: Callable[[], int]) -> None:
        """Nothing waits here."""

    def _serve(self, address: str) -> Reading:
        try:
            self._close_metrics = serve(Metrics(self._watch.shown, clock=self._clock), address)
        except MetricsNotServed as error:
            log.warning("metrics.not_served", error=str(error))
            return Reading("metrics", (Reason("not served", f"{error}, and restart health"),))
        log.info("metrics.served", address=address)
        return Reading("metrics")

    def _look_broker(self) -> list[Reading]:
        lookers = (self._broker, self._heartbeats, self._queues, self._groups)
        return [reading for looker in lookers for reading in looker.look()]

    def _tell_broker(self) -> None:
        """Leave the last word at its key, and send what cannot wait for the store."""
        body = msgspec.json.encode(self._watch.overview())
        with broker_errors(self._redis):
            self._redis.set(f"{self._settings.prefix}{KEY}", body, ex=REMEMBERED_SECONDS)
        if waiting := self._watch.unsent(store=STORE):
            self._publisher.publish([_envelope(one) for one in waiting])
            self._watch.sent(waiting)

    def _look_store(self) -> list[Reading]:
        now = self._clock()
        self._storage.ensure_there()
        with self._store.read() as reading:
            readings = [
                *self._storage.look(reading, commit_seconds=self._commit_seconds),
                *self._letters.look(reading, now=now),
                *self._letterbox.look(reading, now=now),
                *self._books.look(reading),
                *self._trading.look(reading, now=now),
            ]
        if self._commit_failed:
            away = Reason("away", f"the store takes no commit: {self._commit_failed}", HealthState.CRITICAL)
            readings[0] = readings[0]._replace(reasons=(away, *readings[0].reasons))
        return readings

    def _tell_store(self) -> None:
        """Write what changed, the letters of it, and the last word; how long that takes is looked at next time."""
        began = time.monotonic()
        try:
            waiting = self._watch.unrecorded()
            with self._store.begin() as work:
                self._write(work, waiting)
                work.commit()
        except StoreError as error:
            self._commit_failed = str(error)
            raise
        self._watch.recorded(waiting)
        self._commit_failed = ""
        self._commit_seconds = time.monotonic() - began

    def _write(self, work: Work, waiting: Sequence[Bulletin]) -> None:
        rows = HealthRows(work.connection)
        for one in waiting:
            rows.record(one.told.reported, since=one.told.since, now=one.told.at)
            if not one.sent:
                Outbox(work.connection).add(NAME, HealthReported.type, encode(_envelope(one)), now=work.now)
        rows.look(self._watch.overview())
        if work.now - self._shortened_at > SHORTEN_EVERY_US:
            rows.shorten(before=work.now - round(self._settings.health_keep_days * DAY_US))
            self._shortened_at = work.now


def _envelope(bulletin: Bulletin) -> Envelope:
    """Sent twice, by both ways, it bears the same name both times."""
    reported, at = bulletin.told.reported, bulletin.told.at
    identity = f"{socket.gethostname()[:60]}/{reported.part}/{reported.state.value}/{at}"
    return Envelope(source=NAME, id=identity, time=at, data=reported)


def _standing(store: Store, redis: Redis, *, settings: Settings) -> dict[str, tuple[HealthState, int]]:
    """How parts were before this process, and since when, as far as anybody still says."""
    found: list[HealthOverview | None] = []
    with suppress(StoreError):
        found.append(in_store(store, settings=settings))
    with suppress(BrokerUnreachable, BrokerRefused):
        found.append(at_broker(redis, prefix=settings.prefix))
    newest = max((one for one in found if one), key=lambda overview: overview.at, default=None)
    return {
        part.part: (part.state, microseconds(part.since)) for part in (newest.parts if newest else []) if part.since
    }
