"""The values that hold for one unit."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Snapshot(Struct, frozen=True, kw_only=True):
    """What was in force at one moment, for one unit. It never changes, whatever is published later.

    Take one for each unit, work with it to the end of the unit, and hand it to the publisher with the alert
    and the decision, so that what follows is credited to the values that were really used.

    Attributes:
        values: by name, for every name in the caller's defaults. Sets and curves are tuples.
        would_be: the values that learning asks for, whether they are used or not.
        version: ``EPOCH-NUMBER`` of what gives the unit exactly ``values``; None where they are the defaults, or where
            what is ``held`` makes them those of no single version.
        checksum: of that version, else None.
        unit: what it was taken for, such as ``AAPL/2024-01-31``.
        assignments: the values of this unit's arm by allocation id; empty where ``values`` are the defaults.
        origin: ``"learned"`` or ``"default"``.
        standing: ``"live"`` while the broker is heard, ``"stale"`` when it was not for too long, ``"last_known_good"``
            where the version comes from the file of an earlier run and the broker was not heard yet, ``"default"``.
        since: when this process took the version over, microseconds since 1970 UTC; None for the defaults.
        held: the names whose value is an older one than ``would_be``, and the moment that they wait for.
        reason: why, in words.
    """

    values: Mapping[str, Any]
    would_be: Mapping[str, Any]
    version: str | None = None
    checksum: str | None = None
    unit: str | None = None
    assignments: Mapping[str, Mapping[str, Any]] = {}
    origin: str = "default"
    standing: str = "default"
    since: int | None = None
    held: Mapping[str, str] = {}
    reason: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]
