"""``learning evaluate``: what other values would have earned, from what was tried."""

from typing import Annotated

import typer
from rich.table import Table

from schemas.allocation import Value
from store.versions import Versions
from workers.commands.console import installation, out
from workers.commands.proposals import typed
from workers.hindsight import Hindsight, NotLogged, look_back

NAMES = {
    "ips": "IPS",
    "snips": "self-normalised IPS",
    "dr": "doubly robust",
    "switch_dr": "SWITCH",
    "shrunk_dr": "shrunk doubly robust",
}


def evaluate(
    assignments: Annotated[list[str], typer.Argument(metavar="NAME=VALUE", help="One or several, held together.")],
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
) -> None:
    """Estimate what these values would have earned beside those in force; exit code 1 where that cannot be told."""
    with installation() as place:
        registry = place.strategy(strategy)
        wanted: dict[str, Value] = {}
        for assignment in assignments:
            name, sign, text = assignment.partition("=")
            if not sign:
                raise typer.BadParameter(f"{assignment}: write NAME=VALUE")
            wanted[name] = typed(registry, name, text)
        with place.store.read() as reading:
            version = Versions(reading).latest(registry.strategy)
            if version is None:
                out.print("no version is in force yet, so nothing was tried")
                raise typer.Exit(1)
            try:
                found = look_back(reading, registry, version, wanted, confidence=confidence)
            except NotLogged as reason:
                out.print(f"cannot be told: {reason}", markup=False)
                raise typer.Exit(1) from None
        _show(found, confidence=confidence)
        if found.evaluation.refusal is not None:
            raise typer.Exit(1)


def _show(found: Hindsight, *, confidence: float) -> None:
    weighing = found.evaluation.weighing
    out.print(f"{found.arm} instead of {found.baseline}, in {found.reward} a unit, by allocation {found.allocation}")
    out.print(
        f"{weighing.n:,} units of {found.versions} versions in {found.sessions} sessions, effective "
        f"{weighing.effective:,.1f}; mean weight {weighing.mean:.3f} (expected {weighing.low:.3f} to "
        f"{weighing.high:.3f}), largest share of one unit {weighing.largest_share:.2%}"
    )
    if found.immature:
        out.print(f"{found.immature:,} units are left out: more of their session may come")
    if found.alone:
        out.print(f"{found.alone:,} units are left out: their session has none of the values in force")
    if found.evaluation.refusal is not None:
        out.print(f"cannot be told: {found.evaluation.refusal}", markup=False)
        return
    table = Table("estimate", "earned more", f"{confidence:.0%} interval", "error", "bias of cut weights", "cut at")
    for name, one in found.evaluation.estimates.items():
        cut = "" if one.parameter is None else f"{one.parameter:.3g}"
        bias = "" if one.parameter is None else f"{one.bias:+.6f}"
        interval = f"{one.low:+.6f} to {one.high:+.6f}"
        table.add_row(NAMES[name], f"{one.value:+.6f}", interval, f"{one.standard_error:.6f}", bias, cut)
    out.print(table, markup=False)
    out.print("one look; the gate judges arms by what holds at every look")
