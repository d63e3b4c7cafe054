"""``learning import-legacy``: what an in-process learner of a bot leaves behind."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer
from rich.table import Column as TableColumn
from rich.table import Table

from schemas.calendar import Calendar
from schemas.parameters import Registry
from workers.commands.console import installation, out, printable
from workers.commands.replay import replayed
from workers.installation import Installation
from workers.legacy.folder import AUDIT, EXPERIMENTS, HEALTH, HISTORY, REGISTRY, Folder, read_folder
from workers.legacy.history import Event, History
from workers.legacy.learned import learned_values
from workers.replay.column_map import Column
from workers.replay.moments import moment_reader
from workers.replay.replay import Options
from workers.replay.sources import Source

NOT_THERE = "the file is not there"


def import_legacy(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the five JSON files.")],
    zone: Annotated[str, typer.Option(help="Where the bot's clock stood, such as America/New_York: it told no zone.")],
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
) -> None:
    """Take the alerts and outcomes of an old in-process learner in, and show what of it has no place."""
    with installation() as place:
        registry = place.strategy(strategy)
        found = read_folder(folder)
        history = _history(found, registry, _zone(zone))
        _take_in(place, history, registry)
        _tell(found, history)
        if found.parameters:
            _tell_learned(found, registry)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise typer.BadParameter(f"{name!r} is no time zone, expected one such as America/New_York") from error


def _history(found: Folder, registry: Registry, zone: str) -> History:
    calendar = Calendar.named(registry.market.calendar)
    moment = moment_reader(Column(column="timestamp", zone=zone), "its timestamp", calendar=calendar)
    return History(found.outcomes or [], strategy=registry.strategy, calendar=calendar, moment=moment)


def _take_in(place: Installation, history: History, registry: Registry) -> None:
    """Through a file of events, as any history comes in."""
    with TemporaryDirectory() as made:
        file = Path(made) / f"{HISTORY}l"
        if _written(file, history.events()):
            replayed(place, [Source(file, None)], Options(registry.strategy))


def _written(file: Path, events: Iterable[Event]) -> int:
    """How many events were written, one a line."""
    written = 0
    with file.open("wb") as lines:
        for event in events:
            lines.write(msgspec.json.encode(event) + b"\n")
            written += 1
    return written


def _tell(found: Folder, history: History) -> None:
    table = Table("file", TableColumn("what became of it", overflow="fold"))
    taken = f"{history.alerts:,} alerts and {history.outcomes:,} outcomes were handed to the books"
    table.add_row(HISTORY, NOT_THERE if found.outcomes is None else taken)
    for reason, refused in history.refused.most_common():
        table.add_row("", f"refused {refused:,}: {printable(reason)}")
    for what, unplaced in history.unplaced.most_common():
        table.add_row("", f"no place for {unplaced:,} {what}")
    parameters = None if found.parameters is None else len(found.parameters)
    for name, count, why in (
        (REGISTRY, parameters, "parameters: values are proposed by a person, see below; beliefs are not carried over"),
        (EXPERIMENTS, found.experiments, "experiments: a [[trial]] in the registry begins a new one"),
        (AUDIT, found.audit, "changes: `learning params history` tells those of this engine"),
        (HEALTH, found.health, "checks: `learning health` looks for itself"),
    ):
        table.add_row(name, NOT_THERE if count is None else f"no place for {count:,} {why}")
    out.print(table, markup=False)


def _tell_learned(found: Folder, registry: Registry) -> None:
    rows = list(learned_values(found.parameters or {}, registry))
    if not rows:
        out.print("every old parameter has its default", markup=False)
        return
    table = Table("learned there", "default", "value", "samples", TableColumn("to propose it", overflow="fold"))
    for row in rows:
        samples = "not told" if row.samples is None else str(row.samples)
        table.add_row(*(printable(str(cell)) for cell in (row.name, row.default, row.value, samples, row.advice)))
    out.print(table, markup=False)
    out.print(
        "nothing of these was taken over: how they were learned cannot be checked here. Before you propose one, see "
        "with `learning params show` whether it counts in the same unit",
        markup=False,
    )
