"""The store's insert of new facts, against the driver's executemany into the same table."""

from collections.abc import Iterator
from typing import Any

from bench.comparison import Comparison
from bench.databases import Databases
from bench.samples import NOW, SYMBOLS, alerts
from bench.stores import Stores, driven
from bench.workbench import Workbench, rate
from schemas.parameters import Registry
from store.tables import alerts as table
from store.tables import instruments
from store.work import Work
from workers.join.fact_rows import Row, alert_columns, fact_row
from workers.join.rules import Rules

ROWS = 20_000
BATCH = 500


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Alerts in batches of 500, each in a transaction of its own."""
    rows = rows_of_alerts(bench.count(ROWS))
    stores = Stores(bench.folder, prepare=list_instruments)
    yield bench.compare(
        f"insert of alerts, batches of {BATCH}",
        "sqlite3 executemany",
        unit="rows/s",
        ours=lambda: inserted(stores, rows, batch=BATCH),
        baseline=lambda: _executed(stores, rows),
    )


def inserted(stores: Stores | Databases, rows: list[Row], *, batch: int) -> float:
    """Rows a second, put in by the store."""
    with stores.opened() as store:

        def insert() -> None:
            for part in batches(rows, batch):
                with store.begin() as work:
                    assert all(work.insert(table, part))
                    work.commit()

        return rate(len(rows), insert)


def _executed(stores: Stores, rows: list[Row]) -> float:
    statement = statement_for(rows, "?")
    parts = batches([tuple(row.values()) for row in rows], BATCH)
    with stores.fresh() as file, driven(file) as connection:

        def insert() -> None:
            for part in parts:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, part)
                connection.execute("COMMIT")

        return rate(len(rows), insert)


def statement_for(rows: list[Row], place: str) -> str:
    """The plain INSERT of such rows, with the driver's mark at the place of each value."""
    names = list(rows[0])
    return f"INSERT INTO alerts ({', '.join(names)}) VALUES ({', '.join([place] * len(names))})"


def rows_of_alerts(count: int) -> list[Row]:
    """As the attribution worker makes them."""
    rules = Rules(Registry())
    return [
        fact_row(one, sequence=place + 1, now=NOW) | alert_columns(one, 1 + place % SYMBOLS, rules=rules)
        for place, one in enumerate(alerts(count))
    ]


def batches(rows: list[Any], size: int) -> list[list[Any]]:
    """The same rows in parts, the last of which may be smaller."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def list_instruments(work: Work) -> None:
    """What the alerts refer to."""
    rows = [{"id": 1 + place, "strategy": "main", "venue": "", "symbol": f"S{place}"} for place in range(SYMBOLS)]
    work.insert(instruments, rows)
