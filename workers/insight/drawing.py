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
from store.occurrences import Occurrences
from store.outbox import Outbox
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


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws the insights of one strategy's sessions.

    Nothing dated after the cut is read, so the same session drawn later, or in a replay, says the same to the last bit.
    """

    store: Store
    registry: Registry
    intake: Intake

    def draw(self, run: InsightRun) -> None:
        """Draw the insights of a session, unless somebody has.

        Raises:
            StoreError: nothing was written.
        """
        self._catch_up(run)
        sample, values = self._read(run)
        drawn = self._drawn(run, sample, values)
        said = f"{len(drawn)} insights on {len(sample.outcomes)} alerts"
        with self.store.begin() as work:
            rows = [_row(run, one) for one in drawn]
            if not Insights(work.connection).finish(run, rows, said=said, now=work.now):
                return
            letters = [self._letter(run, one.published) for one in drawn]
            Outbox(work.connection).add_all(OWNER, InsightPublished.type, letters, now=work.now)
            work.commit()
        log.info("insights.drawn", strategy=run.strategy, session=run.session, cut=run.cut, said=said)

    def _catch_up(self, run: InsightRun) -> None:
        """Take in what the broker lost, or had before this worker was there."""
        since = first_day(run.session, self.registry.patterns.days)
        with self.store.read() as reading:
            found = unheard(reading, run.strategy, slots=self.intake.slots, since=since, cut=run.cut)
            rows = self.intake.rows(reading, found)
        if not rows:
            return
        with self.store.begin() as work:
            taken = Occurrences(work.connection).record(rows)
            work.commit()
        if taken:
            log.warning("occurrences.unheard", strategy=run.strategy, session=run.session, revisions=taken)

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
