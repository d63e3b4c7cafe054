"""The insights that were drawn, and the sessions that wait for theirs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from schemas.reports import InsightPublished
from store.dialects import insert_new
from store.rows import columns
from store.tables import insight_runs, insights


class InsightRun(NamedTuple):
    """A session whose insights are to be drawn from what stood at ``cut``; ``told``: the broker's millisecond at which
    its cycle was told."""

    strategy: str
    session: str
    cut: int
    told: int


class InsightRow(NamedTuple):
    """One insight. ``body`` is the JSON of its InsightPublished, ``figures`` of all the numbers that it stands on."""

    id: str
    strategy: str
    session: str
    kind: str
    subject: str
    cut: int
    body: str
    figures: str

    @property
    def published(self) -> InsightPublished:
        """What was sent."""
        return msgspec.json.decode(self.body, type=InsightPublished)


class Insights:
    """Insights by session, within a transaction. Written once, never changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, runs: Sequence[InsightRun]) -> None:
        """These sessions wait for insights; one that was asked for before keeps what it was asked with."""
        insert_new(self._connection, insight_runs, [{**run._asdict(), "said": None} for run in runs])

    def open_runs(self) -> list[InsightRun]:
        """The sessions that wait, the oldest first."""
        chosen = select(*columns(insight_runs, InsightRun)).where(insight_runs.c.said.is_(None))
        return [InsightRun._make(row) for row in self._connection.execute(chosen.order_by(insight_runs.c.session))]

    def finish(self, run: InsightRun, rows: Sequence[InsightRow], *, said: str, now: int) -> bool:
        """Write the insights of a session, and say whether nobody had done so before: else nothing is written."""
        named = (insight_runs.c.strategy == run.strategy, insight_runs.c.session == run.session)
        waiting = update(insight_runs).where(*named, insight_runs.c.said.is_(None)).values(said=said)
        if self._connection.execute(waiting).rowcount == 0:
            return False
        values: list[dict[str, Any]] = [{**row._asdict(), "recorded_at": now} for row in rows]
        insert_new(self._connection, insights, values)
        return True

    def latest(self, strategy: str) -> list[InsightRow]:
        """The insights of the newest session that has any, in the order of their kinds and subjects."""
        mine = insights.c.strategy == strategy
        newest = select(insights.c.session).where(mine).order_by(insights.c.session.desc()).limit(1)
        return self.of(strategy, self._connection.execute(newest).scalar() or "")

    def of(self, strategy: str, session: str) -> list[InsightRow]:
        """The insights of one session."""
        chosen = select(*columns(insights, InsightRow)).where(
            insights.c.strategy == strategy, insights.c.session == session
        )
        rows = self._connection.execute(chosen.order_by(insights.c.kind, insights.c.subject))
        return [InsightRow._make(row) for row in rows]
