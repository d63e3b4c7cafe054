"""What our rules make of every known defect of the data: ``python -m tests.workers.known_defects`` prints the table."""

import logging
import tempfile
from collections import Counter
from pathlib import Path

import structlog

from store.store import Store
from tests.workers.real_market import HORIZONS, NOW, RealMarket, join

KINDS = {
    "no bar of": "nothing came",
    "it traded last": "stopped",
    "no bar came to enter": "no entry",
    "no bar came that ends": "no exit",
}
"""How the reasons of the engine begin, and what ``docs/horizons.md`` calls them."""


def kind_of(row):
    """Why an example was given up, in the words of the page; None where it was not."""
    if row.state not in ("censored", "lost"):
        return None
    [kind] = [kind for words, kind in KINDS.items() if row.reason.startswith(words)]
    return kind


def span(market, alert, horizon):
    """The places of the entry session and of the session that ends the horizon."""
    entered = market.exchange.entered(alert.question.time)
    return entered, entered + int(horizon[:-1]) - 1


def places(market, defect):
    """The sessions of a defect: its date, or those that are missing before it."""
    on = market.exchange.place[defect.date]
    return range(on - int(defect.detail.split()[0]), on) if defect.kind == "gap_before_this_bar" else range(on, on + 1)


def touching(market, rows, defect):
    """(alert, horizon, row, first place, last place) of the examples that hold a session of the defect."""
    sessions = places(market, defect)
    for alert in market.alerts:
        if alert.symbol == defect.symbol:
            for horizon in HORIZONS:
                first, last = span(market, alert, horizon)
                if first <= sessions[-1] and sessions[0] <= last:
                    yield alert, horizon, rows[alert.name, horizon], first, last


def came_out(market, rows, defect):
    """One phrase: how many examples hold it, and how they stand."""
    found = [row for _, _, row, _, _ in touching(market, rows, defect)]
    stands = Counter(f"{row.state} with a jump" if row.marks else kind_of(row) or row.state for row in found)
    return ", ".join(f"{count} {name}" for name, count in stands.most_common()) or "no example holds it"


def table(market, rows):
    """The rows (kind, symbol, date, what came out), by kind."""
    for defect in sorted(market.defects, key=lambda one: (one.kind, one.symbol, one.date)):
        yield defect.kind, defect.symbol, defect.date, came_out(market, rows, defect)


def main():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    market = RealMarket()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'learning.db'}", clock=lambda: NOW)
        store.migrate()
        joined = join(market, store)
        store.close()
    print(f"{len(joined.rows)} examples; taken in {joined.taking:.1f} s, settled in {joined.settling:.1f} s")
    print("| kind | symbol | session | examples that hold it |\n|---|---|---|---|")
    for row in table(market, joined.rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
