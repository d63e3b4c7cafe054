"""``learning params``: what is in force, what it was, and what a person wants it to be."""

import getpass
from typing import Annotated

import typer
from rich.table import Column, Table

from schemas.allocation import Value
from schemas.parameters import Parameter, ParameterType
from schemas.version import Version
from store.audit import Audit
from store.versions import Versions
from workers.commands.console import installation, out
from workers.commands.proposals import ask_for
from workers.installation import Installation

params = typer.Typer(no_args_is_help=True, help="The parameters of a strategy.")

Strategy = Annotated[str | None, typer.Option(help="Needed where there are several.")]


@params.command("list")
def list_parameters(
    strategy: Strategy = None,
    category: Annotated[str | None, typer.Option(help="Only those of one category.")] = None,
) -> None:
    """Every parameter with the value in force, its default and its bounds."""
    with installation() as place:
        registry = place.strategy(strategy)
        version = _in_force(place, registry.strategy)
        table = Table(Column("parameter", overflow="fold"), "in force", "default", "bounds", "unit", "learnable")
        for parameter in registry.parameters.values():
            if category in (None, parameter.category):
                table.add_row(*_row(parameter, version))
        out.print(table)
        out.print(f"strategy {registry.strategy}, {_called(version)}")


@params.command()
def show(name: str, strategy: Strategy = None) -> None:
    """One parameter: what it is, and which arms are being tried."""
    with installation() as place:
        registry = place.strategy(strategy)
        parameter = registry.parameters.get(name)
        if parameter is None:
            out.print(f"strategy {registry.strategy} has no parameter {name!r}; see `learning params list`")
            raise typer.Exit(1)
        version = _in_force(place, registry.strategy)
        table = Table(show_header=False)
        table.add_row("in force", f"{_value(parameter, version)} ({_called(version)})")
        for field in parameter.__struct_fields__:
            value = getattr(parameter, field)
            if value not in (None, []):
                table.add_row(field.replace("_", " "), str(getattr(value, "value", value)))
        out.print(table)
        for allocation in version.allocations if version else []:
            if name in allocation.parameters:
                for arm in allocation.arms:
                    out.print(f"{allocation.id}: {arm.key} gets {arm.share / 100:.2f} % of the units")


@params.command("set")
def set_parameter(
    name: str,
    value: str,
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit trail.")],
    strategy: Strategy = None,
) -> None:
    """Ask the gate for another value; bounds and change budget hold for people too."""
    with installation() as place:
        registry = place.strategy(strategy)
        identity = ask_for(place, registry, {name: value}, reason=reason, by=getpass.getuser())
        out.print(f"proposed as {identity}; `learning status` shows what the gate says")


@params.command()
def history(name: str, strategy: Strategy = None) -> None:
    """Every change of one parameter, with its reason and evidence."""
    with installation() as place:
        registry = place.strategy(strategy)
        if name not in registry.parameters:
            out.print(f"strategy {registry.strategy} has no parameter {name!r}; see `learning params list`")
            raise typer.Exit(1)
        with place.store.read() as reading:
            entries = Audit(reading).history(registry.strategy, name=name)
        table = Table("version", "old", "new", "by", "reason", "evidence")
        for entry in entries:
            table.add_row(entry.version, str(entry.old), str(entry.new), entry.by, entry.reason, entry.evidence or "")
        out.print(table if entries else f"{name} has never moved")


def _in_force(place: Installation, strategy: str) -> Version | None:
    with place.store.read() as reading:
        return Versions(reading).latest(strategy)


def _called(version: Version | None) -> str:
    return f"version {version.id}" if version else "no version yet, the defaults hold"


def _value(parameter: Parameter, version: Version | None) -> Value:
    return version.values.get(parameter.name, parameter.default) if version else parameter.default


def _row(parameter: Parameter, version: Version | None) -> tuple[str, ...]:
    numeric = parameter.type in (ParameterType.NUMBER, ParameterType.INTEGER)
    bounds = f"{parameter.min} to {parameter.max}" if numeric else ", ".join(parameter.choices)
    value = _value(parameter, version)
    shown = str(value) if value == parameter.default else f"[bold]{value}[/bold]"
    return parameter.name, shown, str(parameter.default), bounds, parameter.unit.value, str(parameter.learnable).lower()
