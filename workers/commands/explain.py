"""``learning explain``: the whole story of one name."""

import sys
from typing import Annotated, Any

import msgspec
import typer

from schemas.parameters import Registry
from store.store import Store
from workers.commands.console import errors, installation, out, printable
from workers.story.pages import pages
from workers.story.search import Search
from workers.story.story import Story
from workers.story.teller import Teller

SOURCES = (
    "ids come from trading: alert_id, decision_id, position_id, fill_id, outcome_id, thesis_id, run_id; "
    "examples are named in `outcome.attributed` and by `learning export`"
)


def explain(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Of an alert, decision, position, fill, example and so on.")
    ],
    strategy: Annotated[str | None, typer.Option(help="Only this one; all where not said.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
) -> None:
    """Tell everything that is known about an id: what was told, what was in force, what followed, what it led to."""
    with installation() as place:
        registries = [place.strategy(strategy)] if strategy else list(place.registries.values())
        stories, near = _stories(place.store, registries, name)
        if not stories:
            meant = f"did you mean {printable(' or '.join(near))}?" if near else "nothing is called almost so."
            errors.print(f"no {name!r} is in the books; {meant} {SOURCES}", markup=False)
            raise typer.Exit(1)
        if json:
            told = msgspec.json.encode({"id": name, "stories": stories})
            sys.stdout.buffer.write(msgspec.json.format(told) + b"\n")
            return
        for story in stories:
            told = _written_out(msgspec.json.decode(msgspec.json.encode(story)))
            for page in pages(msgspec.json.decode(msgspec.json.encode(told), type=Story)):
                out.print(page, markup=False)


def _written_out(value: Any) -> Any:
    """Plain values without anything that a terminal would obey: whatever trading has put into a name."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(name): _written_out(one) for name, one in value.items()}
    return [_written_out(one) for one in value] if isinstance(value, list) else value


def _stories(store: Store, registries: list[Registry], name: str) -> tuple[list[Story], list[str]]:
    """The stories of every strategy that knows the name, and the names that may be meant where none does."""
    stories: list[Story] = []
    near: list[str] = []
    with store.read() as reading:
        for registry in registries:
            search = Search(reading, registry.strategy)
            stories += Teller(reading, registry).stories(search.roles(name))
            near += search.near(name) if not stories else []
    return stories, near
