"""``learning patterns``: how each pattern has done."""

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from schemas.calendar import Calendar
from workers.commands.console import installation, out
from workers.insight.performance import PatternLine, pattern_lines

LATEST = 30
"""So many patterns are shown; ``--json`` writes all."""

COLUMNS = (
    ("pattern", "left"),
    ("of", "left"),
    ("regime", "left"),
    ("cases", "right"),
    ("won", "right"),
    ("average", "right"),
    ("held", "right"),
    ("best", "right"),
    ("worst", "right"),
    ("drawdown", "right"),
    ("told → won", "right"),
    ("last seen", "left"),
)


def patterns(
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as one JSON array.")] = False,
) -> None:
    """Show how alerts of each pattern have done; docs/patterns.md explains each column."""
    with installation() as place:
        registry = place.strategy(strategy)
        with place.store.read() as reading:
            lines = pattern_lines(reading, registry.strategy, Calendar.named(registry.market.calendar))
            if json:
                sys.stdout.write(msgspec.json.encode(list(lines)).decode() + "\n")
                return
            table = _table(islice(lines, LATEST))
        if table.row_count:
            out.print(table, markup=False)
        elif registry.patterns.edges:
            out.print("no alert with an outcome has shown a pattern yet")
        else:
            out.print(
                "no patterns are kept: the registry declares no edges; add a table [patterns], docs/patterns.md",
                markup=False,
            )


def _table(lines: Iterable[PatternLine]) -> Table:
    table = Table(title="patterns, those with most cases first", title_justify="left")
    for name, justify in COLUMNS:
        table.add_column(name, justify="left" if justify == "left" else "right")
    for one in lines:
        table.add_row(
            one.signature.replace("&", "\n"),
            f"{one.subject} {one.horizon}\n{one.origin}",
            one.regime,
            f"{one.n:,}\nas {one.effective:,.1f}",
            f"{one.success:.1%}\n{one.low:.1%} to {one.high:.1%}",
            f"{one.average:+.2%}",
            "-" if one.holding is None else f"{one.holding:.1f}",
            _percent(one.best),
            _percent(one.worst),
            _percent(one.drawdown),
            _calibration(one),
            one.last_seen,
        )
    return table


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:+.2%}"


def _calibration(one: PatternLine) -> str:
    if one.confidence is None or one.hit_rate is None or one.brier is None:
        return "-"
    return f"{one.confidence:.1%} → {one.hit_rate:.1%}\nBrier {one.brier:.3f} (n {one.told:,})"
