"""Everything a read is answered from, as one value that is swapped whole."""

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import Any

from learning_client.declared import Declared
from learning_client.snapshot import Snapshot
from learning_client.split import Split
from learning_client.version import Version

MOST_UNITS = 20_000
"""So many units are remembered; they are found again by the same arithmetic."""

LIVE, STALE, LAST_KNOWN_GOOD, DEFAULT = "live", "stale", "last_known_good", "default"


class View:
    """What holds: the newest good version where learned values are applied, else the caller's defaults.

    Readers take the reference once and so never see half of two versions.

    Args:
        refusal: why the caller's defaults hold whatever is known; None where learned values are applied.
        unknown: why there is no version, for the time that there is none.
        standing: how sure it is that the version is the newest.
        since: when the version was taken over, microseconds since 1970 UTC.

    Attributes:
        live: the values of units that nothing is assigned to.
        known: those that units have asked for.
        behind: by moment that has not come, what held before; the names that wait for it keep their values of there.

    Raises:
        RefusedVersion: a value of the version is out of the caller's bounds or of another kind.
    """

    def __init__(
        self,
        declared: Declared,
        version: Version | None,
        *,
        refusal: str | None,
        unknown: str,
        standing: str,
        since: int,
    ) -> None:
        self.version = version
        self.standing = standing
        self.since = since
        self.refusal = refusal
        self.behind: Mapping[str, View] = {}
        self._unknown = unknown
        self._declared = declared
        learned = declared.defaults if version is None else declared.values_of(version)
        self._learned = learned
        self._splits = (
            [] if version is None else [Split(one, declared=declared, number=version.id) for one in version.allocations]
        )
        self.applied = version is not None and refusal is None
        self.live: dict[str, Any] = dict(learned if self.applied else declared.defaults)
        self._split_of = {name: split for split in self._splits for name in split.names} if self.applied else {}
        self.known: dict[str, dict[str, Any]] = {}
        self._snapshots: dict[str | None, Snapshot] = {}

    def holding(self, behind: Mapping[str, "View"]) -> "View":
        """The same with other values behind, and no unit remembered. Nothing is computed but the merged values."""
        made = copy(self)
        made.behind = behind
        made.known, made._snapshots = {}, {}
        if made.applied:
            made.live = {**made._learned, **made._kept(None)}
        return made

    def value(self, name: str, unit: str) -> Any:
        """The value of one parameter for a unit; from now on it is known.

        Raises:
            KeyError: the calling program has no default for it.
        """
        split = self._split_of.get(name)
        new = {name: self.live[name]} if split is None else split.used[split.place_of(unit)]
        if self.behind and self.applied:
            new = {**new, **self._kept(unit)}
        known = self.known.get(unit)
        if known is not None:
            known.update(new)
        else:
            if len(self.known) >= MOST_UNITS:
                self.known.clear()
            self.known[unit] = dict(new)
        return new[name]

    def snapshot(self, unit: str | None) -> Snapshot:
        """All values for a unit."""
        found = self._snapshots.get(unit)
        if found is None:
            if len(self._snapshots) >= MOST_UNITS:
                self._snapshots = {}
            found = self._snapshots[unit] = self._made(unit)
        return found

    def _kept(self, unit: str | None) -> dict[str, Any]:
        """The values for a unit that wait for a moment, as they were before."""
        return {
            name: older._asked(name, unit)
            for effect, older in self.behind.items()
            for name in self._declared.held[effect]
        }

    def _asked(self, name: str, unit: str | None) -> Any:
        """What the version asks for."""
        split = None if unit is None else next((one for one in self._splits if name in one.names), None)
        return self._learned[name] if split is None or unit is None else split.used[split.place_of(unit)][name]

    def _assigned(self, unit: str | None) -> tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]:
        """All values that the version asks for, and the unit's arms by allocation."""
        if unit is None or not self._splits:
            return self._learned, MappingProxyType({})
        values, arms = dict(self._learned), {}
        for split in self._splits:
            place = split.place_of(unit)
            arms[split.id] = split.arms[place]
            values.update(split.used[place])
        return MappingProxyType(values), MappingProxyType(arms)

    def _made(self, unit: str | None) -> Snapshot:
        would_be, arms = self._assigned(unit)
        if self.version is None or self.refusal is not None:
            known = "" if self.version is None else f"; version {self.version.id} is known"
            return Snapshot(
                values=self._declared.defaults,
                would_be=would_be,
                unit=unit,
                reason=f"{self.refusal}{known}" if self.refusal else self._unknown,
            )
        if self.behind and (kept := self._kept(unit).items() - would_be.items()):
            return self._held(unit, would_be, kept=dict(kept))
        return Snapshot(
            values=would_be,
            would_be=would_be,
            version=str(self.version.id),
            checksum=self.version.checksum,
            unit=unit,
            assignments=arms,
            origin="learned",
            standing=self.standing,
            since=self.since,
            reason=f"version {self.version.id}{_SURE[self.standing]}",
        )

    def _held(self, unit: str | None, would_be: Mapping[str, Any], *, kept: Mapping[str, Any]) -> Snapshot:
        """Where values wait for their moment. It names the newest version that gives the unit these very values, or
        none, so that nothing is credited to a version that was not used."""
        values = MappingProxyType({**would_be, **kept})
        of = next((one for one in self._older() if one._assigned(unit)[0] == values), None)
        version = of.version if of else None
        own = values == self._declared.defaults if of is None else False
        held = {name: effect for effect in self.behind for name in sorted(self._declared.held[effect]) if name in kept}
        waits = ", ".join(f"{name} waits ({effect})" for name, effect in held.items())
        known = f"version {self.version.id} is known{_SURE[self.standing]}" if self.version else ""
        return Snapshot(
            values=values,
            would_be=would_be,
            version=None if version is None else str(version.id),
            checksum=None if version is None else version.checksum,
            unit=unit,
            assignments=MappingProxyType({}) if of is None else of._assigned(unit)[1],
            origin="default" if own else "learned",
            standing=DEFAULT if own else self.standing,
            since=None if own else (of or self).since,
            held=MappingProxyType(held),
            reason=f"{'the defaults' if own else f'version {version.id}' if version else _MIXED}; {known}; {waits}",
        )

    def _older(self) -> "list[View]":
        """What holds behind that is a version, the newest first."""
        views = {view.version.id: view for view in self.behind.values() if view.version is not None}
        return [views[number] for number in sorted(views, reverse=True)]


_MIXED = "values of several versions"

_SURE: Mapping[str, str] = {
    LIVE: "",
    STALE: ", and the broker is not heard: there may be a newer one",
    LAST_KNOWN_GOOD: " from the file of an earlier run; the broker was not heard yet",
}
