"""Keeps how patterns have done, and draws the insights of each session."""

from collections.abc import Callable, Mapping, Sequence

from events.entry import EntryId
from schemas.attributed import OutcomeAttributed
from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.reports import CycleCompleted
from store.insights import InsightRun, Insights
from store.occurrences import OccurrenceRow, Occurrences
from store.store import Store
from store.work import Work
from workers.insight.intake import Intake, followed
from workers.worker import Refusal

DAILY = "daily"
"""The cycle after which insights are drawn."""

LOOK_EVERY_US = 5_000_000
"""How often it is asked, in microseconds, whether a session waits for insights that somebody else heard of."""


class Patterns:
    """Takes in what followed each alert, and after the daily cycle of a session says what there is to see.

    Every revision of an example counts once and the highest one stands, so neither the order of events nor batches,
    repeats or revisions change what is kept. Insights of a session are drawn when everything that was sent before its
    cycle was told has been taken in, from what stood at the cycle's cut.
    """

    name = "patterns"
    reads = (OutcomeAttributed.type, CycleCompleted.type)

    def __init__(self, store: Store, *, registries: Mapping[str, Registry], clock: Callable[[], int]) -> None:
        self._store = store
        self._registries = registries
        self._intakes = {strategy: Intake(registry) for strategy, registry in registries.items()}
        self._clock = clock
        self._look_at = 0

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Take revisions in that are new, and note the sessions whose daily cycle is done."""
        events = [envelope.data for envelope in batch]
        rows: list[OccurrenceRow] = []
        for strategy, intake in self._intakes.items():
            mine = [one for one in events if isinstance(one, OutcomeAttributed) and one.strategy == strategy]
            rows += intake.rows(work.connection, map(followed, mine))
        Occurrences(work.connection).record(rows)
        runs = [_run(envelope) for envelope in batch if self._is_daily(envelope.data)]
        Insights(work.connection).ask(runs)
        if runs:
            self._look_at = 0
        return ()

    def rest(self, settled_before: Callable[[], int]) -> None:
        """Draw the insights of the oldest session that waits and has everything it needs: one a turn, or of many lost
        revisions a portion a turn before."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_US
        with self._store.read() as reading:
            waiting = [run for run in Insights(reading).open_runs() if run.strategy in self._intakes]
        if not waiting:
            return
        from workers.insight.drawing import Drawing  # noqa: PLC0415 - scipy's statistics take 50 MB and a second

        settled = settled_before()
        ready = [run for run in waiting if run.told < settled]
        done = [
            run
            for run in ready[:1]
            if Drawing(self._store, self._registries[run.strategy], self._intakes[run.strategy]).draw(run)
        ]
        if waiting != done:
            self._look_at = 0

    def _is_daily(self, event: object) -> bool:
        return isinstance(event, CycleCompleted) and event.kind == DAILY and event.strategy in self._intakes


def _run(envelope: Envelope) -> InsightRun:
    completed: CycleCompleted = envelope.data
    told = EntryId.parse(envelope.entry.rpartition("/")[2]).ms
    return InsightRun(strategy=completed.strategy, session=completed.session, cut=completed.cut, told=told)
