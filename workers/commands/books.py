"""``learning books``: whether everything that came in stands in the books, and how."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection

from schemas.attributed import ExampleState
from schemas.parameters import Registry
from schemas.reports import BooksReconciled
from store.sessions import Sessions
from store.work import taken
from workers.commands.console import installation, out
from workers.join.balance import recounted
from workers.join.reconciliation import stock_of
from workers.join.rules import Rules

STATES = [state.value for state in ExampleState]


def books(
    strategy: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    recount: Annotated[bool, typer.Option("--recount", help="Really count every row too.")] = False,
) -> None:
    """Compare what came in up to now with what stands. The exit code is 1 where it does not balance."""
    with installation() as place:
        chosen = [place.strategy(strategy).strategy] if strategy else sorted(place.registries)
        with place.store.read() as reading:
            balanced = [_show(reading, place.registries[name]) for name in chosen]
            balanced += [_recount(reading, name) for name in chosen if recount]
        if not all(balanced):
            raise typer.Exit(1)


def _show(reading: Connection, registry: Registry) -> bool:
    latest = Sessions(reading).latest(registry.strategy)
    if latest is None:
        out.print(f"strategy {registry.strategy}: no session has settled yet, so nothing is reconciled", markup=False)
        return True
    made, _ = stock_of(reading, Rules(registry), session=latest.session, cut=taken(reading))
    out.print(_summary(made), markup=False)
    out.print(_slots(made), markup=False)
    for issue in made.issues:
        out.print(issue, style="red", markup=False)
    if not made.issues:
        out.print("the books balance", style="green")
    return not made.issues


def _summary(made: BooksReconciled) -> Table:
    table = Table(title=f"books of {made.strategy}", show_header=False, title_justify="left")
    table.add_row("up to", f"number {made.cut:,} of the ingest sequence; {made.session} was the last session to settle")
    table.add_row("came in", _counted(made.came_in))
    table.add_row("expected", f"{made.expected:,} examples")
    table.add_row("stand", _counted(made.states) or "none")
    table.add_row("marked", _counted(made.marks) or "none")
    table.add_row("outcomes", _counted(made.outcomes))
    return table


def _slots(made: BooksReconciled) -> Table:
    """One row for each horizon and origin."""
    table = Table("horizon", "origin", *STATES)
    slots = sorted({tuple(name.split("/")[:2]) for name in made.by_horizon})
    for horizon, origin in slots:
        counts = (made.by_horizon.get(f"{horizon}/{origin}/{state}", 0) for state in STATES)
        table.add_row(horizon, origin, *(f"{count:,}" for count in counts))
    return table


def _recount(reading: Connection, strategy: str) -> bool:
    issues = [issue.text for issue in recounted(reading, strategy)]
    for issue in issues:
        out.print(f"strategy {strategy}: {issue}", style="red", markup=False)
    if not issues:
        out.print(
            f"strategy {strategy}: every row was counted, and the running counts hold", style="green", markup=False
        )
    return not issues


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
