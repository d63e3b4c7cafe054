"""Daily bars of real stocks, from a folder that is no part of the project."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FILE = "us_stocks_daily.csv.gz"
"""Columns symbol, date, open, high, low, close, volume; an empty field is a missing number."""

COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, eq=False)
class Stocks:
    """Stocks that have a whole bar on every one of the ``dates``, which rise.

    ``bars`` has the shape (sessions, stocks, 5): open, high, low, close and volume. Prices of a bar whose open or close
    lies outside of its high and low are widened to hold them.
    """

    dates: tuple[str, ...]
    symbols: tuple[str, ...]
    bars: Floats

    @property
    def moves(self) -> Floats:
        """What each close earned against the one before it, as fractions, of shape (sessions - 1, stocks)."""
        closes = self.bars[..., 3]
        moves: Floats = closes[1:] / closes[:-1] - 1
        return moves


def stocks_in(folder: Path) -> Stocks | None:
    """The stocks of ``folder``, or None where it holds no such file."""
    path = folder / FILE
    if not path.is_file():
        return None
    found: dict[str, dict[str, list[float]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if all(row[name] for name in COLUMNS):
                found.setdefault(row["symbol"], {})[row["date"]] = [float(row[name]) for name in COLUMNS]
    dates = max((tuple(sorted(rows)) for rows in found.values()), key=len)
    whole = sorted(symbol for symbol, rows in found.items() if tuple(sorted(rows)) == dates)
    bars = np.array([[found[symbol][date] for symbol in whole] for date in dates])
    bars[..., 1], bars[..., 2] = bars[..., :4].max(axis=2), bars[..., :4].min(axis=2)
    return Stocks(dates, tuple(whole), bars)
