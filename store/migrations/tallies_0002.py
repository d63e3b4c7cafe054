"""The running counts of the books, which 0001 did not keep: how much was there when 0002 began to count.

What 0001 kept of prices was expected of its facts; what trading reported beside that was not.
"""

from sqlalchemy import Connection, text

_COUNT = "INSERT INTO counters (name, value) SELECT {name}, COUNT(*) FROM {rows} GROUP BY 1"

_BARRED = "action = 'BUY' AND (stop IS NOT NULL OR target IS NOT NULL OR max_hold > 0)"

_COUNTED = {
    "'accepted/' || strategy || '/alerts'": "alerts",
    "'accepted/' || strategy || '/decisions'": "decisions",
    "'accepted/' || strategy || '/theses'": "theses",
    "'accepted/' || strategy || '/outcomes'": "outcomes",
    "'accepted/' || strategy || '/barriers'": f"decisions WHERE {_BARRED}",
    "'reported/' || strategy || '/' || CASE joined WHEN 1 THEN 'joined' ELSE 'waiting' END": "outcomes",
    "'standing/' || strategy || '/' || subject || '/' || horizon || '/' || origin || '/' || state": "examples",
    "'expected/' || strategy || '/' || subject || '/' || horizon || '/' || origin": "examples WHERE origin = 'prices'",
    "'late/' || strategy": "examples WHERE late = 1",
}
"""The rows that each count counts, by the name that it has."""


def count_up(connection: Connection) -> None:
    """Count every row of the new tables, once."""
    for name, rows in _COUNTED.items():
        connection.execute(text(_COUNT.format(name=name, rows=rows)))
