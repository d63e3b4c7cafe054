"""``learning health``: how every part is, why, and since when."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import typer
from rich.table import Table

from events.connection import connect
from events.moments import microseconds, moment, moment_text
from schemas.errors import EngineError
from schemas.reports import HealthOverview, HealthReported, HealthState
from schemas.settings import Settings
from store.client_reports import ClientReport, ClientReports
from store.store import Store
from workers.checks.broker import PART as BROKER
from workers.checks.reading import BADNESS, span, worst_of
from workers.checks.store import PART as STORE
from workers.clock import wall_clock
from workers.commands.console import errors, out, printable
from workers.installation import Installation
from workers.last_word import at_broker, in_store

PART = "health"
BROKER_SECONDS = 1.5
"""The broker has so long for an answer."""

FRESH_LOOKS = 4
SHOWN_CLIENTS = 20
COLOURS = {HealthState.HEALTHY: "green", HealthState.DEGRADED: "yellow", HealthState.CRITICAL: "red"}


class Found(NamedTuple):
    """What one way of asking has found: the last word, or the part that is away and why."""

    overview: HealthOverview | None
    away: HealthReported | None = None
    clients: tuple[ClientReport, ...] = ()


def health() -> None:
    """Show how every part is. The exit code is 0 when all are healthy, 1 when one is degraded, 2 when critical."""
    try:
        place = Installation(os.environ, folder=Path.cwd())
    except EngineError as error:
        errors.print(f"learning: {error}", style="red", markup=False)
        raise typer.Exit(BADNESS[HealthState.CRITICAL]) from error
    found = [_ask(BROKER, lambda: _of_broker(place)), _ask(STORE, lambda: _of_store(place.settings))]
    now = wall_clock()
    parts = _parts(found, settings=place.settings, now=now)
    state = worst_of(parts)
    out.print(_table(parts, now=now))
    for client in _clients(found, now=now):
        out.print(client, markup=False)
    out.print(state.value, style=COLOURS[state])
    raise typer.Exit(BADNESS[state])


def _ask(part: str, question: Callable[[], Found]) -> Found:
    try:
        return question()
    except EngineError as error:
        return Found(None, HealthReported(part=part, state=HealthState.CRITICAL, reasons=[str(error)]))


def _of_broker(place: Installation) -> Found:
    _ = place.broker  # says what to do where no broker is named
    with connect(place.settings.redis_url, timeout=BROKER_SECONDS) as redis:
        return Found(at_broker(redis, prefix=place.settings.prefix))


def _of_store(settings: Settings) -> Found:
    store = Store.open(settings.store_url, clock=wall_clock)
    try:
        overview = in_store(store, settings=settings)
        with store.read() as reading:
            clients = tuple(ClientReports(reading).latest(limit=SHOWN_CLIENTS))
        return Found(overview, None, clients)
    finally:
        store.close()


def _parts(found: list[Found], *, settings: Settings, now: int) -> list[HealthReported]:
    """The parts of the newest word, and on top what this command sees itself."""
    newest = max((one.overview for one in found if one.overview), key=lambda overview: overview.at, default=None)
    parts = {part.part: part for part in newest.parts} if newest else {}
    for one in found:
        if one.away is not None and _is_news(parts.get(one.away.part)):
            parts[one.away.part] = one.away
    if silence := _silence(newest, settings=settings, now=now):
        parts[PART] = silence
    return sorted(parts.values(), key=lambda part: (-BADNESS[part.state], part.part))


def _is_news(known: HealthReported | None) -> bool:
    return known is None or known.state is not HealthState.CRITICAL


def _silence(newest: HealthOverview | None, *, settings: Settings, now: int) -> HealthReported | None:
    limit = max(settings.health_silent_seconds, FRESH_LOOKS * settings.health_every_seconds)
    advice = "start `learning up`, or look at the log of health"
    if newest is None:
        text = f"health has said nothing that can be found; {advice}"
        return HealthReported(part=PART, state=HealthState.CRITICAL, reasons=[text])
    age = (now - newest.at) / 1e6
    if age <= limit:
        return None
    text = f"health is silent: it looked last {span(age)} ago (limit {span(limit)}), and all else is of then"
    return HealthReported(part=PART, state=HealthState.CRITICAL, reasons=[f"{text}; {advice}"], since=moment(newest.at))


def _table(parts: list[HealthReported], *, now: int) -> Table:
    table = Table("part", "state", "since", "why", title="health", title_justify="left")
    for part in parts:
        colour = COLOURS[part.state]
        table.add_row(part.part, f"[{colour}]{part.state.value}[/]", _since(part, now=now), _escaped(part.reasons))
    return table


def _escaped(reasons: list[str]) -> str:
    return printable("\n".join(reasons)).replace("[", "\\[")


def _since(part: HealthReported, *, now: int) -> str:
    if part.since is None:
        return "now"
    since = microseconds(part.since)
    return f"{span(max(0.0, (now - since) / 1e6))} ({moment_text(since - since % 1_000_000)})"


def _clients(found: list[Found], *, now: int) -> Iterator[str]:
    """A line for each trading process that the store knows of."""
    for one in found:
        for report in one.clients:
            said = report.said
            runs = f"runs {said.version}" if said.version else "runs its own defaults"
            counts = ", ".join(
                f"{count:,} {name}" for name, count in (("sent", sum(said.sent.values())), ("dropped", report.dropped))
            )
            yield f"trading: {report.client} {runs}, {counts}, heard {span(max(0.0, (now - report.time) / 1e6))} ago"
