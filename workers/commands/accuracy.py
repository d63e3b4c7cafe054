"""``learning accuracy``: how right trading's own words were."""

import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from learning.agreement import CLASSES, RIGHT
from workers.commands.console import installation, out
from workers.join.rules import Rules
from workers.judgement.catalysts import Rate
from workers.judgement.judgement import Judgement, judge
from workers.judgement.runs import Discoveries, DiscoveryRun
from workers.judgement.theses import Accuracy, Theses
from workers.judgement.volumes import Mean, VolumeAccuracy

LATEST = 10
"""So many discovery runs are shown; ``--json`` writes all."""


def accuracy(
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    since: Annotated[str | None, typer.Option(metavar="SESSION", help="From this session on; else all.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as one JSON object.")] = False,
) -> None:
    """Show whether theses, catalysts, predicted volumes and discovery runs were right; docs/books.md explains each."""
    with installation() as place:
        rules = Rules(place.strategy(strategy))
        with place.store.read() as reading:
            judgement = judge(reading, rules, since=since)
        if json:
            sys.stdout.write(msgspec.json.encode(judgement).decode() + "\n")
        else:
            _show(judgement, since=since)


def _show(made: Judgement, *, since: str | None) -> None:
    stretch = f"since {since}" if since else "in all sessions"
    out.print(f"strategy {made.strategy} {stretch}, alerts at {made.horizon}", markup=False)
    for table in (_theses(made.theses), _catalysts(made), _volume(made.volume), _runs(made.discovery)):
        out.print(table, markup=False)
    out.print(_orphans(made.discovery), markup=False)


def _theses(theses: Theses) -> Table:
    table = Table("recommendation", *CLASSES, title=f"theses at {theses.horizon}", title_justify="left")
    for said, came in sorted(theses.table.items()):
        right = RIGHT.get(said, frozenset())
        table.add_row(said, *(f"{came.get(one, 0):,}{' *' if one in right else ''}" for one in CLASSES))
    table.caption = _verdict(theses)
    table.caption_justify = "left"
    return table


def _verdict(theses: Theses) -> str:
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(theses.states.items())) or "none came"
    made = theses.accuracy
    if made is None:
        return f"none judged yet; {states}"
    right = f"right (*) {made.right:,} of {made.n:,}, {made.share:.1%} ({_interval(made)})"
    return f"{right}; blindly {made.by_chance:.1%}\n{_worth(made)}; {states}"


def _interval(made: Accuracy | Rate) -> str:
    low, high = made.interval
    return f"{low:.1%} to {high:.1%}"


def _worth(made: Accuracy | Rate | Mean | DiscoveryRun) -> str:
    return f"effective n {made.n_eff:.1f}, average uniqueness {made.uniqueness:.2f}"


def _catalysts(made: Judgement) -> Table:
    columns = ("catalyst", "alerts", "reported", "by prices")
    table = Table(*columns, title="catalysts that materialised", title_justify="left")
    for one in made.catalysts:
        table.add_row(one.type, f"{one.alerts:,}", _rate(one.reported), _rate(one.computed))
    table.caption = f"by prices, of all judged alerts: {_rate(made.base_rate)}"
    table.caption_justify = "left"
    return table


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.share:.1%} ({rate.materialised:,} of {rate.n:,}), {_interval(rate)}\n{_worth(rate)}"


def _volume(made: VolumeAccuracy) -> Table:
    table = Table("predicted", "reported", "by bars", title="accuracy of predicted volume", title_justify="left")
    table.add_row(f"{made.predictions:,}", _mean(made.reported), _mean(made.computed))
    return table


def _mean(mean: Mean | None) -> str:
    return "-" if mean is None else f"{mean.mean:.1%} (n {mean.n:,})\n{_worth(mean)}"


def _runs(made: Discoveries) -> Table:
    columns = ("run", "time", "universe", "filtered", "candidates", "alerts", "matched", "mean return")
    table = Table(*columns, title=f"discovery runs, the newest of {len(made.runs):,}", title_justify="left")
    for run in made.runs[:LATEST]:
        mean = "-" if run.mean_return is None else f"{run.mean_return:+.2%}\n{_worth(run)}"
        filtered = "-" if run.filtered is None else f"{run.filtered:,}"
        counts = (f"{run.universe:,}", filtered, f"{run.candidates:,}", f"{run.alerts:,}", f"{run.matched:,}")
        table.add_row(run.run_id, run.time, *counts, mean)
    return table


def _orphans(made: Discoveries) -> str:
    alerts = "alert names" if made.alerts_of_unknown_runs == 1 else "alerts name"
    runs = "run" if made.unknown_runs == 1 else "runs"
    nameless = "names" if made.alerts_without_run == 1 else "name"
    return (
        f"{made.alerts_of_unknown_runs:,} {alerts} {made.unknown_runs:,} {runs} that never came, "
        f"{made.alerts_without_run:,} {nameless} none"
    )
