"""``learning cycle``: ask for a cycle to be run."""

from typing import Annotated

import typer

from store.cycles import Cycles
from store.sessions import Sessions
from workers.commands.console import installation, out
from workers.cycle_queue import CycleQueue


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
            sessions = Sessions(reading)
            settled = sessions.latest(name) if session is None else sessions.get(name, session)
            ran = settled is not None and Cycles(reading).finished(name, "daily", settled.session) is not None
        if settled is None:
            out.print(
                f"session {session or ''} is not settled: `session.closed` has not come from every declared source"
            )
            raise typer.Exit(1)
        queue = CycleQueue(place.broker, prefix=place.settings.prefix)
        job = queue.ask(name, settled.session)
        out.print(
            f"enqueued {job} on the queue {queue.name!r}{'; it ran before, so nothing will change' if ran else ''}"
        )
