"""``python -m simulation`` (``make results``): measure the learners and write the page of results."""

import os
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from schemas.registry import load_registry
from simulation.figures import Figures, Nulls, Powers, Prices
from simulation.null import UNITS, null_counts
from simulation.outcomes import SESSIONS
from simulation.page import page
from simulation.plot import plot
from simulation.power import Grid, path_powers, powers
from simulation.real_prices import judged_by_year
from simulation.stocks import Stocks, stocks_in

ROOT = Path(__file__).parents[1]
TRYING = ROOT / "var" / "results"
DEMO = ROOT / "parameters" / "demo.toml"
DATA = ROOT.parent / "shared" / "data"

EFFECTS = (0.1, 0.25, 0.5)
UNITS_SEEN = (500, 1_000, 2_000, 4_000, 8_000)

out = Console(soft_wrap=True, highlight=False)


class Part(Enum):
    """A part of the page."""

    NULL = "null"
    POWER = "power"
    PATH = "path"
    PRICES = "prices"


def results(
    part: Annotated[list[Part] | None, typer.Option(help="Run this part only; may be repeated.")] = None,
    nulls: Annotated[int, typer.Option(min=1, help="Histories without an edge, for each learner and world.")] = 20,
    runs: Annotated[int, typer.Option(min=1, help="Histories for each cell of the learners' curves.")] = 5,
    worlds: Annotated[int, typer.Option(min=1, help="Worlds for each curve of the whole path.")] = 2,
    most: Annotated[int, typer.Option(min=500, help="Units that the curves end with.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    data: Annotated[Path, typer.Option(envvar="LEARNING_DATA", help="The folder of real stocks.")] = DATA,
    folder: Annotated[Path, typer.Option(help="Where the page, its plots and its figures go.")] = TRYING,
) -> None:
    """Measure how often learners propose without an edge, what they find, and what they were worth on real prices.

    Parts that are not run keep the figures of the last run. The defaults are for trying.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = part or list(Part)
    stocks = stocks_in(data) if {Part.NULL, Part.PRICES} & set(parts) else None
    grid = Grid(EFFECTS, tuple(units for units in UNITS_SEEN if units <= most), runs, seed)
    for one in parts:
        out.print(f"{one.value} ...")
        if one is Part.NULL:
            found: Nulls | Powers | Prices = _nulls(stocks, nulls, seed)
        elif one is Part.POWER:
            found = Powers(runs=runs, seed=seed, cells=list(powers(grid)))
        elif one is Part.PATH:
            whole = replace(grid, runs=worlds)
            found = Powers(runs=worlds, seed=seed, cells=list(path_powers(whole, processes=os.cpu_count() or 1)))
        else:
            found = _prices(stocks, seed)
        _keep(folder, one, found)
    out.print(f"written: {folder / 'results.md'}")


def _nulls(stocks: Stocks | None, runs: int, seed: int) -> Nulls:
    counts = []
    for one in null_counts(None if stocks is None else stocks.moves, runs=runs, seed=seed):
        out.print(f"{one.learner}, {one.world}: {one.better} of {one.runs}")
        counts.append(one)
    return Nulls(runs=runs, seed=seed, units=UNITS, sessions=SESSIONS, real=stocks is not None, counts=counts)


def _prices(stocks: Stocks | None, seed: int) -> Prices:
    if stocks is None:
        return Prices(seed=seed, stocks=0, rows=[])
    rows = list(judged_by_year(stocks, load_registry(DEMO), seed=seed))
    return Prices(seed=seed, stocks=len(stocks.symbols), rows=rows)


def _keep(folder: Path, part: Part, found: Nulls | Powers | Prices) -> None:
    """Add to the figures of earlier runs, and write everything anew."""
    kept = folder / "results.json"
    figures = msgspec.structs.replace(Figures.read(kept), **{part.value: found})
    figures.write(kept)
    (folder / "results.md").write_text(page(figures), encoding="utf-8")
    for name, curves in (("power", figures.power), ("path", figures.path)):
        if curves is not None:
            plot(curves.cells).savefig(folder / f"results-{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    typer.run(results)
