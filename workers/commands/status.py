"""``learning status``: what came in, what became of it, what is in force, and who is alive."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from sqlalchemy import Connection

from events.errors import BrokerRefused, BrokerUnreachable
from events.heartbeat import heartbeats
from schemas.beat import Beat
from schemas.cycles import KINDS
from schemas.errors import EngineError, InvalidSettings
from schemas.parameters import Registry
from schemas.reports import HealthState
from schemas.version import Version
from store.applications import Applications
from store.counts import Counts, counts, refusals, waiting_letters
from store.cycles import Cycles
from store.proposals import Proposals
from store.versions import Versions
from workers.clock import wall_clock
from workers.commands.console import errors, installation, out
from workers.deployment import Deployment
from workers.gate.publication import BEFORE_ANY_SESSION
from workers.installation import Installation

LATEST = 5
"""So many proposals and refusals are shown."""


def status(strategy: Annotated[str | None, typer.Option(help="Only this one.")] = None) -> None:
    """Show how the whole loop stands. Without a broker that answers it is what the store holds, and exit code 1."""
    with installation() as place:
        chosen = [place.strategy(strategy)] if strategy else list(place.registries.values())
        alive, silence = _alive(place)
        with place.store.read() as reading:
            for registry in chosen:
                _show_strategy(reading, registry, mode="mode unknown" if silence else _mode(alive))
            _show_refusals(refusals(reading, limit=LATEST))
            _show_waiting(waiting_letters(reading))
        if silence is not None:
            raise silence
        _show_workers(alive)


def _alive(place: Installation) -> tuple[dict[str, Beat], EngineError | None]:
    """The last words of all who are alive, or why nobody could be asked."""
    try:
        words = heartbeats(place.broker, prefix=place.settings.prefix)
    except (InvalidSettings, BrokerUnreachable, BrokerRefused) as error:
        return {}, error
    return {name: msgspec.json.decode(word.body, type=Beat) for name, word in words.items()}, None


def _show_strategy(reading: Connection, registry: Registry, *, mode: str) -> None:
    name = registry.strategy
    have = counts(reading, name)
    version = Versions(reading).latest(name)
    table = Table(title=f"strategy {name}", show_header=False, title_justify="left")
    table.add_row("came in", _came_in(have))
    table.add_row("examples", _counted(have.examples) or "none yet")
    table.add_row("sessions", f"{have.sessions} settled; cycles: {_counted(have.cycles) or 'none yet'}")
    table.add_row("gate", f"{mode}; proposals: {_counted(have.proposals) or 'none yet'}")
    in_force = _called(version) if version else "none: trading runs its own defaults"
    table.add_row("version", f"{in_force}; {have.versions} in all, {have.acknowledged} acknowledged by trading")
    for client in Applications(reading).clients(name):
        table.add_row("trading", f"{client.client} runs {client.version}")
    for row in Proposals(reading).history(name, limit=LATEST):
        table.add_row(
            "proposal", f"{row.proposal.proposal_id}: {row.state.value}: {row.decided or row.proposal.reason}"
        )
    for kind in KINDS:
        for finished in Cycles(reading).history(name, kind, limit=1):
            table.add_row(f"last {kind} cycle", finished.completed.report)
    out.print(table, markup=False)


def _called(version: Version) -> str:
    started = version.session == BEFORE_ANY_SESSION
    return f"{version.id}, {'the registry as it stands' if started else f'of session {version.session}'}"


def _came_in(have: Counts) -> str:
    names = ("alerts", "decisions", "fills", "outcomes", "prices", "discovery_runs", "theses")
    return _counted({name: getattr(have, name) for name in names if getattr(have, name)}) or "nothing yet"


def _show_refusals(found: Mapping[tuple[str, str], int]) -> None:
    for (stream, reason), count in found.items():
        out.print(f"refused {count} of {stream}: {reason}", style="yellow", markup=False)


def _show_waiting(waiting: Mapping[str, int]) -> None:
    if waiting:
        out.print(f"waiting in the outbox: {_counted(waiting)}", style="yellow")


def _mode(alive: Mapping[str, Beat]) -> str:
    """The gate's mode, as the gate itself says; this shell's settings may be other ones."""
    modes = {beat.mode for name, beat in alive.items() if name.startswith(f"{Deployment.name}:")}
    return f"mode {' and '.join(sorted(modes))}" if modes else "deployment is not running"


def _show_workers(alive: Mapping[str, Beat]) -> None:
    if not alive:
        errors.print("no worker is alive; start `learning up`", style="red")
    for name, beat in alive.items():
        age = (wall_clock() - beat.at) / 1e6
        told = f"{name}: {'stopped' if beat.stopped else beat.state.value}, {age:.1f} s ago, {_counted(beat.counts)}"
        for line in (told, *(f"  {reason}" for reason in beat.reasons)):
            out.print(line, style="green" if beat.state is HealthState.HEALTHY else "yellow", markup=False)


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in _ordered(numbers.items()))


def _ordered(items: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(items, key=lambda item: -item[1])
