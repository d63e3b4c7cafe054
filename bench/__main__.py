"""``python -m bench [NAME ...]`` measures, and prints one table."""

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import (
    assignment,
    attribution,
    client,
    codec,
    copying,
    followers,
    growth,
    insert,
    learning,
    loop,
    maturing,
    memory,
    optimiser,
    postgresql,
    refit,
    regret,
    rows,
    sharing,
    turn,
)
from bench.comparison import Comparison
from bench.flags import measurement as flags
from bench.frameworks import measurement as frameworks
from bench.machine import machine
from bench.workbench import LeftOut, Workbench
from events.broker import EmbeddedBroker
from events.connection import connect

Measure = Callable[[Workbench], Iterator[Comparison]]

MEASUREMENTS: Mapping[str, Measure] = {
    "codec": codec.measure,
    "assignment": assignment.measure,
    "insert": insert.measure,
    "copying": copying.measure,
    "turn": turn.measure,
    "attribution": attribution.measure,
    "postgresql": postgresql.measure,
    "sharing": sharing.measure,
    "frameworks": frameworks.measure,
    "maturing": maturing.measure,
    "growth": growth.measure,
    "client": client.measure,
    "flags": flags.measure,
    "followers": followers.measure,
    "loop": loop.measure,
    "learning": learning.measure,
    "refit": refit.measure,
}

LONG: Mapping[str, Measure] = {
    "rows": rows.measure,
    "memory": memory.measure,
    "optimiser": optimiser.measure,
    "regret": regret.measure,
}
"""What takes most of an hour, and gigabytes: only where it is named."""


CAPTION = (
    "Medians of runs by turns. Ratio: ours by baseline, the median, lowest and highest of all pairs of runs. "
    "Of a rate more is better, of a time less."
)


def main() -> int:
    """Run what the command line names, or everything but what takes long; the exit code."""
    names = sys.argv[1:] or list(MEASUREMENTS)
    known = {**MEASUREMENTS, **LONG}
    if unknown := [name for name in names if name not in known]:
        sys.stderr.write(f"there is no measurement {', '.join(unknown)}; known: {', '.join(known)}\n")
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(width=None if sys.stdout.isatty() else 130)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        broker = EmbeddedBroker(Path(folder))
        url = broker.start()
        try:
            console.print(_table(_measured({name: known[name] for name in names}, Path(folder), url, console)))
            with connect(url) as redis:
                console.print(*machine(redis), sep="\n", highlight=False)
        finally:
            broker.stop()
    return 0


def _measured(chosen: Mapping[str, Measure], folder: Path, url: str, console: Console) -> list[Comparison]:
    found: list[Comparison] = []
    with _progress(console) as progress, connect(url) as redis:
        task = progress.add_task("", total=len(chosen), what="")
        for name, measure in chosen.items():
            redis.flushall()
            place = folder / name
            place.mkdir()
            if not console.is_terminal:
                console.print(f"measuring {name}")
            try:
                found += measure(Workbench(place, url, tell=_teller(progress, task)))
            except LeftOut as reason:
                console.print(f"{name} is left out: {reason}", markup=False)
            progress.advance(task)
    return found


def _progress(console: Console) -> Progress:
    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
        console=console,
        transient=True,
    )


def _teller(progress: Progress, task: TaskID) -> Callable[[str], None]:
    return lambda what: progress.update(task, what=what)


def _table(comparisons: list[Comparison]) -> Table:
    table = Table(caption=CAPTION, caption_justify="left")
    table.add_column("what")
    table.add_column("against")
    for name in ("ours", "baseline", "ratio", "lowest", "highest"):
        table.add_column(name, justify="right")
    for one in comparisons:
        table.add_row(
            one.what,
            one.against,
            f"{_figure(median(one.ours))} {one.unit}",
            f"{_figure(median(one.baseline))} {one.unit}",
            _figure(one.ratio),
            _figure(min(one.ratios)),
            _figure(max(one.ratios)),
        )
    return table


def _figure(number: float) -> str:
    """Three digits that count."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    sys.exit(main())
