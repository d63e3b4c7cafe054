"""One replay, from files to settled sessions."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.calendar import Calendar
from schemas.parameters import Registry
from schemas.settings import Settings
from store.replays import Replays, Standing
from store.store import Store
from workers.garbage import collect
from workers.replay.batches import batches
from workers.replay.events import Events, Replayed
from workers.replay.intake import Intake
from workers.replay.patience import Company, patiently
from workers.replay.session_ends import SessionEnds
from workers.replay.sorting import Sorter
from workers.replay.sources import Source, Sources, Watcher, digest
from workers.worker import Worker

OnSettled = Callable[[str, str], object]
"""Called with strategy and session after the commit that settled it."""

LOOK_EVERY = 1_000
"""After so many rows it is asked whether to stop."""


class Options(NamedTuple):
    """What a replay does beside taking in: only one strategy's events; close sessions; forget how far it was."""

    strategy: str | None = None
    close_sessions: bool = False
    from_start: bool = False


class Ended(NamedTuple):
    """How a replay ended.

    ``standing`` is that of all processes that ever worked at it; where it is not finished, it goes on from there when
    it is started again. ``before``: it was finished already, and nothing was done. The rest is of this run: the events
    taken in, those passed over because the books know no such type, or the option no such strategy; the sessions
    that settled, by strategy and date; the reasons of refusals.
    """

    standing: Standing
    before: bool = False
    taken: int = 0
    passed_over: int = 0
    settled: Sequence[tuple[str, str]] = ()
    reasons: Counter[str] = Counter()


class Replay:
    """Takes the events of files in, through the worker that streams would bring them to; ``worker`` makes it.

    The files are read and sorted first, whatever their size; then they are taken in, batch after batch, and each
    session settles where it ends. Killed anywhere, it goes on behind the last batch; all of it again changes
    nothing, because events are known by their names.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        options: Options,
        *,
        worker: Callable[[OnSettled], Worker],
        store: Store,
        registries: Mapping[str, Registry],
        settings: Settings,
        company: Company,
    ) -> None:
        self._sources = sources
        self._options = options
        self._settled: list[tuple[str, str]] = []
        self._worker = worker(lambda strategy, session: self._settled.append((strategy, session)))
        self._store = store
        self._registries = registries
        self._settings = settings
        self._company = company
        self._digest = ""

    def run(self, watcher: Watcher) -> Ended:
        """Take in what is not taken in yet, until the end or until somebody asks to stop.

        Raises:
            UnreadableFile, InvalidMap, NoRoom: nothing was taken in.
            StoreError: the store is gone; what was taken in before stays.
        """
        options = [self._options.strategy or "", str(self._options.close_sessions)]
        self._digest = digest(self._sources, options)
        patiently(self._begin, self._company)
        standing = self._standing()
        if standing.finished_at is not None:
            return Ended(standing, before=True)
        with Sorter() as sorter:
            if not self._read(sorter, watcher):
                return Ended(standing)
            intake = self._taken_in(sorter, watcher)
        return Ended(
            self._standing(),
            taken=intake.taken,
            passed_over=intake.passed_over,
            settled=self._settled,
            reasons=intake.reasons,
        )

    def _begin(self) -> None:
        with self._store.begin() as work:
            replays = Replays(work.connection)
            replays.begin(self._digest, name=", ".join(self._names)[:1_000], now=work.now)
            if self._options.from_start:
                replays.restart(self._digest, now=work.now)
            work.commit()

    def _finish(self) -> None:
        with self._store.begin() as work:
            Replays(work.connection).finish(self._digest, now=work.now)
            work.commit()

    def _read(self, sorter: Sorter, watcher: Watcher) -> bool:
        """Read and sort everything; False where somebody asked to stop."""
        sources = Sources(self._sources, calendars=self._calendars, max_bytes=self._settings.max_event_bytes)
        for record in sources.records(watcher):
            sorter.add(record)
            if len(sorter) % LOOK_EVERY == 0 and self._company.stopped():
                return False
        return True

    def _taken_in(self, sorter: Sorter, watcher: Watcher) -> Intake:
        intake = self._intake()
        for batch in batches(self._events(sorter)):
            if self._company.stopped():
                return intake
            intake.take(batch)
            collect()
            watcher.taking(
                batch.reached, max(batch.reached, len(sorter)), refused=intake.refused, settled=len(self._settled)
            )
        patiently(self._finish, self._company)
        return intake

    def _events(self, sorter: Sorter) -> Iterator[Replayed]:
        now = self._company.clock()
        events = Events(
            reads=self._worker.reads,
            strategy=self._options.strategy,
            now=now,
            max_bytes=self._settings.max_event_bytes,
            future_tolerance_us=round(self._settings.future_tolerance_seconds * 1_000_000),
        ).of(sorter.sorted())
        return SessionEnds(self._registries, now=now).after(events) if self._options.close_sessions else events

    def _intake(self) -> Intake:
        return Intake(
            self._worker,
            store=self._store,
            settled=self._settled,
            digest=self._digest,
            names=self._names,
            company=self._company,
        )

    def _standing(self) -> Standing:
        with self._store.read() as reading:
            standing = Replays(reading).get(self._digest)
        assert standing is not None
        return standing

    @property
    def _names(self) -> list[str]:
        return [source.path.name for source in self._sources]

    @property
    def _calendars(self) -> dict[str, Calendar]:
        return {name: Calendar.named(registry.market.calendar) for name, registry in self._registries.items()}
