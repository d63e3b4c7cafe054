"""``learning simulate``: how often the gate is wrong, and how often it finds what is there."""

import os
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

if TYPE_CHECKING:
    from simulation.loop import Ended
    from simulation.world import World

out = Console(soft_wrap=True, highlight=False)


def simulate(
    effect: Annotated[float, typer.Option(help="What the candidate adds, in standard deviations of a unit.")] = 0.0,
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="How many worlds.")] = 200,
    units: Annotated[int, typer.Option(min=2, max=10_000, help="Units a session.")] = 50,
    sessions: Annotated[int, typer.Option(min=1, max=2_000, help="Sessions a world.")] = 40,
    share: Annotated[float, typer.Option(min=0.01, max=0.99, help="The candidate's share of the units.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="The first world's seed.")] = 0,
) -> None:
    """Plant an effect, or none, and run the real codec, store, learner, cycle and gate through it."""
    # The whole engine is loaded here and not above: every other command would wait for it.
    from simulation.loop import live_through  # noqa: PLC0415
    from simulation.world import World  # noqa: PLC0415

    worlds = [
        World(effect=effect, seed=seed + number, units=units, sessions=sessions, share=share) for number in range(seeds)
    ]
    with ProcessPoolExecutor(os.cpu_count(), initializer=_quiet) as pool:
        ended = list(track(pool.map(live_through, worlds), total=seeds, description="worlds", console=out))
    out.print(_table(worlds[0], ended))
    replaced = sum(one.replaced is not None for one in ended)
    out.print(f"baseline replaced in {replaced} of {seeds} worlds with an effect of {effect:g} sd a unit")


def _table(world: "World", ended: "list[Ended]") -> Table:
    found = [one.replaced for one in ended if one.replaced is not None]
    table = Table(show_header=False)
    table.add_row("worlds", f"{len(ended)}, {world.sessions} sessions of {world.units} units, share {world.share:.0%}")
    table.add_row(
        "planted", f"{world.effect:g} standard deviations a unit; the market drifts {world.drift:g} sd a session"
    )
    table.add_row("the gate looked", "after every session")
    table.add_row("baseline replaced", f"{len(found)} ({len(found) / len(ended):.1%})")
    table.add_row("in the median after", f"{median(found):g} sessions" if found else "never")
    return table


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
