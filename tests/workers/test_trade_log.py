"""The fills of a strategy that rebalanced daily for six years, long and short, against a count of our own.

The file is not part of the project; without it these tests are skipped. Its ``amount`` is above 0 where shares were
bought, ``txn_dollars`` the money that came in: below 0 for a purchase.
"""

import csv
import gzip
import os
import random
import shutil
import subprocess
import sys
from collections import defaultdict, deque
from datetime import datetime
from fractions import Fraction
from math import fsum
from pathlib import Path

import pytest
from sqlalchemy import select

from store.store import Store
from store.tables import instruments, open_lots, round_trips
from tests.docs.pages import blocks
from tests.workers.blotter import Blotter, fill

FOLDER = Path(os.environ.get("LEARNING_DATA") or Path(__file__).parents[3] / "shared" / "data")
FILE = FOLDER / "trade_log_transactions_2004_2009.csv.gz"
SYMBOLS = ("AMD", "CERN", "COST", "DELL", "GPS", "INTC", "MMM")
CENT = 0.005
MAP = blocks("docs/replay.md", "toml")[1]

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"{FILE.name} is not in {FOLDER}; set LEARNING_DATA")


def microseconds(text):
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def log():
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows_of(log, *, times):
    """Rows of ``fills`` in the order of the file, which is their sequence; their ids run against it."""
    return [
        fill(
            f"{len(log) - place:05}",
            microseconds(line["ts"]) if times else 0,
            int(line["amount"]),
            float(line["price"]),
            instrument=SYMBOLS.index(line["symbol"]) + 1,
            rank=place,
        )
        for place, line in enumerate(log)
    ]


@pytest.fixture(scope="module")
def counted(log):
    """By instrument, exactly: {(entry, exit): shares}, {fill: shares still open}, and how often a fill crossed."""
    held, closed = defaultdict(deque), defaultdict(dict)
    crossed, flat = 0, 0
    for place, line in enumerate(log):
        number, left = SYMBOLS.index(line["symbol"]) + 1, int(line["amount"])
        lots, name = held[number], f"{len(log) - place:05}"
        met = bool(lots) and lots[0][1] * left < 0
        while left and lots and lots[0][1] * left < 0:
            entry, open_ = lots.popleft()
            taken = min(abs(open_), abs(left)) * (1 if open_ > 0 else -1)
            closed[number][entry, name] = taken
            left += taken
            if open_ != taken:
                lots.appendleft((entry, open_ - taken))
        crossed += met and left != 0
        flat += met and left == 0 and not lots
        if left:
            lots.append((name, left))
    return closed, {number: dict(lots) for number, lots in held.items()}, crossed, flat


def batches(rows, size):
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def shuffled(rows):
    mixed = list(rows)
    random.Random(20_040_109).shuffle(mixed)
    return mixed


@pytest.fixture(scope="module")
def kept(log, migrated, tmp_path_factory):
    """Both tables after all fills: told in order, and told shuffled; in many batches."""
    folder, made = tmp_path_factory.mktemp("log"), {}
    dated, undated = rows_of(log, times=True), rows_of(log, times=False)
    for name, told in {
        "in order": batches(dated, 100),
        "shuffled": batches(shuffled(dated), 2_000),
        "by sequence alone": batches(shuffled(undated), 5_000),
    }.items():
        store = Store.open(f"sqlite:///{shutil.copy(migrated, folder / name)}", clock=lambda: 0)
        blotter = Blotter(store, listed=len(SYMBOLS))
        for batch in told:
            blotter.take(*batch)
        made[name] = {table.name: blotter.rows(table) for table in (round_trips, open_lots)}
        store.close()
    return made


ways = pytest.mark.parametrize("way", ["in order", "shuffled", "by sequence alone"])
symbols = pytest.mark.parametrize("symbol", SYMBOLS)


def test_the_log_is_all_there_and_goes_long_short_and_across(log, counted):
    closed, held, crossed, flat = counted
    assert 9_367 == len(log)
    assert set(SYMBOLS) == {line["symbol"] for line in log}
    assert (1_306, 117) == (crossed, flat)
    signs = [{shares > 0 for shares in closed[number].values()} for number in sorted(closed)]
    assert [{True, False}] * len(SYMBOLS) == signs
    assert len(SYMBOLS) == len(held)


@symbols
@ways
def test_what_was_earned_less_the_cost_of_what_is_open_is_the_money_that_came_in(log, kept, symbol, way):
    number = SYMBOLS.index(symbol) + 1
    trips = [row for row in kept[way]["round_trips"] if row["instrument"] == number]
    lots = [row for row in kept[way]["open_lots"] if row["instrument"] == number]
    earned = fsum([*(row["gross"] for row in trips), *(-row["quantity"] * row["price"] for row in lots)])
    lines = [line for line in log if line["symbol"] == symbol]

    told = sum(Fraction(line["txn_dollars"]) for line in lines)
    assert abs(float(told) - earned) < CENT

    exact = -sum(int(line["amount"]) * Fraction(line["price"]) for line in lines)
    noise = 4 * 2**-53 * fsum(abs(int(line["amount"])) * float(line["price"]) for line in lines)
    assert abs(float(exact) - earned) < noise < CENT / 1_000


@ways
def test_every_round_trip_and_every_open_lot_is_the_one_that_was_counted(counted, kept, way):
    closed, held, _, _ = counted
    trips, lots = defaultdict(dict), defaultdict(dict)
    for row in kept[way]["round_trips"]:
        trips[row["instrument"]][row["entry_fill"], row["exit_fill"]] = row["quantity"]
    for row in kept[way]["open_lots"]:
        lots[row["instrument"]][row["fill"]] = row["quantity"]
    assert closed == trips
    assert held == lots


def test_shuffled_fills_leave_the_same_rows_as_fills_in_order(kept):
    assert kept["in order"] == kept["shuffled"]


def test_the_command_replays_the_file_itself_to_the_same_money(log, migrated, tmp_path):
    """With the map of ``docs/replay.md``, in which the order of the file is that of the executions of a day."""
    (tmp_path / "registry.toml").write_text('strategy = "main"\n')
    (tmp_path / "learning.toml").write_text('registries = ["registry.toml"]\nstore_url = "sqlite:///learning.db"\n')
    (tmp_path / "fills.toml").write_text(MAP)
    database = shutil.copy(migrated, tmp_path)
    command = [Path(sys.executable).parent / "learning", "replay", FILE, "--map", "fills.toml"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert 0 == done.returncode, done.stderr
    assert "took in 9,367 events" in done.stdout

    store = Store.open(f"sqlite:///{database}", clock=lambda: 0)
    with store.read() as reading:
        symbols = dict(tuple(row) for row in reading.execute(select(instruments.c.id, instruments.c.symbol)))
        trips = [(symbols[row.instrument], row.gross) for row in reading.execute(select(round_trips))]
        open_ = [(symbols[row.instrument], -row.quantity * row.price) for row in reading.execute(select(open_lots))]
    store.close()
    for symbol in SYMBOLS:
        earned = fsum(money for name, money in (*trips, *open_) if name == symbol)
        told = sum(Fraction(line["txn_dollars"]) for line in log if line["symbol"] == symbol)
        assert abs(float(told) - earned) < CENT, symbol
