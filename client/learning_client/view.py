"""Everything a read is answered from, as one value that is swapped whole."""

from collections.abc import Mapping
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
        self._values: dict[str, dict[str, Any]] = {}
        self._snapshots: dict[str | None, Snapshot] = {}

    def value(self, name: str, unit: str) -> Any:
        """The value of one parameter for a unit.

        Raises:
            KeyError: the calling program has no default for it.
        """
        try:
            return self._values[unit][name]
        except KeyError:
            return self._found(name, unit)

    def snapshot(self, unit: str | None) -> Snapshot:
        """All values for a unit."""
        found = self._snapshots.get(unit)
        if found is None:
            if len(self._snapshots) >= MOST_UNITS:
                self._snapshots = {}
            found = self._snapshots[unit] = self._made(unit)
        return found

    def _found(self, name: str, unit: str) -> Any:
        split = self._split_of.get(name)
        new = {name: self.live[name]} if split is None else split.used[split.place_of(unit)]
        known = self._values.get(unit)
        if known is not None:
            self._values[unit] = {**known, **new}
        else:
            if len(self._values) >= MOST_UNITS:
                self._values = {}
            self._values[unit] = new
        return new[name]

    def _made(self, unit: str | None) -> Snapshot:
        version, assignments, would_be = self.version, {}, self._learned
        if unit is not None and self._splits:
            merged = dict(self._learned)
            for split in self._splits:
                place = split.place_of(unit)
                assignments[split.id] = split.arms[place]
                merged.update(split.used[place])
            would_be = MappingProxyType(merged)
        if version is None or self.refusal is not None:
            known = "" if version is None else f"; version {version.id} is known"
            return Snapshot(
                values=self._declared.defaults,
                would_be=would_be,
                unit=unit,
                reason=f"{self.refusal}{known}" if self.refusal else self._unknown,
            )
        return Snapshot(
            values=would_be,
            would_be=would_be,
            version=str(version.id),
            checksum=version.checksum,
            unit=unit,
            assignments=MappingProxyType(assignments),
            origin="learned",
            standing=self.standing,
            since=self.since,
            reason=f"version {version.id}{_SURE[self.standing]}",
        )


_SURE: Mapping[str, str] = {
    LIVE: "",
    STALE: ", and the broker is not heard: there may be a newer one",
    LAST_KNOWN_GOOD: " from the file of an earlier run; the broker was not heard yet",
}
