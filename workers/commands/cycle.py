"""``learning cycle``: ask for a cycle to be run."""

from typing import Annotated

import typer

from store.sessions import Sessions
from workers.commands.console import installation, out
from workers.cycle_queue import QUEUE, CycleQueue


def cycle(
    session: Annotated[
        str | None, typer.Argument(help="Its date; the newest settled session where none is said.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
) -> None:
    """Enqueue a daily cycle for `rq worker learning`; one that has run changes nothing when it runs again."""
    with installation() as place:
        name = place.strategy(strategy).strategy
        with place.store.read() as reading:
            latest = Sessions(reading).latest(name)
        if session is None and latest is None:
            out.print("no session is settled yet: `session.closed` has not come from every declared source")
            raise typer.Exit(1)
        wanted = session or (latest.session if latest else "")
        job = CycleQueue(place.broker).ask(name, wanted)
        out.print(f"enqueued {job} on the queue {QUEUE!r}")
