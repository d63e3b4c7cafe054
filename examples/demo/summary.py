"""The tables at the end of a run."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from examples.demo.goals import Goal, plants
from examples.demo.outcome import Outcome, Standing, number
from learning.counted import Counted

SHOWN_MOVES = 20


def show(outcome: Outcome, goals: Sequence[Goal], defaults: Mapping[str, float], *, console: Console) -> None:
    """Print what came in, what was joined, what was learned and why, and whether the run showed what it must."""
    for table in (
        _came_in(outcome),
        _joined(outcome),
        _decided(outcome),
        _standings(outcome.standings),
        _said(outcome),
        _moves(outcome),
        _values(outcome, defaults),
        _planted(outcome, defaults),
        _goals(goals),
    ):
        if table.row_count:
            console.print(table)
            console.print()
    console.print(outcome.judgement.verdict, style="bold", highlight=False)
    console.print(outcome.judgement.verdict_as_traded, highlight=False)


def _table(title: str, *columns: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", header_style="dim")
    for column in (*columns, *numbers):
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def _came_in(outcome: Outcome) -> Table:
    table = _table("What went over the streams", "event", numbers=["how many"])
    for kind, count in outcome.events.items():
        if count:
            table.add_row(kind, f"{count:,}")
    return table


def _joined(outcome: Outcome) -> Table:
    table = _table("What was joined", "horizon", "from", numbers=["matched", "pending", "censored", "lost"])
    for horizon, origin in dict.fromkeys(key[:2] for key in outcome.examples):
        states = [
            outcome.examples.get((horizon, origin, state), 0) for state in ("matched", "pending", "censored", "lost")
        ]
        table.add_row(horizon, origin, *(f"{count:,}" for count in states))
    return table


def _decided(outcome: Outcome) -> Table:
    table = _table("What was proposed", "kind", "what became of it", numbers=["how many"])
    for (kind, state), count in outcome.proposals.items():
        table.add_row(kind, state, f"{count:,}")
    return table


def _standings(standings: Sequence[Standing]) -> Table:
    table = _table(
        "What is believed of each arm (bp of equity a unit, against the values in force;\n"
        "of units how many are effective, and how unique their windows)",
        "arm",
        numbers=["units\nagainst\ndays", "gain ± sd\ngate sees", "best", "share"],
    )
    for one in standings:
        interval = (
            "none yet" if one.low is None or one.high is None else f"{1e4 * one.low:+.1f} to {1e4 * one.high:+.1f}"
        )
        table.add_row(
            one.arm.replace(", ", "\n"),
            f"{_units(one.counted)}\n{_units(one.control)}\n{one.met:,}",
            f"{1e4 * one.mean:+.2f} ± {1e4 * one.sd:.2f}\n{interval}",
            f"{one.best:.0%}",
            f"{one.share:.2%}",
        )
    return table


def _said(outcome: Outcome) -> Table:
    table = _table("What each learner said last", "who", "session", "what")
    for one in outcome.said:
        table.add_row(one.by, one.session, escape(one.what))
    return table


def _units(one: Counted) -> str:
    effective = "?" if one.effective is None else f"{one.effective:,.1f}"
    unique = "" if one.uniqueness is None else f", {one.uniqueness:.2f}"
    return f"{one.units:,} ({effective}{unique})"


def _moves(outcome: Outcome) -> Table:
    table = _table("What was learned, and why", "version", "parameter", "from", "to", "because")
    for move in outcome.moves[-SHOWN_MOVES:]:
        table.add_row(move.version, move.name, f"{move.old}", f"{move.new}", escape(move.reason))
    if not outcome.moves:
        table.add_row("", "no value was replaced", "", "", "no arm's interval excluded no effect")
    return table


def _values(outcome: Outcome, defaults: Mapping[str, float]) -> Table:
    table = _table("Values in force", "parameter", numbers=["default", "now"])
    last = outcome.versions[-1].values
    for name, default in defaults.items():
        now = number(last[name])
        table.add_row(name, f"{default:g}", f"{now:g}", style=None if now == default else "bold green")
    return table


def _planted(outcome: Outcome, defaults: Mapping[str, float]) -> Table:
    table = _table("Was the planted value found?", "parameter", "answer", numbers=["default", "planted", "now"])
    for plant in plants(outcome, defaults):
        table.add_row(plant.name, plant.told, f"{plant.default:g}", f"{plant.best:g}", f"{plant.found:g}")
    return table


def _goals(goals: Sequence[Goal]) -> Table:
    table = _table("What a run must show", "what", "wanted", "shown", "")
    for goal in goals:
        table.add_row(goal.name, goal.wanted, goal.shown, "[green]yes[/]" if goal.met else "[red]NO[/]")
    return table
