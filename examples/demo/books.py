"""Reads back from the store what a run of the demo left there."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, func, select

from examples.demo.judge import Candidate
from examples.demo.outcome import Said, Standing, label
from learning.counted import Counted
from scheduler.belief import Belief, believe
from scheduler.comparison import Comparison, compare
from scheduler.mature import mature
from scheduler.windows import read_windows
from schemas.allocation import WHOLE
from schemas.cycles import DAILY, WEEKLY
from schemas.parameters import Registry
from schemas.version import Version
from store.audit import Audit, Moved
from store.books import counted
from store.cycles import Cycles
from store.insights import Insights
from store.proposals import Proposals
from store.regimes import regime_of
from store.sessions import Sessions
from store.statistics import statistics_at
from store.suggestions import Suggestions
from store.tables import alerts, decisions, instruments, outcomes, proposals
from store.versions import Versions

EVERYTHING = 1_000_000
SEARCHED = 100
"""Proposals among which the last of the daily cycle is looked for."""

LOOKS = 1_000
"""Looks of the optimiser among which the last one that proposed something is looked for."""

SHOWN_INSIGHTS = 5
"""Those that claim something first; how many more there are is said."""


class Books:
    """One strategy's books, through a reading connection."""

    def __init__(self, connection: Connection, registry: Registry) -> None:
        self._connection = connection
        self._registry = registry
        self._strategy = registry.strategy

    def versions(self) -> list[Version]:
        """Every version, the oldest first."""
        newest_first = Versions(self._connection).history(self._strategy, limit=EVERYTHING)
        return [row.version for row in reversed(newest_first)]

    def moves(self) -> list[Moved]:
        """Every value that moved, the oldest first."""
        return list(reversed(Audit(self._connection).history(self._strategy, limit=EVERYTHING)))

    def examples(self) -> dict[tuple[str, str, str], int]:
        """How many examples there are by (horizon, origin, state)."""
        found: Counter[tuple[str, str, str]] = Counter()
        for place, count in counted(self._connection, self._strategy).standing.items():
            found[place.horizon, place.origin, place.state] += count
        return dict(sorted(found.items()))

    def proposals(self) -> dict[tuple[str, str], int]:
        """How many proposals there are by (kind, state)."""
        key = (proposals.c.kind, proposals.c.state)
        grouped = select(*key, func.count()).where(proposals.c.strategy == self._strategy).group_by(*key).order_by(*key)
        return {(kind, state): count for kind, state, count in self._connection.execute(grouped)}

    def said(self) -> list[Said]:
        """What the daily and the weekly cycle, the optimiser and the patterns said last."""
        proposed = [row.proposal for row in Proposals(self._connection).history(self._strategy, limit=SEARCHED)]
        daily = [one for one in proposed if one.proposed_by == DAILY][:1]
        weekly = Cycles(self._connection).history(self._strategy, WEEKLY, limit=1)
        looks = Suggestions(self._connection).history(self._strategy, limit=LOOKS)
        looks = [*looks[:1], *[look for look in looks[1:] if look.proposal_id is not None][:1]]
        insights = [row.published for row in Insights(self._connection).latest(self._strategy)]
        insights.sort(key=lambda one: " Significant: " not in one.text)
        more = insights[SHOWN_INSIGHTS:]
        return [
            *(Said("daily cycle", one.session, one.reason) for one in daily),
            *(
                Said("weekly cycle", one.completed.session, line)
                for one in weekly
                for line in one.completed.report.splitlines()[1:]
            ),
            *(Said("optimiser", look.session, look.reason) for look in looks),
            *(Said("patterns", one.session or "", one.text) for one in insights[:SHOWN_INSIGHTS]),
            *(Said("patterns", one.session or "", f"... and {len(more)} more insights") for one in more[:1]),
        ]

    def candidates(self) -> list[Candidate]:
        """Every alert, with the features that the scanner told."""
        chosen = (
            select(alerts.c.session, instruments.c.symbol, alerts.c.body)
            .join(instruments, instruments.c.id == alerts.c.instrument)
            .where(alerts.c.strategy == self._strategy)
            .order_by(alerts.c.session, instruments.c.symbol)
        )
        rows = self._connection.execute(chosen)
        return [Candidate(session, symbol, msgspec.json.decode(body)["features"]) for session, symbol, body in rows]

    def traded(self) -> dict[str, float]:
        """What the decisions of each session earned in the end, as fractions of equity."""
        earned = func.sum(outcomes.c.net * decisions.c.size)
        same = (outcomes.c.decision_id == decisions.c.decision_id) & (outcomes.c.strategy == decisions.c.strategy)
        chosen = select(decisions.c.session, earned).join(outcomes, same).where(decisions.c.strategy == self._strategy)
        return {session: float(pnl) for session, pnl in self._connection.execute(chosen.group_by(decisions.c.session))}

    def alerts_after(self, version: str) -> int:
        """How many alerts carry a version that is not ``version``, the first one."""
        chosen = select(func.count()).where(alerts.c.strategy == self._strategy, alerts.c.params_version != version)
        return int(self._connection.execute(chosen).scalar_one())

    def standings(self) -> list[Standing]:
        """Where each arm stands after the last cycle, by the cycle's own comparison."""
        last = Sessions(self._connection).latest(self._strategy)
        version = Versions(self._connection).latest(self._strategy)
        if last is None or version is None:
            return []
        cohorts = statistics_at(self._connection, strategy=self._strategy, cut=last.cut)
        windows = read_windows(
            self._connection, self._registry, version, cohorts=cohorts, session=last.session, cut=last.cut
        )
        matured, _ = mature(self._registry, last.session, version, cohorts, last.pending)
        compared, _ = compare(self._registry, last.session, version, cohorts, matured, windows)
        regime = regime_of(self._connection, self._registry, session=last.session, cut=last.cut)
        beliefs, _ = believe(self._registry, last.session, version, matured, regime)
        return [
            standing
            for comparison in compared
            for standing in _standings(comparison, beliefs[comparison.allocation.id], version)
        ]


def values_in_force(versions: Sequence[Version], sessions: Sequence[str]) -> dict[str, Mapping[str, float]]:
    """The baseline values that were in force when each session began."""
    found: dict[str, Mapping[str, float]] = {}
    for session in sessions:
        before = [version for version in versions if version.session < session]
        found[session] = {
            name: float(value) for name, value in before[-1].values.items() if isinstance(value, int | float)
        }
    return found


def _standings(comparison: Comparison, belief: Belief, version: Version) -> list[Standing]:
    made = []
    arms = {arm.key: arm for arm in comparison.allocation.arms}
    mean, covariance = belief.now
    for place, key in enumerate(comparison.arms):
        figures = comparison.evidence[key]
        made.append(
            Standing(
                arm=label(arms[key], version.values),
                counted=Counted(figures.units, figures.n_effective, figures.uniqueness),
                control=Counted(figures.baseline_units, figures.baseline_effective, figures.baseline_uniqueness),
                met=figures.sessions,
                mean=float(mean[place]),
                sd=float(covariance[place, place]) ** 0.5,
                low=figures.low,
                high=figures.high,
                best=float(belief.best[place]),
                share=arms[key].share / WHOLE,
            )
        )
    return made
