"""``learning db``: the schema of the store."""

import typer

from store.store import Store
from workers.clock import wall_clock
from workers.commands.console import installation, out

database = typer.Typer(no_args_is_help=True, help="The schema of the store.")


@database.command()
def upgrade() -> None:
    """Bring the schema to the newest revision."""
    with installation() as place:
        store = Store.open(place.settings.store_url, clock=wall_clock)
        store.migrate()
        out.print(f"{store.place}: the schema is the newest")


@database.command()
def check() -> None:
    """Say whether the schema is the one that this engine was written for."""
    with installation() as place:
        out.print(f"{place.store.place}: the schema is the newest")
