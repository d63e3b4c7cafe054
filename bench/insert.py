"""The store's insert of new facts, against the driver's executemany into the same table."""

from collections.abc import Iterator
from typing import Any

from bench.comparison import Comparison
from bench.samples import NOW, SYMBOLS, alerts
from bench.stores import Stores, driven, opened
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
    rows = _rows(bench.count(ROWS))
    stores = Stores(bench.folder, prepare=_list_instruments)
    yield bench.compare(
        f"insert of alerts, batches of {BATCH}",
        "sqlite3 executemany",
        unit="rows/s",
        ours=lambda: _inserted(stores, rows),
        baseline=lambda: _executed(stores, rows),
    )


def _inserted(stores: Stores, rows: list[Row]) -> float:
    with stores.fresh() as file, opened(file) as store:

        def insert() -> None:
            for batch in _batches(rows):
                with store.begin() as work:
                    work.insert(table, batch)
                    work.commit()

        return rate(len(rows), insert)


def _executed(stores: Stores, rows: list[Row]) -> float:
    names = list(rows[0])
    statement = f"INSERT INTO alerts ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    batches = _batches([tuple(row.values()) for row in rows])
    with stores.fresh() as file, driven(file) as connection:

        def insert() -> None:
            for batch in batches:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, batch)
                connection.execute("COMMIT")

        return rate(len(rows), insert)


def _rows(count: int) -> list[Row]:
    rules = Rules(Registry())
    return [
        fact_row(one, sequence=place + 1, now=NOW) | alert_columns(one, 1 + place % SYMBOLS, rules=rules)
        for place, one in enumerate(alerts(count))
    ]


def _batches(rows: list[Any]) -> list[list[Any]]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def _list_instruments(work: Work) -> None:
    rows = [{"id": 1 + place, "strategy": "main", "venue": "", "symbol": f"S{place}"} for place in range(SYMBOLS)]
    work.insert(instruments, rows)
