"""What a trading process says, session by session, and the registry by which it is understood."""

import random

from schemas.alert import AlertRaised
from schemas.calendar import Calendar
from schemas.decision import DecisionMade
from schemas.event import Envelope
from schemas.outcome import OutcomeObserved
from schemas.params import ParamsApplied, ParamsProposed, ProposalKind
from schemas.price import PriceObserved
from schemas.session import SessionClosed

NYSE = Calendar.named("XNYS")
FIRST = "2024-01-02"
SYMBOLS = 12
VERSION = "1-1"
"""Which version every unit was assigned by: that of the registry's defaults."""

PARAMETER = """
[[parameter]]
name = "{name}"
default = 0.5
min = 0.0
max = 1.0
category = "threshold"
affects = "decision"
description = "From which score on a candidate is bought."
max_change = 0.1
reward = "unit_pnl:close"
"""

REGISTRY = """
strategy = "main"

[market]
horizons = ["1d", "3d"]
primary_horizon = "3d"
close_after = 2

[learning]
budget = 0.2

[patterns]
edges = {{ heat = [0.5] }}

[[trial]]
id = "threshold"
layer = "threshold"
share = 0.2
offsets = [{{ threshold = 0.1 }}, {{ threshold = -0.1 }}]
{parameters}
"""


class Scene:
    """So many sessions: in each, bars, alerts, decisions, outcomes, a proposal and what became of the version before.

    Each proposal moves a parameter of its own, so that the values do not depend on who was judged first.
    """

    def __init__(self, sessions):
        self.sessions = [NYSE.shift(FIRST, number) for number in range(sessions)]
        dice = random.Random(7)
        self.portions = [list(_portion(number, session, dice)) for number, session in enumerate(self.sessions)]

    @property
    def events(self):
        """All that is said, in order."""
        return [envelope for portion in self.portions for envelope in portion]

    @property
    def registry(self):
        """The text of the registry's file."""
        names = ["threshold", *(_lever(number) for number in range(len(self.sessions)))]
        return REGISTRY.format(parameters="".join(PARAMETER.format(name=name) for name in names))


def _portion(number, session, dice):
    close = NYSE.close_of(session)
    for symbol in [*(f"S{place}" for place in range(SYMBOLS)), f"NEW{number}"]:
        name, unit = f"{symbol}-{session}", f"{symbol}/{session}"
        price = 100 + dice.uniform(-3, 3)
        bar = PriceObserved(symbol=symbol, interval="1d", open=price, high=price + 1, low=price - 1, close=price + 0.5)
        yield Envelope(source="bot", id=f"bar-{name}", time=close, data=bar)
        alert = AlertRaised(
            alert_id=name,
            symbol=symbol,
            score=dice.random(),
            features={"heat": random.Random(name).random()},
            params_version=VERSION,
            unit=unit,
        )
        yield Envelope(source="bot", id=f"alert-{name}", time=close, data=alert)
        bought = dice.random() < 0.5
        decision = DecisionMade(
            decision_id=name,
            symbol=symbol,
            alert_id=name,
            action="BUY" if bought else "IGNORE",
            size=0.1,
            params_version=VERSION,
            unit=unit,
        )
        yield Envelope(source="bot", id=f"decision-{name}", time=close, data=decision)
        if bought:
            outcome = OutcomeObserved(outcome_id=name, decision_id=name, net=round(dice.gauss(0, 0.02), 6))
            yield Envelope(source="bot", id=f"outcome-{name}", time=close, data=outcome)
    proposal = ParamsProposed(
        proposal_id=f"lever-{session}",
        kind=ProposalKind.VALUES,
        session=session,
        proposed_by="somebody",
        reason="for the scene",
        values={_lever(number): 0.6},
    )
    yield Envelope(source="bot", id=f"proposal-{session}", time=close, data=proposal)
    applied = ParamsApplied(client="bot", epoch=1, version=number + 1)
    yield Envelope(source="bot", id=f"applied-{session}", time=close, data=applied)
    yield Envelope(source="bot", id=f"closed-{session}", time=close + 1, data=SessionClosed(session=session))


def _lever(number):
    return f"lever.{number}"
