"""``learning propose|approve|reject``: what people ask of the gate."""

import getpass
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from events.ids import Ids
from events.publisher import Publisher
from schemas.allocation import Value
from schemas.event import Envelope, Event
from schemas.parameters import ParameterType, Registry
from schemas.params import ParamsProposed, ProposalKind
from schemas.review import ProposalReviewed
from store.proposals import Proposals, ProposalState
from workers.clock import wall_clock
from workers.commands.console import installation, out
from workers.installation import Installation

SOURCE = "command-line"

Strategy = Annotated[str | None, typer.Option(help="Needed where there are several.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit trail.")]


def propose(
    assignments: Annotated[list[str], typer.Argument(metavar="NAME=VALUE", help="One or several, moved together.")],
    reason: Reason,
    strategy: Strategy = None,
) -> None:
    """Ask the gate for other values, several at once where they belong together."""
    with installation() as place:
        registry = place.strategy(strategy)
        pairs = [assignment.partition("=") for assignment in assignments]
        if unclear := [name for name, sign, _ in pairs if not sign]:
            raise typer.BadParameter(f"{unclear}: write NAME=VALUE")
        values = {name: value for name, _, value in pairs}
        identity = ask_for(place, registry, values, reason=reason, by=getpass.getuser())
        out.print(f"proposed as {identity}; `learning status` shows what the gate says")


def approve(proposal: str, reason: Reason = "approved", strategy: Strategy = None) -> None:
    """Let a validated proposal in."""
    _review(proposal, approved=True, reason=reason, strategy=strategy)


def reject(proposal: str, reason: Reason, strategy: Strategy = None) -> None:
    """Turn a validated proposal down."""
    _review(proposal, approved=False, reason=reason, strategy=strategy)


def ask_for(place: Installation, registry: Registry, values: Mapping[str, str], *, reason: str, by: str) -> str:
    """Propose ``values``, given as text, to the gate; the id of the proposal."""
    now = wall_clock()
    identity = f"{by}/{Ids(os.urandom).new(now)}"
    proposal = ParamsProposed(
        strategy=registry.strategy,
        proposal_id=identity,
        kind=ProposalKind.VALUES,
        session=datetime.fromtimestamp(now / 1e6, UTC).date().isoformat(),
        proposed_by=by,
        reason=reason,
        values={name: typed(registry, name, text) for name, text in values.items()},
    )
    _send(place, proposal, identity=identity, now=now)
    return identity


def typed(registry: Registry, name: str, text: str) -> Value:
    """The value that ``text`` is for the parameter ``name``."""
    parameter = registry.parameters.get(name)
    if parameter is None or parameter.type not in (ParameterType.NUMBER, ParameterType.INTEGER):
        return text
    whole = parameter.type is ParameterType.INTEGER
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{name}={text}: a {'whole' if whole else 'finite'} number is wanted")
    return number


def _review(proposal: str, *, approved: bool, reason: str, strategy: str | None) -> None:
    with installation() as place:
        now = wall_clock()
        name = place.strategy(strategy).strategy
        with place.store.read() as reading:
            found = Proposals(reading).get(name, proposal)
        if found is None or found.state is not ProposalState.VALIDATED:
            state = "is not known" if found is None else f"is {found.state.value}: {found.decided}"
            out.print(f"proposal {proposal} {state}; only a validated one waits for a person", markup=False)
            raise typer.Exit(1)
        review = ProposalReviewed(
            strategy=name, proposal_id=proposal, approved=approved, by=getpass.getuser(), reason=reason
        )
        _send(place, review, identity=Ids(os.urandom).new(now), now=now)
        out.print(f"said; `learning status` shows what became of {proposal}")


def _send(place: Installation, data: Event, *, identity: str, now: int) -> None:
    Publisher(place.broker, place.settings.prefix).publish([Envelope(source=SOURCE, id=identity, time=now, data=data)])
