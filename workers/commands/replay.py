"""``learning replay``: history from files into the books."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from store.counts import waiting_letters
from workers.attribution import Attribution
from workers.clock import wall_clock
from workers.commands.console import errors, installation, out
from workers.garbage import collected_between_turns
from workers.installation import Installation
from workers.logs import configure_logs
from workers.replay.column_map import ColumnMap, load_map
from workers.replay.errors import InvalidMap
from workers.replay.patience import Company
from workers.replay.progress import Bar, Lines
from workers.replay.replay import Ended, Options, Replay
from workers.replay.rows import Rows
from workers.replay.sources import Source
from workers.stop_signal import StopSignal

REASONS = 5
"""So many reasons of refusals are shown."""

NO_MAP = Path("-")
"""Stands for the map of a file that needs none."""

INTERRUPTED = 130
"""The exit code of what Ctrl-C ended."""


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="JSON lines, CSV or Parquet, packed with gzip or zstd or not; merged by time."
        ),
    ],
    map_: Annotated[
        list[Path] | None,
        typer.Option(
            "--map", help="Which column is which field, a TOML file: one for all files, or one for each; - for none."
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="Take in only its events; rows of a map belong to it. Needed with several.")
    ] = None,
    close_sessions: Annotated[
        bool, typer.Option("--close-sessions", help="Close sessions by the calendar, after the last event of each.")
    ] = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Do it all again; what is in the books already changes nothing.")
    ] = False,
) -> None:
    """Take history in from files, without a broker, as the streams would have brought it."""
    with installation() as place:
        sources = _sources(place, files, [_map(path) for path in map_ or []], strategy)
        replayed(place, sources, Options(strategy, close_sessions, from_start), again="; --from-start does it again")


def replayed(place: Installation, sources: Sequence[Source], options: Options, *, again: str = "") -> None:
    """Replay ``sources`` and say what became of them; ``again`` is said where it was all done before.

    What Ctrl-C ends, ends the command.
    """
    _quieten(place)
    stop = StopSignal()
    run = Replay(
        sources,
        options,
        worker=lambda on_settled: Attribution(
            place.store, registries=place.registries, clock=wall_clock, on_settled=on_settled
        ),
        store=place.store,
        registries=place.registries,
        settings=place.settings,
        company=Company(wall_clock, stop.wait, random.random, lambda: stop.asked),
    )
    with Bar(errors) if errors.is_terminal else Lines() as watcher, collected_between_turns():
        ended = run.run(watcher)
    _tell(place, ended, again)
    if ended.standing.finished_at is None:
        raise typer.Exit(INTERRUPTED)


def _map(path: Path) -> ColumnMap | None:
    return None if path == NO_MAP else load_map(path)


def _sources(
    place: Installation, files: Sequence[Path], maps: Sequence[ColumnMap | None], strategy: str | None
) -> list[Source]:
    """Each file with the map that it is read by: the one there is, its own, or none."""
    if len(maps) not in (0, 1, len(files)):
        raise typer.BadParameter(
            f"{len(maps)} maps for {len(files)} files: name one for all, or one for each, in order; - for a file "
            "that needs none"
        )
    if strategy is not None:
        place.strategy(strategy)
    if not maps:
        return [Source(file, None) for file in files]
    rows = [_rows(place, told, strategy) if told else None for told in maps]
    return [Source(file, rows[number % len(rows)]) for number, file in enumerate(files)]


def _rows(place: Installation, told: ColumnMap, strategy: str | None) -> Rows:
    if strategy is not None and told.strategy not in (None, strategy):
        raise InvalidMap(f"{told.path}: its rows are of strategy {told.strategy!r}, and --strategy says {strategy!r}")
    return Rows(told, place.strategy(strategy or told.strategy))


def _quieten(place: Installation) -> None:
    """On a terminal the bar speaks, and the end; refusals and settled sessions would fill the screen."""
    configure_logs(place.settings)
    if errors.is_terminal:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))


def _tell(place: Installation, ended: Ended, again: str) -> None:
    """What was taken in, what was not and why, and what happens next."""
    standing = ended.standing
    say = partial(out.print, markup=False)
    if ended.before:
        say(f"{standing.name} was replayed before, nothing was done{again}")
        return
    settled = _counted(len(ended.settled), "session")
    say(f"took in {_counted(ended.taken, 'event')} of {standing.name}; {settled} settled")
    if standing.finished_at is None:
        say(f"stopped after {_counted(standing.taken, 'event')} in all; the same command goes on from there")
    if ended.passed_over:
        say(
            f"passed over {_counted(ended.passed_over, 'row')} of other strategies, or of types that no book is kept of"
        )
    for reason, count in ended.reasons.most_common(REASONS):
        out.print(f"refused {count:,}: {reason}", style="yellow", markup=False)
    if len(ended.reasons) > REASONS:
        say(f"and {len(ended.reasons) - REASONS:,} other reasons; `learning status` shows them")
    with place.store.read() as reading:
        waiting = waiting_letters(reading)
    if waiting:
        say(f"{_counted(sum(waiting.values()), 'letter')} wait for `attribution` to send them, when it runs next")
    if ended.settled:
        say("the cycles of settled sessions are found by `rq cron` (every ten minutes) while the engine runs")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
