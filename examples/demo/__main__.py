"""``python -m examples.demo``: the loop on daily bars, from an empty folder to a report."""

import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer
from redis import RedisError
from rich.console import Console

from examples.demo.goals import FULL_SESSIONS, combined_checksum, goals, last_line
from examples.demo.options import Options
from examples.demo.report import write_report
from examples.demo.run import run
from examples.demo.summary import show
from examples.scanner import DEFAULTS
from schemas.errors import EngineError


def demo(
    bars: Annotated[
        Path | None, typer.Option(help="Your own daily bars (symbol,date,open,high,low,close,volume) of NYSE sessions.")
    ] = None,
    redis: Annotated[str | None, typer.Option(help="A redis-server to use instead of one of the demo's own.")] = None,
    store: Annotated[str | None, typer.Option(help="A store to use instead of a file in --out.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions to trade, the last ones of the bars.")] = FULL_SESSIONS,
    seed: Annotated[int, typer.Option(min=0, help="Draws the arms; the same seed gives the same versions.")] = 1,
    planted: Annotated[bool, typer.Option("--planted", help="Write a known best value into the outcomes.")] = False,
    out: Annotated[Path, typer.Option(help="Where the report, the logs and the store are put.")] = Path("var/demo"),
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Events that a worker takes in one turn.")] = 500,
) -> None:
    """Close the loop on real daily bars, through real processes, and show what came of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    console = Console()
    options = Options(
        bars=bars, redis=redis, store=store, sessions=sessions, seed=seed, planted=planted, out=out, batch=batch
    )
    try:
        outcome = run(options, console=console)
    except (EngineError, OSError, RedisError) as error:
        console.print(f"the loop did not close: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
    wanted = goals(outcome, sessions=sessions)
    report = out / "report.html"
    write_report(report, outcome, wanted, defaults=DEFAULTS, seed=seed)
    show(outcome, wanted, DEFAULTS, console=console)
    print(f"report: {report}")
    last = outcome.versions[-1]
    print(f"checksum of version {last.id}: {last.checksum}; of all versions: {combined_checksum(outcome.versions)}")
    if missed := [goal.name for goal in wanted if not goal.met]:
        print(f"the loop did not close: {', '.join(missed)}")
        raise typer.Exit(1)
    print(last_line(outcome))


if __name__ == "__main__":
    typer.run(demo)
