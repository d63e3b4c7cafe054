"""The command ``learning``."""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import typer
from typer.core import TyperGroup

GROUP = "learning.commands"
"""The entry points by which other packages offer commands of their own."""

OWN = {
    "up": "up:up",
    "status": "status:status",
    "health": "health:health",
    "env": "env:env",
    "cycle": "cycle:cycle",
    "books": "books:books",
    "accuracy": "accuracy:accuracy",
    "patterns": "patterns:patterns",
    "insights": "insights:insights",
    "suggestions": "suggestions:suggestions",
    "evaluate": "evaluate:evaluate",
    "replay": "replay:replay",
    "import-legacy": "import_legacy:import_legacy",
    "export": "export:export",
    "explain": "explain:explain",
    "propose": "proposals:propose",
    "approve": "proposals:approve",
    "reject": "proposals:reject",
    "dead-letters": "dead_letters:dead_letters",
    "params": "params:params",
    "db": "database:database",
    "contract": "contract:contract",
}
"""Where each command lies, below ``workers.commands``."""


class Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for: nobody waits for what another one needs."""

    def __init__(self) -> None:
        own = [EntryPoint(name, f"workers.commands.{place}", GROUP) for name, place in OWN.items()]
        self._offered = {entry.name: entry for entry in (*own, *entry_points(group=GROUP))}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _built(self._offered[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)


class Learning(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(Any, Commands())


def _built(offered: EntryPoint) -> Any:
    """A group of commands as it is, a function as a command."""
    told: typer.Typer | Callable[..., None] = offered.load()
    if isinstance(told, typer.Typer):
        group = typer.main.get_group(told)
        group.name = offered.name
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)
    alone.command(offered.name)(told)
    return typer.main.get_command(alone)


app = typer.Typer(cls=Learning, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)


@app.callback()
def learning() -> None:
    """Learns from what trading processes did. Settings: learning.toml and LEARNING_* variables."""


def main() -> None:
    """Run the command that was typed."""
    app()
