"""Proposals, changes and acknowledgements of parameters."""

from enum import Enum
from typing import ClassVar

from msgspec import Struct

from schemas.allocation import Allocation, Value
from schemas.event import Event
from schemas.quantities import Count, Id, Name, Number, Session, Text, Time, Unit, VersionId


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value that moved, and why. Numbers come from stored evidence or are absent.

    ``improvement`` and ``interval`` are in units of the parameter's reward (a fraction per unit),
    ``confidence`` is the probability that the new value is better. ``n`` counts the units of the arm that tried the new
    values, in the sessions in which the baseline had units too; ``n_eff`` is as how many independent ones of equal
    weight these count, ``uniqueness`` how much of its window each of them had to itself on average (where that is not
    known it is absent, and ``n_eff`` is without it). ``baseline_n``, ``baseline_n_eff`` and ``baseline_uniqueness`` are
    the same of the baseline's units, with which they were compared. Of what was learned from history, ``n`` counts the
    units that old and new value were judged on, and ``n_eff`` says as how many independent sessions these count.
    """

    name: Name
    old: Value
    new: Value
    reason: Text
    evidence: Id | None = None
    confidence: Unit | None = None
    improvement: Number | None = None
    interval: tuple[Number, Number] | None = None
    n: Count | None = None
    n_eff: Number | None = None
    uniqueness: Unit | None = None
    baseline_n: Count | None = None
    baseline_n_eff: Number | None = None
    baseline_uniqueness: Unit | None = None


class ParamsUpdated(Event, frozen=True, kw_only=True):
    """A new version is in force. Whoever holds ``previous`` can apply ``changes``; others read the snapshot."""

    type: ClassVar[str] = "params.updated"

    epoch: Count
    version: Count
    previous: VersionId | None
    session: Session
    regime: Name
    registry: Id
    changes: list[Change]
    allocations: list[Allocation]
    checksum: Id


class ProposalKind(Enum):
    """What a proposal wants to move."""

    SHARES = "shares"
    BASELINE = "baseline"
    VALUES = "values"
    LEARNED = "learned"
    ARMS = "arms"


class ParamsProposed(Event, frozen=True, kw_only=True):
    """Somebody wants a change; the gate decides.

    ``shares`` gives new shares in 1/10,000 by arm key, by allocation; ``baseline`` wants the arm ``values``
    of ``allocation`` to become the baseline; ``values`` wants plain values, by a person; ``learned`` wants
    ``values`` that history speaks for, by its stored ``evidence``; ``arms`` names all arms that ``allocation``
    shall have beside its baseline.
    """

    type: ClassVar[str] = "params.proposed"

    proposal_id: Id
    kind: ProposalKind
    session: Session
    proposed_by: Name
    reason: Text
    allocation: Id | None = None
    shares: dict[Id, dict[str, int]] | None = None
    values: dict[Name, Value] | None = None
    arms: list[dict[Name, Value]] | None = None
    evidence: Id | None = None


class ParamsApplied(Event, frozen=True, kw_only=True):
    """A trading process took a version over, or refused it with the reason."""

    type: ClassVar[str] = "params.applied"

    client: Id
    epoch: Count
    version: Count
    applied_at: Time | None = None
    refused: Text | None = None
