"""``learning suggestions``: which arms the optimiser wanted tried, what it believed, and why it wanted nothing."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich.table import Column, Table
from sqlalchemy import Connection

from schemas.allocation import arm_key
from store.proposals import Proposals
from store.suggestions import SuggestionRow, Suggestions
from workers.commands.console import installation, out
from workers.suggestion.suggestion import Suggestion

SHOWN = 10
"""So many looks are listed unless asked otherwise."""


def suggestions(
    strategy: Annotated[str | None, typer.Option(help="Needed where there are several.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many looks, the newest first.")] = SHOWN,
) -> None:
    """Show which arms the optimiser proposed and why not, and what it believes since its newest look."""
    with installation() as place:
        name = place.strategy(strategy).strategy
        with place.store.read() as reading:
            rows = Suggestions(reading).history(name, limit=limit)
            if not rows:
                out.print(
                    "it has not looked yet: a [[trial]] says proposes = 'bayesian', and a daily cycle must end",
                    markup=False,
                )
                return
            _show_looks(reading, rows)
        for row in _newest(rows):
            _show_beliefs(row)


def _show_looks(reading: Connection, rows: Iterable[SuggestionRow]) -> None:
    table = Table("session", "allocation", Column("what", overflow="fold"), Column("the gate", overflow="fold"))
    for row in rows:
        found = Proposals(reading).get(row.strategy, row.proposal_id) if row.proposal_id else None
        waits = "on its way" if row.proposal_id else ""
        said = f"{found.state.value}: {found.decided or found.proposal.reason}" if found else waits
        table.add_row(row.session, row.allocation, row.reason, said)
    out.print(table, markup=False)


def _newest(rows: Iterable[SuggestionRow]) -> Iterable[SuggestionRow]:
    """The newest look at each allocation."""
    newest: dict[str, SuggestionRow] = {}
    for row in rows:
        newest.setdefault(row.allocation, row)
    return newest.values()


def _show_beliefs(row: SuggestionRow) -> None:
    found = row.read(Suggestion)
    table = Table(
        Column("arm", overflow="fold"),
        "what",
        "units",
        "measured",
        "believed",
        "better than the baseline",
        "no worse than the best",
        title=f"{row.allocation} after {row.session}, version {row.version}, regime {found.regime}",
        title_justify="left",
    )
    for known in found.known:
        table.add_row(
            arm_key(known.values),
            known.fate,
            f"{known.units:,}",
            _give_or_take(known.difference, known.error),
            _give_or_take(known.gain, known.deviation),
            _probability(known.better),
            _probability(known.contends),
        )
    for new in found.new:
        believed = _give_or_take(new.gain, new.deviation)
        table.add_row(arm_key(new.values), "new", "", "", believed, _probability(new.better), "")
    out.print(table, markup=False)
    out.print(f"{found.effective:,.1f} effective units of other arms than the baseline{_scales(found.length_scales)}")


def _give_or_take(value: float | None, error: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:+.6f}" + (f" ± {error:.6f}" if error is not None else "")


def _probability(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _scales(scales: Mapping[str, float]) -> str:
    if not scales:
        return "; no model yet"
    shown = ", ".join(f"{name} {scale:.2f}" for name, scale in scales.items())
    return f"; length scales in parts of each range: {shown}"
