"""``learning up``: everything on one machine, with one command."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from events.broker import EmbeddedBroker
from events.heartbeat import heartbeats
from schemas.calendar import Calendar
from schemas.errors import InvalidSettings
from schemas.settings import Mode
from store.store import Store
from workers.clock import wall_clock
from workers.commands.console import installation, out
from workers.commands.env import exports
from workers.installation import ENV_FILE, Installation
from workers.processes.procfile import read_procfile
from workers.processes.supervisor import Supervisor

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green")


def up(
    mode: Annotated[Mode | None, typer.Option(help="What the gate may do; LEARNING_MODE where not said.")] = None,
) -> None:
    """Start the broker, the migrations and every process of the Procfile; Ctrl-C stops all of it."""
    over = {"LEARNING_MODE": mode.value} if mode else {}
    with installation(**over) as place:
        processes = read_procfile(place.folder / "Procfile", prefix=place.settings.prefix)
        for registry in place.registries.values():
            Calendar.named(registry.market.calendar)
        if place.named:
            _refuse_company(place)
            _run(place, processes, over, tend=lambda: None)
            return
        with _own_broker(place) as broker:
            environ = {**os.environ, **over, "RQ_REDIS_URL": broker.start()}
            _run(Installation(environ, folder=place.folder), processes, over, tend=lambda: _revive(broker))


def _refuse_company(place: Installation) -> None:
    """Two engines would share one stream's events between two stores, and neither would know all of them."""
    if alive := heartbeats(place.broker, prefix=place.settings.prefix):
        raise InvalidSettings(
            f"an engine works on this broker already ({', '.join(sorted(alive))}); stop it and wait until its last "
            "heartbeats fade (a few seconds), or give this one a LEARNING_PREFIX of its own"
        )


@contextmanager
def _own_broker(place: Installation) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(place.folder / place.settings.data_dir, env_file=place.folder / ENV_FILE)
    try:
        yield broker
    finally:
        broker.stop()


def _revive(broker: EmbeddedBroker) -> None:
    """Start a broker that died again, at the same address and with what it had written."""
    if not broker.running:
        out.print("the broker ended; starting it again", style="red")
        broker.stop()
        broker.start()


def _run(
    place: Installation, processes: Mapping[str, str], over: Mapping[str, str], *, tend: Callable[[], None]
) -> None:
    store = Store.open(place.settings.store_url, clock=wall_clock)
    store.migrate()
    store.close()
    out.print(f"broker {place.settings.redis_url_shown}, store {place.settings.store_url_shown}")
    out.print(f"mode {place.settings.mode.value}, strategies {', '.join(place.registries)}; Ctrl-C stops everything")
    Supervisor(
        processes,
        folder=place.folder,
        environment=_environment(place, over),
        say=_speaker([*processes, "up"]),
        timer=time.monotonic,
        tend=tend,
    ).run()


def _environment(place: Installation, over: Mapping[str, str]) -> dict[str, str]:
    """The environment of every process: ours, the exports, what the command line said, and our own Python first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **exports(place), **over, "PATH": path, "PYTHONUNBUFFERED": "1"}


def _speaker(names: Sequence[str]) -> Callable[[str, str], None]:
    """Writes a line under the clock and the name of its process, each in its colour."""
    width = max(map(len, names))
    colours = dict(zip(names, cycle(COLOURS), strict=False))

    def say(name: str, line: str) -> None:
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        head = Text(f"{now} {name:<{width}} | ", style=colours.get(name, "white"))
        out.print(head + Text.from_ansi(line))

    return say
