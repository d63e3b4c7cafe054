"""``learning db``: the store itself: its schema, who may use it, and copies of it."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from redis import Redis

from events.connection import stored
from events.errors import BrokerRefused, BrokerUnreachable
from events.heartbeat import heartbeats
from store.backups import back_up, restore
from store.errors import StoreBusy, StoreOutdated
from store.store import Store
from workers.clock import wall_clock
from workers.commands.console import errors, installation, out
from workers.gate.publication import snapshot_key
from workers.installation import Installation

database = typer.Typer(no_args_is_help=True, help="The store: its schema, and copies of it.")


class Numbered(msgspec.Struct):
    """As much of a version as its number needs."""

    epoch: int


@database.command()
def init(
    role: Annotated[str, typer.Option(help="The role of PostgreSQL that the engine is to work as.")] = "learning",
    grant: Annotated[bool, typer.Option("--grant", help="Run the grants too, and not only show them.")] = False,
) -> None:
    """Make the schema, and show what its owner must grant to a role that works with it and owns nothing."""
    with installation() as place:
        store = Store.open(place.settings.store_url, clock=wall_clock)
        store.migrate()
        out.print(f"{store.place}: the schema is the newest", markup=False)
        for statement in store.grant(role) if grant else store.grants(role):
            out.print(f"{statement};", markup=False)
        store.close()


@database.command()
def upgrade() -> None:
    """Bring the schema to the newest revision. The engine must be stopped."""
    with installation() as place:
        store = Store.open(place.settings.store_url, clock=wall_clock)
        try:
            store.check()
        except StoreOutdated:
            _ensure_stopped(place)
            store.migrate()
        out.print(f"{store.place}: the schema is the newest", markup=False)


@database.command()
def check() -> None:
    """Say whether the schema is the one that this engine was written for."""
    with installation() as place:
        out.print(f"{place.store.place}: the schema is the newest", markup=False)


@database.command()
def backup(file: Annotated[Path, typer.Argument(help="What is to hold the copy; it must not be there yet.")]) -> None:
    """Copy the whole store into a file, while everything runs."""
    with installation() as place:
        back_up(place.settings.store_url, file)
        out.print(f"{file}: a copy of {place.settings.store_url_shown}, {file.stat().st_size:,} bytes", markup=False)


@database.command("restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="What `learning db backup` wrote, of the same kind of database.")],
    replace: Annotated[bool, typer.Option("--replace", help="Also where the store holds something already.")] = False,
) -> None:
    """Make the store what a backup holds. The engine must be stopped; versions begin a new epoch."""
    with installation() as place:
        begun = restore(
            place.settings.store_url, file, clock=wall_clock, replace=replace, above=_epoch_at_broker(place)
        )
        out.print(f"{place.settings.store_url_shown} is what {file} holds, at the newest schema", markup=False)
        out.print(f"epoch {begun} begins: deployment publishes a version of it when it starts, in mode advise or act")


def _ensure_stopped(place: Installation) -> None:
    """Refuse to go on while the engine works, as far as the broker knows: one of before writes what the new schema
    counts otherwise."""
    if not place.settings.redis_url:
        return
    try:
        _refuse_company(place)
    except (BrokerUnreachable, BrokerRefused) as error:
        errors.print(f"nobody knows whether the engine is stopped: {error}", style="yellow", markup=False)


def _refuse_company(place: Installation) -> None:
    if alive := heartbeats(place.broker, prefix=place.settings.prefix):
        raise StoreBusy(f"{', '.join(sorted(alive))} work with the store; stop the engine, and wait some seconds")


def _epoch_at_broker(place: Installation) -> int:
    """The highest epoch that trading may have taken over from the broker; 0 where no broker is named or answers."""
    if not place.settings.redis_url:
        return 0
    try:
        _refuse_company(place)
        return max((_epoch_of(place.broker, name, place.settings.prefix) for name in place.registries), default=0)
    except (BrokerUnreachable, BrokerRefused) as error:
        errors.print(f"nobody knows which epoch trading is in: {error}", style="yellow", markup=False)
        return 0


def _epoch_of(broker: Redis, strategy: str, prefix: str) -> int:
    body = stored(broker, f"{prefix}{snapshot_key(strategy)}")
    try:
        return msgspec.json.decode(body, type=Numbered).epoch if body else 0
    except msgspec.MsgspecError:
        return 0  # no trading process takes it over either
