"""The command ``learning``."""

from importlib.metadata import entry_points

import typer

from workers.commands.accuracy import accuracy
from workers.commands.books import books
from workers.commands.cycle import cycle
from workers.commands.database import database
from workers.commands.dead_letters import dead_letters
from workers.commands.env import env
from workers.commands.evaluate import evaluate
from workers.commands.explain import explain
from workers.commands.export import export
from workers.commands.health import health
from workers.commands.insights import insights
from workers.commands.params import params
from workers.commands.patterns import patterns
from workers.commands.proposals import approve, propose, reject
from workers.commands.replay import replay
from workers.commands.status import status
from workers.commands.suggestions import suggestions
from workers.commands.up import up

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Learns from what trading processes did. Settings: learning.toml and LEARNING_* variables.",
)
for told in (up, status, health, env, cycle, books, accuracy, patterns, insights, suggestions, evaluate):
    app.command()(told)
for command in (replay, export, explain, propose, approve, reject):
    app.command()(command)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(params, name="params")
app.add_typer(database, name="db")
for offered in entry_points(group="learning.commands"):
    app.command(offered.name)(offered.load())


def main() -> None:
    """Run the command that was typed."""
    app()
