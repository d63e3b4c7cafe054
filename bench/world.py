"""What a trading process tells in some sessions, in the order in which it would."""

from collections.abc import Iterator

from msgspec.structs import replace
from numpy.random import default_rng

from bench.samples import features
from events.ids import Ids
from events.moments import moment
from schemas.alert import AlertRaised
from schemas.allocation import unit_of
from schemas.calendar import Calendar
from schemas.decision import DecisionMade
from schemas.event import Envelope, Event
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.version import Version
from schemas.vocabulary import Action, ExitReason

FIRST = "2023-01-03"
HOLD = 3
"""Sessions between a purchase and its end."""

HOUR = 3_600_000_000
BUYS = 3
"""One alert in so many is bought."""


class World:
    """``symbols`` symbols: each has an alert, a decision and a daily bar a session; one decision in three buys.

    Every alert and decision names its unit, ``version`` and the values that it was assigned.
    """

    def __init__(self, version: Version, *, symbols: int, sessions: int) -> None:
        self._version = version
        self._symbols = symbols
        self._sessions = sessions
        self._calendar = Calendar.named("XNYS")
        self._generator = default_rng(4)
        self._ids = Ids()

    def events(self) -> Iterator[Envelope]:
        """Session by session: alerts, decisions, outcomes of earlier ones, bars, the end of the session."""
        for number in range(self._sessions):
            session = self._calendar.shift(FIRST, number)
            close = self._calendar.close_of(session)
            yield from (self._told(self._alert(place, session), close - HOUR) for place in range(self._symbols))
            yield from (self._told(self._decision(place, session), close - HOUR) for place in range(self._symbols))
            if number >= HOLD:
                bought = self._calendar.shift(session, -HOLD)
                for place in range(0, self._symbols, BUYS):
                    yield self._told(self._outcome(place, bought, ended=close), close)
            yield from (self._told(self._bar(place), close) for place in range(self._symbols))
            yield self._told(SessionClosed(strategy=self._version.strategy, session=session), close)

    def alerts_and_outcomes(self) -> Iterator[Envelope]:
        """Session by session the alerts, and what followed each of those that came ``HOLD`` sessions before."""
        for number in range(self._sessions):
            session = self._calendar.shift(FIRST, number)
            close = self._calendar.close_of(session)
            yield from (self._told(self._alert(place, session), close - HOUR) for place in range(self._symbols))
            if number >= HOLD:
                earlier = self._calendar.shift(session, -HOLD)
                for place in range(self._symbols):
                    unit = unit_of(f"S{place}", earlier)
                    outcome = self._outcome(place, earlier, ended=close)
                    named = replace(outcome, alert_id=f"alert-{unit}", decision_id=None)
                    yield self._told(named, close)

    def _alert(self, place: int, session: str) -> AlertRaised:
        unit = unit_of(f"S{place}", session)
        return AlertRaised(
            strategy=self._version.strategy,
            alert_id=f"alert-{unit}",
            symbol=f"S{place}",
            score=round(float(self._generator.random()), 4),
            features=features(self._generator),
            params_version=str(self._version.id),
            unit=unit,
            assignments=self._assignments(unit),
            price=self._price(),
        )

    def _decision(self, place: int, session: str) -> DecisionMade:
        unit = unit_of(f"S{place}", session)
        buys = place % BUYS == 0
        return DecisionMade(
            strategy=self._version.strategy,
            decision_id=f"decision-{unit}",
            alert_id=f"alert-{unit}",
            position_id=f"position-{unit}" if buys else None,
            symbol=f"S{place}",
            action=Action.BUY if buys else Action.IGNORE,
            size=0.02 if buys else 0.0,
            params_version=str(self._version.id),
            unit=unit,
            assignments=self._assignments(unit),
        )

    def _outcome(self, place: int, session: str, *, ended: int) -> OutcomeObserved:
        earned = round(float(self._generator.normal(0.0, 0.02)), 6)
        return OutcomeObserved(
            strategy=self._version.strategy,
            outcome_id=f"outcome-{unit_of(f'S{place}', session)}",
            decision_id=f"decision-{unit_of(f'S{place}', session)}",
            entry_price=100.0,
            exit_price=round(100.0 * (1 + earned), 4),
            gross=earned,
            fees=0.001,
            net=earned - 0.001,
            exit_reason=ExitReason.TIME_EXIT,
            entry_time=moment(self._calendar.open_of(self._calendar.shift(session, 1))),
            exit_time=moment(ended),
        )

    def _bar(self, place: int) -> PriceObserved:
        first, last = self._price(), self._price()
        return PriceObserved(
            strategy=self._version.strategy,
            symbol=f"S{place}",
            interval="1d",
            open=first,
            high=max(first, last) + 0.5,
            low=min(first, last) - 0.5,
            close=last,
            volume=float(self._generator.integers(100_000, 10_000_000)),
        )

    def _price(self) -> float:
        return round(100 + float(self._generator.standard_normal()), 2)

    def _assignments(self, unit: str) -> dict[str, dict[str, float]]:
        arms = self._version.assigned(unit)
        return {
            name: {key: value for key, value in arm.values.items() if isinstance(value, int | float)}
            for name, arm in arms.items()
        }

    def _told(self, event: Event, time: int) -> Envelope:
        return Envelope(source="scanner", id=self._ids.new(time), time=time, data=event)
