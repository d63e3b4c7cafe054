"""A blotter for tests: puts fills and decisions into a store as attribution does, and keeps the books."""

from itertools import count

from sqlalchemy import select, update

from store.tables import decisions, fills, instruments, open_lots, round_trips
from workers.join.positions import Positions, closings

BOOKS = (round_trips, open_lots)


def fill(name, time, quantity, price=10.0, *, instrument=1, account="", **more):
    """A row of ``fills`` without its ingest sequence; a quantity below 0 is sold."""
    told = {"decision_id": None, "position_id": None, "fees": None, "multiplier": 1.0, "rank": None} | more
    return {
        "event_id": f"event of {name}",
        "fill_id": name,
        "time": time,
        "side": "buy" if quantity > 0 else "sell",
        "quantity": abs(quantity),
        "price": price,
        "instrument": instrument,
        "account": account,
        **told,
    }


class Blotter:
    """A store with ``listed`` instruments; facts get ingest numbers from ``first`` on, as they come."""

    def __init__(self, store, *, listed=2, strategy="main", first=1):
        self.store = store
        self.strategy = strategy
        self._sequence = count(first)
        rows = [
            {"id": number, "strategy": strategy, "venue": "", "symbol": f"S{number}", "currency": None}
            for number in range(1, listed + 1)
        ]
        with store.begin() as work:
            work.insert(instruments, rows)
            work.commit()

    def take(self, *rows):
        """Insert fills and bring the books in line; the decisions whose closing may have changed."""
        with self.store.begin() as work:
            work.insert(fills, [self._fact(row) for row in rows])
            touched = Positions(work.connection, self.strategy).take(rows)
            work.commit()
        return touched

    def rebuild(self, *books):
        with self.store.begin() as work:
            touched = Positions(work.connection, self.strategy).rebuild(books)
            work.commit()
        return touched

    def move(self, name, *, instrument):
        with self.store.begin() as work:
            work.connection.execute(update(fills).where(fills.c.fill_id == name).values(instrument=instrument))
            work.commit()

    def decide(self, name, *, position=None, action="BUY"):
        told = {column.name: None for column in decisions.columns if column.nullable}
        facts = {"unit": "u", "named_unit": 1, "session": "", "entry_session": "", "direction": "long", "time": 0}
        row = told | facts | {"decision_id": name, "position_id": position, "action": action, "instrument": 1}
        with self.store.begin() as work:
            work.insert(decisions, [self._fact(row | {"event_id": f"{self.strategy}'s decision {name}"})])
            work.commit()

    def closings(self, **positions):
        """Of the decisions named; the values are the positions that they name."""
        with self.store.read() as connection:
            return closings(connection, self.strategy, positions)

    def rows(self, table):
        with self.store.read() as connection:
            return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]

    def books(self):
        """Both tables, whole."""
        return [self.rows(table) for table in BOOKS]

    def _fact(self, row):
        more = {"sequence": next(self._sequence), "source": "broker", "strategy": self.strategy}
        return row | more | {"recorded_at": 0, "body": "{}"}
