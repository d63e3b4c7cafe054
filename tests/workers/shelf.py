"""Facts put into the store by hand, as attribution would have written them."""

from sqlalchemy import insert

from schemas.calendar import Calendar
from store import tables
from tests.workers.desk import at

NYSE = Calendar.named("XNYS")


class Shelf:
    """One strategy's rows. Times are ``2024-01-03 15:00``; AAPL is instrument 1, MSFT 2."""

    def __init__(self, connection, *, strategy="main", first=1):
        self.connection = connection
        self.strategy = strategy
        self.sequence = first - 1
        self.instruments = {"AAPL": first, "MSFT": first + 1}
        for symbol, number in self.instruments.items():
            row = {"id": number, "strategy": strategy, "venue": "", "symbol": symbol}
            connection.execute(insert(tables.instruments), row)

    def alert(self, name, time, *, symbol="AAPL", direction="long", **more):
        own = {"alert_id": name, "score": 0.7, "direction": direction, **self.subject(time, symbol)}
        return self.put(tables.alerts, time, own | more)

    def decision(self, name, time, *, symbol="AAPL", action="BUY", direction="long", **more):
        own = {"decision_id": name, "action": action, "direction": direction, "named_unit": 0}
        return self.put(tables.decisions, time, own | self.subject(time, symbol) | more)

    def thesis(self, name, time, *, symbol="AAPL", recommendation="HOLD", **more):
        own = self.subject(time, symbol) | {
            "thesis_id": name,
            "unit": f"thesis/{name}",
            "recommendation": recommendation,
        }
        return self.put(tables.theses, time, own | more)

    def fill(self, name, time, *, side="buy", quantity=10.0, price=100.0, symbol="AAPL", **more):
        own = {"fill_id": name, "side": side, "quantity": quantity, "price": price, "fees": None, "multiplier": 1.0}
        return self.put(tables.fills, time, own | {"account": "", "instrument": self.instruments[symbol]} | more)

    def outcome(self, name, time, *, symbol=None, direction="long", entered=None, horizon="close", body="{}", **names):
        """``symbol`` and ``entered`` where it bears no name."""
        own = {
            "outcome_id": name,
            "horizon": horizon,
            "joined": 0,
            "instrument": self.instruments[symbol] if symbol else None,
            "direction": direction if symbol else None,
            "entry_time": at(entered) if entered else None,
            **dict.fromkeys(("decision_id", "alert_id", "position_id")),
        }
        return self.put(tables.outcomes, time, own | names, body=body)

    def subject(self, time, symbol):
        session = NYSE.session_of(at(time))
        entry = NYSE.first_open_at_or_after(at(time))
        number = self.instruments[symbol]
        return {"instrument": number, "unit": f"{symbol}/{session}", "session": session, "entry_session": entry}

    def example(
        self, fact, *, subject="alert", horizon="5d", origin="prices", state="pending", marks="", late=0, **more
    ):
        own = {
            "fact": fact,
            "subject": subject,
            "subject_id": str(fact),
            "horizon": horizon,
            "origin": origin,
            "strategy": self.strategy,
            "state": state,
            "marks": marks,
            "late": late,
            "instrument": self.instruments["AAPL"],
            "unit": "u",
            "session": "2024-01-03",
            "due": at("2024-01-09 21:00"),
            "revision": 0,
            "sequence": fact,
            "contributions": "[]",
        }
        self.connection.execute(insert(tables.examples), own | more)

    def put(self, table, time, own, *, body="{}"):
        """The row that was put in."""
        self.sequence += 1
        name = f"{table.name}{self.sequence}"
        common = {"sequence": self.sequence, "source": "s", "event_id": name, "strategy": self.strategy}
        row = common | {"time": at(time), "recorded_at": 0, "body": body} | own
        self.connection.execute(insert(table), row)
        return {column.name: row.get(column.name) for column in table.columns}
