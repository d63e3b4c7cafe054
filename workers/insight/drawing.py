"""One session's insights: read up to its cut, measured, worded and written, once."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import structlog

from events.codec import encode
from schemas.allocation import Value
from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.reports import InsightPublished
from schemas.version import VersionNumber
from store.insights import InsightRow, InsightRun, Insights
from store.occurrences import OccurrenceRow, Occurrences
from store.outbox import Outbox
from store.portions import portions
from store.sessions import Sessions
from store.store import Store
from store.unheard import unheard
from store.versions import Versions
from workers.insight.findings import find
from workers.insight.intake import Intake, place_of
from workers.insight.sample import Sample, first_day, read_sample
from workers.insight.weights import suggested_weights
from workers.insight.wording import Insight, Wording

log = structlog.get_logger()

OWNER = "patterns"
"""Who the letters belong to in the outbox."""

PORTION = 2_000
"""So many revisions that were not heard of are taken in at once; then others may write, and the stream is read."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws the insights of one strategy's sessions.

    Nothing dated after the cut is read, so the same session drawn later, or in a replay, says the same to the last bit;
    but for a revision that never came from the broker and was replaced after the cut: the store no longer has it.
    """

    store: Store
    registry: Registry
    intake: Intake

    def draw(self, run: InsightRun) -> bool:
        """Draw the insights of a session, unless somebody has; False where there is more to take in before.

        Raises:
            StoreError: nothing was written.
        """
        if not self._catch_up(run):
            return False
        sample, values = self._read(run)
        drawn = self._drawn(run, sample, values)
        said = f"{len(drawn)} insights on {len(sample.outcomes)} alerts"
        with self.store.begin() as work:
            rows = [_row(run, one) for one in drawn]
            if not Insights(work.connection).finish(run, rows, said=said, now=work.now):
                return True
            letters = [self._letter(run, one.published) for one in drawn]
            Outbox(work.connection).add_all(OWNER, InsightPublished.type, letters, now=work.now)
            work.commit()
        log.info("insights.drawn", strategy=run.strategy, session=run.session, cut=run.cut, said=said)
        return True

    def _catch_up(self, run: InsightRun) -> bool:
        """Take in a portion of what the broker lost, or had before this worker was there; whether that was all."""
        rows = self._unheard(run)
        if not rows:
            return True
        with self.store.begin() as work:
            taken = Occurrences(work.connection).record(rows)
            work.commit()
        if taken:
            log.warning("occurrences.unheard", strategy=run.strategy, session=run.session, revisions=taken)
        return len(rows) < PORTION

    def _unheard(self, run: InsightRun) -> list[OccurrenceRow]:
        """A portion of what is to be taken in; less only where there is no more."""
        since = first_day(run.session, self.registry.patterns.days)
        rows: list[OccurrenceRow] = []
        with self.store.read() as reading:
            found = unheard(reading, run.strategy, slots=self.intake.slots, since=since, cut=run.cut)
            for portion in portions(found):
                rows += self.intake.rows(reading, portion)
                if len(rows) >= PORTION:
                    break
        return rows

    def _read(self, run: InsightRun) -> tuple[Sample, Mapping[str, Value]]:
        """The sample, and the values that were in force when the session settled."""
        with self.store.read() as reading:
            sample = read_sample(reading, self.intake, run, days=self.registry.patterns.days)
            settled = Sessions(reading).get(run.strategy, run.session)
            if settled is None or settled.version is None:
                return sample, {}
            version = Versions(reading).get(run.strategy, VersionNumber.parse(settled.version))
        return sample, version.values if version else {}

    def _drawn(self, run: InsightRun, sample: Sample, values: Mapping[str, Value]) -> list[Insight]:
        seed = place_of(self.intake.calendar, run.session)
        weights = list(suggested_weights(sample, self.registry, values, seed=seed))
        findings = find(sample, self.registry.patterns)
        return Wording(run, self.registry, findings).insights(weights)

    def _letter(self, run: InsightRun, published: InsightPublished) -> bytes:
        """Dated at the close of the session; at the last one before a date that is no session of a new calendar."""
        calendar = self.intake.calendar
        time = int(calendar.closes[bisect_right(calendar.sessions, run.session) - 1])
        return encode(Envelope(source=OWNER, id=published.insight_id, time=time, data=published))


def _row(run: InsightRun, insight: Insight) -> InsightRow:
    return InsightRow(
        id=insight.published.insight_id,
        strategy=run.strategy,
        session=run.session,
        kind=insight.kind,
        subject=insight.published.subject,
        cut=run.cut,
        body=msgspec.json.encode(insight.published).decode(),
        figures=msgspec.json.encode(insight.figures).decode(),
    )
