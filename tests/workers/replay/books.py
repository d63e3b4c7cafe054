"""A scene of trading for files, and what must be the same in the books whoever wrote them."""

import random

from sqlalchemy import select

from schemas.alert import AlertRaised
from schemas.decision import DecisionMade
from schemas.event import Envelope
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Action, Recommendation, Side
from store.tables import (
    alerts,
    closings,
    decisions,
    discovery_runs,
    examples,
    fills,
    instruments,
    open_lots,
    outcomes,
    prices,
    round_trips,
    sessions,
    symbol_changes,
    theses,
)
from tests.standing import standing
from tests.workers.desk import NYSE

FACTS = (alerts, decisions, fills, outcomes, prices, theses, closings, symbol_changes, discovery_runs)
BOOKS = (*FACTS, round_trips, open_lots, examples, sessions)

WHEN_AND_WHERE = frozenset(
    {"sequence", "revision", "late", "recorded_at", "fact", "entry", "cut", "revisions", "settled_at"}
)
"""Columns that depend on when, or through what, something was written."""

FIRST = "2024-01-02"
SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA")


def books(store, *, without=()):
    """The rows of every book by its name, without what depends on when they were written."""
    with store.read() as reading:
        symbols = dict(tuple(row) for row in reading.execute(select(instruments.c.id, instruments.c.symbol)))
        return {
            table.name: sorted((_row(row, symbols) for row in _rows(reading, table)), key=repr)
            for table in BOOKS
            if table.name not in without
        }


def _rows(reading, table):
    return standing(reading) if table is examples else reading.execute(select(table)).mappings()


def _row(row, symbols):
    told = {name: value for name, value in row.items() if name not in WHEN_AND_WHERE}
    if told.get("instrument") is not None:
        told["instrument"] = symbols[told["instrument"]]
    return told


def scene(count, *, seed=7, closed=True):
    """What one bot tells in ``count`` sessions: alerts, what was bought and sold, outcomes, bars of every symbol."""
    dice = random.Random(seed)
    held = []
    for number in range(count):
        session = NYSE.shift(FIRST, number)
        begin, end = NYSE.open_of(session), NYSE.close_of(session)
        for symbol in SYMBOLS:
            name = f"{symbol}-{session}"
            price = round(100 + dice.uniform(-3, 3), 2)
            yield event(f"bar-{name}", end, bar(symbol, price))
            alert = AlertRaised(alert_id=name, symbol=symbol, score=round(dice.random(), 3), params_version="1-1")
            yield event(f"alert-{name}", begin - 60_000_000, alert)
            bought = dice.random() < 0.5
            action = Action.BUY if bought else Action.IGNORE
            more = {"stop": price * 0.97, "target": price * 1.03, "max_hold": 3} if bought else {}
            decided = DecisionMade(
                decision_id=name, alert_id=name, symbol=symbol, action=action, size=0.1, params_version="1-1", **more
            )
            yield event(f"decision-{name}", begin - 30_000_000, decided)
            if bought:
                yield event(f"in-{name}", begin, fill(f"in-{name}", symbol, Side.BUY, price, name))
                held.append((number + 2, name, symbol))
        for due, name, symbol in [one for one in held if one[0] == number]:
            held.remove((due, name, symbol))
            price = round(100 + dice.uniform(-3, 3), 2)
            yield event(f"out-{name}", end - 60_000_000, fill(f"out-{name}", symbol, Side.SELL, price, None))
            net = round(dice.gauss(0, 0.02), 6)
            yield event(f"outcome-{name}", end, OutcomeObserved(outcome_id=name, decision_id=name, net=net))
        thesis = ThesisFormed(thesis_id=session, symbol=SYMBOLS[0], recommendation=Recommendation.HOLD)
        yield event(f"thesis-{session}", begin + 1, thesis)
        if closed:
            yield event(f"closed-{session}", end, SessionClosed(session=session))


def event(name, time, data):
    return Envelope(source="scanner", id=name, time=time, data=data)


def bar(symbol, price):
    return PriceObserved(
        symbol=symbol, interval="1d", open=price, high=price + 1, low=price - 1, close=round(price + 0.5, 2)
    )


def fill(name, symbol, side, price, decision):
    return FillReported(
        fill_id=name, symbol=symbol, side=side, quantity=10.0, price=price, fees=0.5, decision_id=decision
    )
