"""What followed, as occurrences of the patterns that alerts showed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from events.moments import microseconds
from learning.signature import signature
from schemas.attributed import ExampleState, Origin, OutcomeAttributed, OutcomeClass, Subject
from schemas.calendar import Calendar
from schemas.parameters import Registry
from store.facts import DecisionRow, Facts
from store.occurrences import SCALE, OccurrenceRow, ToldAlert, told_alerts
from store.unheard import Followed

EVERYWHERE = "all"
"""The regime of an alert that told none."""

CLOSE = "close"


class Shown(Struct, frozen=True):
    """What an alert showed, of its AlertRaised."""

    symbol: str
    features: dict[str, float] = {}
    confidence: float | None = None


SHOWN = msgspec.json.Decoder(Shown)


class Intake:
    """Turns what followed alerts and decisions of one strategy into occurrences.

    Kept are alerts at the primary horizon, by prices, and decisions about an alert at their close, by prices and as
    trading reports them. Other horizons of the same alert would be the same case once more.
    """

    def __init__(self, registry: Registry) -> None:
        self.strategy = registry.strategy
        self.calendar = Calendar.named(registry.market.calendar)
        self.alerts = (Subject.ALERT.value, registry.market.primary_horizon, Origin.PRICES.value)
        self.slots = (
            self.alerts,
            (Subject.DECISION.value, CLOSE, Origin.PRICES.value),
            (Subject.DECISION.value, CLOSE, Origin.REPORTED.value),
        )
        self._edges = registry.patterns.edges

    def rows(self, connection: Connection, followed: Iterable[Followed]) -> list[OccurrenceRow]:
        """An occurrence for each that is kept. Decisions about no alert show no pattern, and have none."""
        chosen = [one for one in followed if (one.subject, one.horizon, one.origin) in self.slots]
        if not chosen:
            return []
        decisions = [one.subject_id for one in chosen if one.subject == Subject.DECISION.value]
        decided = {row.decision_id: row for row in Facts(connection, self.strategy).decisions(ids=decisions)}
        about = [self._alert_of(one, decided) for one in chosen]
        known = told_alerts(connection, self.strategy, {alert for alert in about if alert is not None})
        return [
            self._row(one, known[alert], fact=self._fact_of(one, known[alert], decided))
            for one, alert in zip(chosen, about, strict=True)
            if alert is not None and alert in known
        ]

    def _alert_of(self, one: Followed, decided: Mapping[str, DecisionRow]) -> str | None:
        """Alerts and decisions are names of their own: one of each may well be called the same."""
        if one.subject == Subject.ALERT.value:
            return one.subject_id
        decision = decided.get(one.subject_id)
        return None if decision is None else decision.alert_id

    def _fact_of(self, one: Followed, alert: ToldAlert, decided: Mapping[str, DecisionRow]) -> int:
        return alert.sequence if one.subject == Subject.ALERT.value else decided[one.subject_id].sequence

    def _row(self, one: Followed, alert: ToldAlert, *, fact: int) -> OccurrenceRow:
        shown = SHOWN.decode(alert.body)
        matched = one.state == ExampleState.MATCHED.value and one.outcome_class is not None
        net = _earned(one) if matched else None
        known = net is not None
        return OccurrenceRow(
            fact=fact,
            horizon=one.horizon,
            origin=one.origin,
            revision=one.revision,
            strategy=self.strategy,
            sequence=one.sequence,
            subject=one.subject,
            alert_id=alert.alert_id,
            symbol=shown.symbol,
            session=one.session,
            signature=signature(shown.features, edges=self._edges),
            regime=alert.regime or EVERYWHERE,
            entry_time=one.entry_time,
            exit_time=one.exit_time,
            net=_millionths(net),
            won=int(one.outcome_class == OutcomeClass.WIN.value) if known else None,
            mae=_millionths(min(one.mae, 0.0)) if known and one.mae is not None else None,
            holding=self._holding(one) if known else None,
            confidence=_millionths(shown.confidence) if known else None,
        )

    def _holding(self, one: Followed) -> int | None:
        """Sessions from the entry to the exit, both included."""
        if one.entry_time is None or one.exit_time is None or one.exit_time < one.entry_time:
            return None
        first, last = window(self.calendar, one.entry_time, one.exit_time)
        return last - first + 1


def followed(event: OutcomeAttributed) -> Followed:
    """What an event tells."""
    return Followed(
        subject=event.subject.value,
        subject_id=event.subject_id,
        horizon=event.horizon,
        origin=event.origin.value,
        revision=event.revision,
        sequence=event.sequence,
        session=event.session,
        state=event.state.value,
        entry_time=None if event.entry_time is None else microseconds(event.entry_time),
        exit_time=None if event.exit_time is None else microseconds(event.exit_time),
        return_=event.return_,
        net=event.net,
        mae=event.mae,
        outcome_class=None if event.outcome_class is None else event.outcome_class.value,
    )


def window(calendar: Calendar, entry: int, exit_: int) -> tuple[int, int]:
    """The places of the first and the last session of what was entered and left at these times; a moment between
    two sessions belongs to the later one, and what is entered at a close begins after it."""
    last = bisect_left(calendar.closes, exit_)
    return min(bisect_right(calendar.closes, entry), last), last


def _earned(one: Followed) -> float | None:
    """What was left after costs, as trading reports it; by prices, which tell no costs, the return before them."""
    return one.net if one.origin == Origin.REPORTED.value else one.return_


def place_of(calendar: Calendar, session: str) -> int:
    """The session's place. Facts outlive registries: a date that is no session of a new calendar counts as the next
    one."""
    return bisect_left(calendar.sessions, session)


def _millionths(fraction: float | None) -> int | None:
    return None if fraction is None else round(fraction * SCALE)
