"""``learning cycle``: ask for a cycle to be run."""

from typing import Annotated

import typer

from schemas.calendar import Calendar
from schemas.cycles import DAILY, WEEKLY, kinds_after
from schemas.parameters import Registry
from store.cycles import Cycles
from store.sessions import Sessions, Settled
from workers.commands.console import installation, out
from workers.cycle_queue import CycleQueue


def cycle(
    session: Annotated[
        str | None, typer.Argument(help="Its date; the newest settled session where none is said.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    weekly: Annotated[bool, typer.Option("--weekly", help="The weekly cycle, after a week's last session.")] = False,
) -> None:
    """Enqueue a cycle for `rq worker learning`; one that has run changes nothing when it runs again."""
    kind = WEEKLY if weekly else DAILY
    with installation() as place:
        registry = place.strategy(strategy)
        with place.store.read() as reading:
            settled = _settled(Sessions(reading), registry, session, kind=kind)
            ran = settled is not None and Cycles(reading).finished(registry.strategy, kind, settled.session) is not None
        if (why := _refusal(registry, settled, session, kind=kind)) is not None:
            out.print(why, markup=False)
            raise typer.Exit(1)
        assert settled is not None
        queue = CycleQueue(place.broker, prefix=place.settings.prefix)
        job = queue.ask(registry.strategy, settled.session, kind=kind)
        out.print(
            f"enqueued {job} on the queue {queue.name!r}{'; it ran before, so nothing will change' if ran else ''}"
        )


def _refusal(registry: Registry, settled: Settled | None, asked: str | None, *, kind: str) -> str | None:
    """Why no cycle of that kind can be asked for, or None."""
    if kind == WEEKLY and not registry.learners:
        return f"strategy {registry.strategy!r} has no [[learner]], so there is no weekly cycle; see docs/learners.md"
    if settled is None:
        if asked is None and kind == DAILY:
            return "no session is settled yet: `session.closed` has not come from every declared source"
        what = "a session that ends a week" if asked is None else f"session {asked}"
        return f"{what} is not settled: `session.closed` has not come from every declared source"
    if kind not in kinds_after(registry, settled.session):
        return f"session {settled.session} does not end a week"
    return None


def _settled(sessions: Sessions, registry: Registry, session: str | None, *, kind: str) -> Settled | None:
    """The session that was asked for; else the newest one that settled, and that ends a week for a weekly cycle."""
    if session is not None:
        return sessions.get(registry.strategy, session)
    newest = sessions.latest(registry.strategy)
    calendar = Calendar.named(registry.market.calendar)
    if newest is None or kind == DAILY or not calendar.is_session(newest.session):
        return newest
    week = (calendar.shift(newest.session, -back) for back in range(7))
    return next((sessions.get(registry.strategy, one) for one in week if calendar.ends_week(one)), None)
