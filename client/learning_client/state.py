"""Everything a snapshot is made from, as one value that is swapped whole."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from learning_client.declared import Declared, frozen
from learning_client.snapshot import Snapshot
from learning_client.version import Version


class State(Struct, frozen=True, kw_only=True):
    """The newest good version, its values for the declared names, and when it was taken over.

    Readers take the reference once and so never see half of two versions.
    """

    declared: Declared
    values: Mapping[str, Any]
    version: Version | None = None
    swapped_at: int = 0

    def snapshot(self, unit: str | None, *, apply: bool, off: str) -> Snapshot:
        """What holds for ``unit``; where not ``apply``, the defaults, because of ``off``."""
        version = self.version
        if version is None:
            return self.defaults(unit, "no version of the parameters has arrived" if apply else off)
        assignments: dict[str, Mapping[str, Any]] = {}
        would_be = self.values
        if unit is not None and version.allocations:
            assignments = {name: _fixed(arm.values) for name, arm in version.arms_of(unit).items()}
            merged = {**self.values}
            for values in assignments.values():
                merged.update(self.declared.used(values, number=version.id))
            would_be = MappingProxyType(merged)
        if not apply:
            return Snapshot(
                values=self.declared.defaults,
                would_be=would_be,
                unit=unit,
                reason=f"{off}; version {version.id} is known",
            )
        return Snapshot(
            values=would_be,
            would_be=would_be,
            version=str(version.id),
            checksum=version.checksum,
            unit=unit,
            assignments=MappingProxyType(assignments),
            origin="learned",
            reason=f"version {version.id}",
        )

    def defaults(self, unit: str | None, reason: str) -> Snapshot:
        """The caller's own values, because of ``reason``."""
        return Snapshot(values=self.declared.defaults, would_be=self.declared.defaults, unit=unit, reason=reason)


def _fixed(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: frozen(value) for name, value in values.items()})
