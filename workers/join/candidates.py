"""Whose an outcome without a name may be."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from schemas.calendar import NoSession
from store.candidates import Stretch, alerts_within, purchases_within
from store.facts import AlertRow, DecisionRow, Facts
from workers.join.cases import BUY, Case, of_alert, of_decision
from workers.join.names import most_exact, names_of, told_horizons
from workers.join.positions import closings
from workers.join.rules import CLOSE, Rules

WEEK_US = 7 * 86_400 * 1_000_000
"""Moments of one week are looked up together."""


class Moment(NamedTuple):
    """When something happened to an instrument, in microseconds."""

    instrument: int
    time: int


Times = Mapping[int, Sequence[int]]
"""Moments by instrument, rising."""


class Candidates:
    """The purchases, and the alerts that no purchase followed, of one strategy.

    ``within``: how many microseconds they may lie before an entry.
    """

    def __init__(self, connection: Connection, rules: Rules, *, within: int) -> None:
        self._connection = connection
        self._within = within
        self._facts = Facts(connection, rules.registry.strategy)
        self._calendars = [rules.calendar, *(rules.calendar_of(venue) for venue in rules.market.venues)]

    def before(self, entries: Iterable[Moment]) -> list[Case]:
        """Those at one of the entries, or shortly before."""
        alerts: dict[str, AlertRow] = {}
        decisions: dict[str, DecisionRow] = {}
        for times in by_week(entries):
            stretch = self._stretch(times)
            if stretch is None:
                continue
            for alert in alerts_within(self._connection, times, stretch=stretch):
                if any_between(times[alert.instrument], alert.time, alert.time + self._within):
                    alerts[alert.alert_id] = alert
            for decision in purchases_within(self._connection, times, stretch=stretch):
                if any_between(times[decision.instrument], decision.time, decision.time + self._within):
                    decisions[decision.decision_id] = decision
        followed = {row.alert_id for row in self._facts.decisions(alerts=alerts) if row.action == BUY}
        left = [of_alert(row) for row in alerts.values() if row.alert_id not in followed]
        return [*self._bought(decisions.values()), *left]

    def spoken_for(self, cases: Sequence[Case]) -> set[tuple[str, str]]:
        """(``Case.key``, horizon) wherever something is reported of a case by a name, or by its fills."""
        owners: dict[tuple[str, str], list[Case]] = defaultdict(list)
        named: dict[str, set[str]] = defaultdict(set)
        for case in cases:
            for sort, name in names_of(case):
                owners[sort, name].append(case)
                named[sort].add(name)
        rows = self._facts.outcomes(decisions=named["decision"], positions=named["position"], alerts=named["alert"])
        found = {
            (case.key, horizon)
            for row in rows
            for case in owners[most_exact(row._asdict())]
            for horizon in told_horizons(row.body, horizon=row.horizon)
        }
        bought = {case.id: case for case in cases if case.bought}
        named_positions = {case.id: case.position_id for case in bought.values()}
        closed = closings(self._connection, self._facts.strategy, named_positions)
        return found | {(bought[decision_id].key, CLOSE.horizon) for decision_id in closed}

    def _bought(self, rows: Iterable[DecisionRow]) -> Iterator[Case]:
        decisions = list(rows)
        positions = {row.decision_id: {row.position_id} if row.position_id else set() for row in decisions}
        for decision_id, position_id in self._facts.filled(decisions=positions):
            positions[decision_id].add(position_id)
        untold = {row.alert_id for row in decisions if row.alert_id and not row.direction}
        about = {alert.alert_id: alert for alert in self._facts.alerts(ids=untold)}
        for row in decisions:
            alert = about.get(row.alert_id or "")
            yield of_decision(row, alert, positions=tuple(sorted(positions[row.decision_id])))

    def _stretch(self, times: Times) -> Stretch | None:
        """Where to look for candidates before these entries; None where no calendar reaches so far."""
        since, until = ends(times)
        firsts, lasts = [], []
        for calendar in self._calendars:
            try:
                firsts.append(calendar.first_open_at_or_after(since - self._within))
                lasts.append(calendar.first_open_at_or_after(until))
            except NoSession:
                continue
        return Stretch(since - self._within, until, min(firsts), max(lasts)) if lasts else None


def by_week(moments: Iterable[Moment]) -> Iterator[Times]:
    """The moments, those of one week together."""
    weeks: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for moment in sorted(set(moments)):
        weeks[moment.time // WEEK_US][moment.instrument].append(moment.time)
    yield from (weeks[week] for week in sorted(weeks))


def ends(times: Times) -> tuple[int, int]:
    """The first and the last of the moments."""
    return min(mine[0] for mine in times.values()), max(mine[-1] for mine in times.values())


def any_between(times: Sequence[int], since: int, until: int) -> bool:
    """Whether one of the rising ``times`` lies from ``since`` to ``until``."""
    place = bisect_left(times, since)
    return place < len(times) and times[place] <= until
