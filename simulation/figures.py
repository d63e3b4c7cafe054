"""What was measured: all figures of the page of results, with the seeds and sizes of their runs."""

from pathlib import Path

import msgspec
from msgspec import Struct

from simulation.null import NullCount
from simulation.power import Power
from simulation.real_prices import Judged


class Nulls(Struct, frozen=True, kw_only=True):
    """Counts in worlds without an edge."""

    runs: int
    seed: int
    units: int
    sessions: int
    real: bool
    counts: list[NullCount]


class Powers(Struct, frozen=True, kw_only=True):
    """Curves, one cell a row."""

    runs: int
    seed: int
    cells: list[Power]


class Prices(Struct, frozen=True, kw_only=True):
    """What was learned of real prices; without rows the data were not there."""

    seed: int
    stocks: int
    rows: list[Judged]


class Figures(Struct, frozen=True, kw_only=True):
    """All parts; None is what was not run yet."""

    null: Nulls | None = None
    power: Powers | None = None
    path: Powers | None = None
    prices: Prices | None = None

    @classmethod
    def read(cls, path: Path) -> "Figures":
        """What earlier runs left at ``path``; nothing where there is no such file."""
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.is_file() else cls()

    def write(self, path: Path) -> None:
        """Leave them at ``path`` for the next run."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
