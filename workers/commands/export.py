"""``learning export``: examples for a notebook."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import typer
from msgspec import ValidationError, convert
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from schemas.attributed import ExampleState, Origin
from schemas.outcome import Horizon
from store.books import tallied
from store.selections import Selection
from workers.commands.console import errors, installation
from workers.export.columns import COLUMNS
from workers.export.export import Advance, Export
from workers.export.files import writing


def _horizon(text: str) -> str:
    try:
        return convert(text, Horizon)
    except ValidationError as error:
        raise typer.BadParameter(f"{text!r} is no horizon; write such as 5d, 4h, 30m or close") from error


def _session(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date; write such as 2024-01-31") from error


File = Annotated[
    str, typer.Argument(help="FILE.parquet, FILE.jsonl, FILE.jsonl.gz, or - for lines on standard output.")
]
Horizons = Annotated[
    list[str] | None, typer.Option("--horizon", parser=_horizon, metavar="5d", help="Only this one; may be repeated.")
]
States = Annotated[list[ExampleState] | None, typer.Option("--state", help="Only this one; may be repeated.")]
Session = Annotated[
    str | None, typer.Option(parser=_session, metavar="SESSION", help="An assignment session, included.")
]


def export(
    file: File,
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    horizon: Horizons = None,
    origin: Annotated[Origin | None, typer.Option(help="Who says what followed; both where not said.")] = None,
    state: States = None,
    since: Session = None,
    until: Session = None,
) -> None:
    """Write examples, one row each, with all that is known of them; docs/data-dictionary.md names every column."""
    if since and until and since > until:
        errors.print(f"--since {since} is later than --until {until}: no session lies between them", markup=False)
        raise typer.Exit(1)
    with installation() as place:
        registry = place.strategy(strategy)
        selection = Selection(
            strategy=registry.strategy,
            horizons=horizon or (),
            origin=origin.value if origin else None,
            states=[each.value for each in state or ()],
            since=since,
            until=until,
        )
        with place.store.read() as reading, writing(file, COLUMNS) as writer, _bar() as advance:
            count = Export(reading, selection, market=registry.market).into(writer, advance=advance)
            there = {place.horizon for place in tallied(reading, registry.strategy).standing}
        errors.print(f"{count:,} examples of strategy {registry.strategy} in {file}", markup=False)
        named = ", ".join(sorted(there, key=_length)) or "none"
        for one in sorted(set(horizon or ()) - there, key=_length):
            errors.print(f"no example has the horizon {one}; there are: {named}", markup=False)


def _length(horizon: str) -> tuple[str, int]:
    """Sorts horizons by their unit, then by how many of them."""
    number = horizon.rstrip("dhmclose")
    return horizon.removeprefix(number), int(number or 0)


@contextmanager
def _bar() -> Iterator[Advance]:
    """A bar on standard error, so that standard output is the data's alone."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        tasks = {name: progress.add_task(f"{name} at examples", total=None) for name in ("looking", "writing")}

        def advance(name: str, count: int, total: int | None) -> None:
            if total is not None:
                progress.update(tasks[name], total=total)
            progress.advance(tasks[name], count)

        yield advance
