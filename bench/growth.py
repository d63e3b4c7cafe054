"""Whether the join costs more when more is stored: the same events into small and into large books."""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

from bench.comparison import Comparison
from bench.maturing import HORIZONS, taken, worker
from bench.stores import Stores, driven, opened
from bench.tape import Tape
from bench.workbench import Workbench
from schemas.calendar import Calendar
from schemas.event import Envelope

SMALL, LARGE = 10_000, 2_000_000
SIZES = (10_000, 50_000, 200_000, 800_000, 2_000_000)
"""Examples in the books before anything is measured; the plot has all of them."""

SYMBOLS = 250
SESSIONS = 40
"""What is measured: 40 sessions of an alert and a bar a symbol; from the 30th on all horizons mature every day."""

MEASURED_FROM = "2023-01-03"
BATCH = 500

NYSE = Calendar.named("XNYS")
BLOCK = 40
"""Sessions that the worker itself fills the books with, before they are copied."""

MATURING = 31
"""After so many sessions more everything has matured."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Events per second with 2,000,000 and with 10,000 examples in the store."""
    small, large = bench.count(SMALL), bench.count(LARGE)
    symbols = bench.count(SYMBOLS)
    events = _measured(symbols=symbols)
    folders = {size: bench.folder / str(size) for size in (small, large)}
    stores = {size: _filled(folder, size, symbols=symbols) for size, folder in folders.items()}
    yield bench.compare(
        f"attribution with {large:,} examples stored",
        f"with {small:,} stored",
        unit="events/s",
        ours=lambda: _rate(stores[large], events),
        baseline=lambda: _rate(stores[small], events),
    )


def main() -> int:
    """``python -m bench.growth``: every size, by turns; figures and plot into ``bench/``."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only the plot needs it

    events = _measured(symbols=SYMBOLS)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stores = {size: _filled(Path(folder) / str(size), size, symbols=SYMBOLS) for size in SIZES}
        rates: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(3):
            for size in SIZES:
                rates[size].append(_rate(stores[size], events))
                print(f"{size:>9,} examples stored: {rates[size][-1]:,.0f} events/s", flush=True)
    middle = {size: median(found) for size, found in rates.items()}
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for size, found in rates.items():
        axes.plot([size] * len(found), found, ".", color="0.6")
    axes.plot(list(middle), list(middle.values()), "o-", color="C0")
    axes.set(xscale="log", xlabel="examples in the store", ylabel="events a second", ylim=(0, None))
    axes.set_title("What is stored does not slow the join")
    here = Path(__file__).parent
    figure.savefig(here / "growth.svg", metadata={"Date": None})
    (here / "growth.json").write_text(json.dumps({str(size): round(rate) for size, rate in middle.items()}) + "\n")
    return 0


def _measured(*, symbols: int) -> list[Envelope]:
    tape = Tape(symbols=symbols, sessions=SESSIONS, first=MEASURED_FROM)
    return [one for number in range(SESSIONS) for one in (*tape.bars(number), *tape.alerts(number))]


def _rate(stores: Stores, events: Sequence[Envelope]) -> float:
    with stores.fresh() as file, opened(file) as store:
        return len(events) / taken(worker(store), store, events, batch=BATCH)


def _filled(folder: Path, size: int, *, symbols: int) -> Stores:
    """A store whose books hold ``size`` matched examples, up to the session before what is measured.

    The newest of them are taken in by the worker itself; these are copied back in time, with the alerts and bars
    that they are made of, until there are enough.
    """
    folder.mkdir(parents=True)
    stores = Stores(folder)
    symbols = min(symbols, max(1, size // HORIZONS))
    block = max(1, min(size // HORIZONS // symbols, BLOCK))
    first = NYSE.shift(MEASURED_FROM, -block - MATURING)
    tape = Tape(symbols=symbols, sessions=block, first=first)
    with opened(folder / "template.db") as store:
        with store.begin() as work:
            work.take(10**9)
            work.commit()
        told = (
            [*tape.bars(number), *(tape.alerts(number) if number < block else [])] for number in range(block + MATURING)
        )
        taken(worker(store), store, list(chain.from_iterable(told)))
    with driven(folder / "template.db") as connection:
        copies = max(1, round(size / (block * symbols * HORIZONS)))
        for copy in range(1, copies):
            _copied(connection, copy, sessions=range(NYSE.place(first), NYSE.place(MEASURED_FROM)), back=copy * block)
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return stores


def _copied(connection: sqlite3.Connection, copy: int, *, sessions: range, back: int) -> None:
    """Every row of the newest block once more, ``back`` sessions earlier and under other names."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS moved (old TEXT PRIMARY KEY, new TEXT)")
    connection.execute("DELETE FROM moved")
    names = [(NYSE.sessions[place], NYSE.sessions[place - back]) for place in sessions]
    connection.executemany("INSERT INTO moved VALUES (?, ?)", names)
    named = {
        "less": copy * 10_000_000,
        "copy": f"#{copy}",
        "earlier": int(NYSE.opens[sessions.start] - NYSE.opens[sessions.start - back]),
    }
    moved = "(SELECT new FROM moved WHERE old = {})".format
    changes = {
        "alerts": {
            "sequence": "sequence - :less",
            "event_id": "event_id || :copy",
            "alert_id": "alert_id || :copy",
            "unit": "unit || :copy",
            "time": "time - :earlier",
            "session": moved("session"),
            "entry_session": moved("entry_session"),
        },
        "prices": {"time": "time - :earlier", "session": moved("session"), "event_id": "event_id || :copy"},
        "examples": {
            "fact": "fact - :less",
            "sequence": "sequence - :less",
            "subject_id": "subject_id || :copy",
            "unit": "unit || :copy",
            "session": moved("session"),
            "due": "due - :earlier",
        },
    }
    newest = {"alerts": "sequence >= 1000000000", "examples": "fact >= 1000000000", "prices": "event_id NOT LIKE '%#%'"}
    connection.execute("BEGIN")
    for table, changed in changes.items():
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        chosen = ", ".join(changed.get(name, f'"{name}"') for name in columns)
        connection.execute(f"INSERT OR IGNORE INTO {table} SELECT {chosen} FROM {table} WHERE {newest[table]}", named)
    connection.execute("COMMIT")


if __name__ == "__main__":
    sys.exit(main())
