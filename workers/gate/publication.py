"""How a version comes into force: its rows, its audit and its letters, in one transaction."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from events.codec import encode
from schemas.allocation import Value
from schemas.bounds import check_value, check_values
from schemas.errors import Refused
from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.params import Change, ParamsUpdated
from schemas.registry import registry_hash
from schemas.version import Version, VersionNumber
from store.audit import Audit, moved
from store.outbox import Outbox, Post
from store.registries import Registries
from store.versions import VersionRow, Versions
from store.work import Work
from workers.gate.draft import allocations_around

OWNER = "deployment"
"""Whose letters these are in the outbox, and who says so in the event."""

BEFORE_ANY_SESSION = "1970-01-01"
"""The session of a first version, which is there before anything has happened."""


class Reconciled(NamedTuple):
    """A version in line with an edited registry, and what that moved."""

    version: Version
    changes: list[Change]


def next_number(current: Version, *, epoch: int) -> VersionNumber:
    """The number after ``current``; where a later ``epoch`` has begun, the first of that."""
    return VersionNumber(epoch, 1) if epoch > current.epoch else VersionNumber(current.epoch, current.number + 1)


def first_version(registry: Registry, *, epoch: int = 1) -> Version:
    """The registry's defaults, with its trials around them. The same registry gives the same version."""
    values = {name: parameter.default for name, parameter in registry.parameters.items()}
    return Version(
        strategy=registry.strategy,
        epoch=epoch,
        number=1,
        previous=None,
        session=BEFORE_ANY_SESSION,
        regime="all",
        registry=registry_hash(registry),
        values=values,
        allocations=allocations_around(registry, values, None, generation=str(VersionNumber(epoch, 1))),
    )


def reconciled(current: Version, registry: Registry, *, epoch: int) -> Reconciled | None:
    """The next version where the registry was edited: values that still fit stay. Where it was not and a later
    ``epoch`` has begun, the same once more under a number of that; else None."""
    fingerprint = registry_hash(registry)
    following = next_number(current, epoch=epoch)
    if fingerprint == current.registry and following.epoch == current.epoch:
        return None
    values = _kept(current, registry)
    version = msgspec.structs.replace(
        current,
        epoch=following.epoch,
        number=following.number,
        previous=str(current.id),
        registry=fingerprint,
        values=values,
        allocations=allocations_around(registry, values, current, generation=str(following)),
        checksum="",
    )
    changes = [
        Change(name=name, old=current.values.get(name, "absent"), new=value, reason="the registry was edited")
        for name, value in values.items()
        if current.values.get(name) != value
    ]
    return Reconciled(version, changes)


def _kept(current: Version, registry: Registry) -> dict[str, Value]:
    """The values in force where the registry still allows them, else its defaults; all defaults if a group breaks."""
    values = {name: parameter.default for name, parameter in registry.parameters.items()}
    for name, parameter in registry.parameters.items():
        with suppress(Refused):
            kept = current.values.get(name, parameter.default)
            check_value(parameter, kept)
            values[name] = kept
    try:
        check_values(registry, values)
    except Refused:
        return {name: parameter.default for name, parameter in registry.parameters.items()}
    return values


class Publication(NamedTuple):
    """A version that comes into force: by whose word, from which proposal, and when that was decided (µs)."""

    version: Version
    registry: Registry
    changes: Sequence[Change]
    proposal_id: str | None
    by: str
    time: int


def publish(work: Work, publications: Sequence[Publication]) -> None:
    """Write versions with their audit, and put ``params.updated`` and the snapshot of each into the outbox.

    A turn's at once: row by row it takes several times as long.
    """
    registries = {(one.version.strategy, one.version.registry): one.registry for one in publications}
    for (_, fingerprint), registry in registries.items():
        Registries(work.connection).record(registry, fingerprint=fingerprint, now=work.now)
    Versions(work.connection).add_all([VersionRow(one.version, one.proposal_id, work.now) for one in publications])
    Audit(work.connection).record(
        [row for one in publications for row in moved(one.version, one.changes, by=one.by, time=one.time)]
    )
    letters = [announcement(one.version, changes=one.changes, time=one.time) for one in publications]
    Outbox(work.connection).post(OWNER, letters, now=work.now)


def announcement(version: Version, *, changes: Sequence[Change], time: int) -> Post:
    """``params.updated`` for stream and channel, and the snapshot; ``time`` in microseconds.

    Announced again it has the same id, and a client that holds the version passes it over.
    """
    updated = ParamsUpdated(
        strategy=version.strategy,
        epoch=version.epoch,
        version=version.number,
        previous=version.previous,
        session=version.session,
        regime=version.regime,
        registry=version.registry,
        changes=list(changes),
        allocations=version.allocations,
        checksum=version.checksum,
    )
    envelope = Envelope(source=OWNER, id=f"{version.strategy}/{version.id}", time=time, data=updated)
    return Post(
        ParamsUpdated.type,
        encode(envelope),
        channel=ParamsUpdated.type,
        key=snapshot_key(version.strategy),
        value=msgspec.json.encode(version),
    )


def snapshot_key(strategy: str) -> str:
    """Where the whole version in force lies for newcomers, without the settings' prefix."""
    return f"params:{strategy}:snapshot"
