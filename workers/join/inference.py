"""Outcomes that bear no id, joined by the rule that the registry declares, if it declares one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from schemas.vocabulary import Direction
from store.facts import Facts, OutcomeRow
from store.outcomes import Nameless, Outcomes
from store.tallies import Tallies, reported
from workers.join.candidates import Candidates, Moment, any_between, by_week, ends
from workers.join.cases import Case
from workers.join.names import most_exact, told_horizons
from workers.join.rules import Rules
from workers.join.waiting import INFERRED, WAITING

MINUTE_US = 60_000_000

Row = Mapping[str, Any]


class Inference:
    """Joins outcomes that name nothing but a symbol, a direction and when the position was entered.

    The candidates of one are the decisions that bought that instrument in that direction at most
    ``infer_within_minutes`` before the entry, and the alerts of then that no purchase followed. A candidate of which
    something is reported anyway at that horizon, by a name or by its fills, is none. Where exactly one is left, the
    outcome is its own; unless outcomes of different entries would be its own at the same horizon: then none is.

    All of that is a function of the stored facts. Without a declared rule nothing here asks the store for anything,
    and without outcomes of that kind for one row.
    """

    def __init__(self, connection: Connection, rules: Rules) -> None:
        minutes = rules.market.infer_within_minutes
        self._within = (minutes or 0) * MINUTE_US
        self._needless = None if minutes else True
        self._connection = connection
        self._strategy = rules.registry.strategy
        self._facts = Facts(connection, self._strategy)
        self._outcomes = Outcomes(connection, self._strategy)
        self._candidates = Candidates(connection, rules, within=self._within)

    def outcomes_for(self, cases: Iterable[Case]) -> dict[str, list[OutcomeRow]]:
        """The outcomes that the rule joins to these cases, by ``Case.key``."""
        if self._idle():
            return {}
        asked = {case.key: Moment(case.instrument, case.time) for case in cases}
        found: dict[str, list[OutcomeRow]] = defaultdict(list)
        for outcome, owner in self._owners(asked.values()).items():
            if owner is not None and owner.key in asked:
                found[owner.key].append(outcome.row)
        return dict(found)

    def candidates(self, instrument: int, entry_time: int) -> dict[str, list[Case]]:
        """Whose the outcomes may be, by their ids, that were entered at a moment or shortly after."""
        outcomes = self._nameless([Moment(instrument, entry_time)])
        return {outcome.row.outcome_id: free for outcome, free in self._free(outcomes)}

    def mark(self, units: Iterable[str]) -> None:
        """Note on every outcome that may be of these units whether the rule joins it now."""
        if self._idle():
            return
        inside = set(units)
        moments = [Moment(row.instrument, row.time) for row in self._facts.alerts(units=inside)]
        moments += [Moment(row.instrument, row.time) for row in self._facts.decisions(units=inside)]
        joined, parted = [], []
        for outcome, owner in self._owners(moments).items():
            if owner is None and outcome.joined:
                parted.append(outcome.sequence)
            if owner is not None and owner.unit in inside and not outcome.joined:
                joined.append(outcome.sequence)
        self._outcomes.mark(joined, joined=True)
        self._outcomes.mark(parted, joined=False)
        more = len(joined) - len(parted)
        moved = {reported(self._strategy, INFERRED): more, reported(self._strategy, WAITING): -more}
        Tallies(self._connection).move(moved)

    def units_of_outcomes(self, rows: Iterable[Row]) -> set[str]:
        """The units to measure again for new outcomes: all that may have those without a name; and where one with a
        name ends a candidacy, all that may have what the candidate might have had."""
        given = list(rows)
        nameless = [row for row in given if row["instrument"] is not None]
        if nameless and self._within:
            self._needless = False
        if self._idle():
            return set()
        entries = [Moment(row["instrument"], row["entry_time"]) for row in nameless]
        near = self.units_near(self._about([row for row in given if row["instrument"] is None]))
        return {case.unit for case in self._candidates.before(entries)} | near

    def units_near(self, rows: Iterable[Row]) -> set[str]:
        """The units to measure again because candidates came, ceased to be some, or are some again.

        ``rows`` are alerts and decisions: new ones, and those whose fills or reports have changed.
        """
        if self._idle():
            return set()
        given = list(rows)
        followed = self._facts.alerts(ids={row["alert_id"] for row in given if row["alert_id"]})
        moments = [Moment(row["instrument"], row["time"]) for row in given]
        moments += [Moment(alert.instrument, alert.time) for alert in followed]
        entries = [Moment(outcome.instrument, outcome.entry_time) for outcome in self._nameless(moments)]
        return {case.unit for case in self._candidates.before(entries)} | {alert.unit for alert in followed if entries}

    def _idle(self) -> bool:
        if self._needless is None:
            self._needless = not self._outcomes.any_nameless()
        return self._needless

    def _about(self, rows: Sequence[Row]) -> list[Row]:
        """The alerts and decisions that outcomes with names may be about."""
        names: dict[str, set[str]] = defaultdict(set)
        for sort, name in map(most_exact, rows):
            names[sort].add(name)
        filled = {decision_id for decision_id, _ in self._facts.filled(positions=names["position"])}
        decisions = self._facts.decisions(
            ids=names["decision"] | filled, alerts=names["alert"], positions=names["position"]
        )
        alerts = self._facts.alerts(ids=names["alert"])
        return [*(row._asdict() for row in decisions), *(row._asdict() for row in alerts)]

    def _nameless(self, moments: Iterable[Moment]) -> list[Nameless]:
        """The outcomes without a name that were entered at one of the moments, or shortly after."""
        found: dict[int, Nameless] = {}
        for times in by_week(moments):
            since, until = ends(times)
            for outcome in self._outcomes.nameless(times, since=since, until=until + self._within):
                if any_between(times[outcome.instrument], outcome.entry_time - self._within, outcome.entry_time):
                    found[outcome.sequence] = outcome
        return [found[sequence] for sequence in sorted(found)]

    def _owners(self, moments: Iterable[Moment]) -> dict[Nameless, Case | None]:
        """Whose each outcome is that was entered at one of the moments, or shortly after; None where nobody's.

        Whether outcomes of other entries would be the same case's is known of the cases of the moments only.
        """
        outcomes = self._nameless(moments)
        owners: dict[Nameless, Case | None] = dict.fromkeys(outcomes)
        owners.update((outcome, free[0]) for outcome, free in self._free(outcomes) if len(free) == 1)
        entries: dict[tuple[str, str], set[int]] = defaultdict(set)
        claims = {outcome: _claims(outcome, case) for outcome, case in owners.items() if case is not None}
        for outcome, claimed in claims.items():
            for claim in claimed:
                entries[claim].add(outcome.entry_time)
        several = {claim for claim, times in entries.items() if len(times) > 1}
        return {
            outcome: case if case is not None and several.isdisjoint(claims[outcome]) else None
            for outcome, case in owners.items()
        }

    def _free(self, outcomes: Sequence[Nameless]) -> Iterator[tuple[Nameless, list[Case]]]:
        """The outcomes with their candidates."""
        cases = self._candidates.before(Moment(outcome.instrument, outcome.entry_time) for outcome in outcomes)
        spoken_for = self._candidates.spoken_for(cases)
        traded: dict[tuple[int, str | None], list[Case]] = defaultdict(list)
        for case in cases:
            traded[case.instrument, (Direction.SHORT if case.sign < 0 else Direction.LONG).value].append(case)
        for outcome in outcomes:
            free = [
                case
                for case in traded[outcome.instrument, outcome.direction]
                if 0 <= outcome.entry_time - case.time <= self._within
                and (case.key, outcome.row.horizon) not in spoken_for
            ]
            yield outcome, free


def _claims(outcome: Nameless, case: Case) -> set[tuple[str, str]]:
    """The case at every horizon that the outcome tells of."""
    return {(case.key, horizon) for horizon in told_horizons(outcome.row.body, horizon=outcome.row.horizon)}
