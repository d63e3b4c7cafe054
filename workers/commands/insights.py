"""``learning insights``: what the newest session's insights say."""

import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from store.insights import InsightRow, Insights
from workers.commands.console import installation, out


def insights(
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    session: Annotated[str | None, typer.Option(metavar="SESSION", help="Of this session; else the newest.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Write them with all their figures, one JSON array.")] = False,
) -> None:
    """Show what was found in features and patterns after a session; docs/patterns.md says how."""
    with installation() as place:
        name = place.strategy(strategy).strategy
        with place.store.read() as reading:
            stored = Insights(reading)
            rows = stored.latest(name) if session is None else stored.of(name, session)
        if json:
            everything = [
                {"insight": msgspec.Raw(row.body.encode()), "figures": msgspec.Raw(row.figures.encode())}
                for row in rows
            ]
            sys.stdout.write(msgspec.json.encode(everything).decode() + "\n")
        elif rows:
            out.print(_table(rows), markup=False)
        else:
            when = "yet" if session is None else f"of session {session}"
            out.print(f"no insights {when}: they follow a daily cycle, once 10 alerts have outcomes", markup=False)


def _table(rows: list[InsightRow]) -> Table:
    table = Table("about", "estimate", "says", title=f"insights of session {rows[0].session}", title_justify="left")
    for row in rows:
        made = row.published
        estimate = "-" if made.estimate is None else f"{made.estimate:+.4g}"
        if made.interval is not None:
            estimate += f"\n{made.interval[0]:+.3g} to {made.interval[1]:+.3g}"
        table.add_row(f"{row.kind}\n{row.subject}", estimate, made.text)
    return table
