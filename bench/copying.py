"""The store's insert of many new facts into PostgreSQL, which copies them, against the driver's executemany."""

from collections.abc import Iterator

import psycopg

from bench.comparison import Comparison
from bench.databases import Databases, database_server
from bench.insert import batches, inserted, list_instruments, rows_of_alerts, statement_for
from bench.workbench import Workbench, rate
from workers.join.fact_rows import Row

ROWS = 20_000
BATCH = 1_000


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Alerts in batches of 1,000, each in a transaction of its own."""
    rows = rows_of_alerts(max(BATCH, bench.count(ROWS)))
    with database_server() as create:
        stores = Databases(create(), list_instruments)
        yield bench.compare(
            f"insert of alerts, batches of {BATCH:,}",
            f"psycopg executemany, {stores.server}",
            unit="rows/s",
            ours=lambda: inserted(stores, rows, batch=BATCH),
            baseline=lambda: _executed(stores, rows),
        )


def _executed(stores: Databases, rows: list[Row]) -> float:
    statement = statement_for(rows, "%s").encode()
    parts = batches([tuple(row.values()) for row in rows], BATCH)
    with stores.fresh() as url, psycopg.connect(url, options="-c search_path=learning") as connection:
        cursor = connection.cursor()

        def insert() -> None:
            for part in parts:
                cursor.executemany(statement, part)
                connection.commit()

        return rate(len(rows), insert)
