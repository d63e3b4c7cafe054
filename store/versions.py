"""Every version of the parameters that was ever in force."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, bindparam, select, tuple_

from schemas.version import Version, VersionNumber
from store.allocations import Allocations
from store.dialects import insert_new, rows_of
from store.errors import StoreBusy, StoreRefused
from store.tables import versions


class VersionRow(NamedTuple):
    """A version, the proposal that it came from, and when it was written."""

    version: Version
    proposal_id: str | None
    recorded_at: int


_PAGE = 50
"""Versions that are read at a time where it is not known how many are needed."""

_ROWS = select(versions.c.body, versions.c.proposal_id, versions.c.recorded_at)
_NEWEST_FIRST = (versions.c.epoch.desc(), versions.c.number.desc())
_LATEST_NUMBER = (
    select(versions.c.epoch, versions.c.number)
    .where(versions.c.strategy == bindparam("of"))
    .order_by(*_NEWEST_FIRST)
    .limit(1)
)
_LATEST = _ROWS.where(versions.c.strategy == bindparam("of")).order_by(*_NEWEST_FIRST).limit(1)


class Versions:
    """Immutable snapshots, ordered by (epoch, number). Only adding is possible; a rollback adds a higher one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, version: Version, *, proposal_id: str | None, now: int) -> None:
        """Write the next version of its strategy, as ``add_all`` does."""
        self.add_all([VersionRow(version, proposal_id, now)])

    def add_all(self, rows: Sequence[VersionRow]) -> None:
        """Write versions that follow one another, those of a strategy in their order, and which allocations they begin
        and end.

        Raises:
            StoreRefused: one does not follow the latest version, or its checksum is not that of its content.
            StoreBusy: somebody else wrote a version of that number at the same time.
        """
        before: dict[str, Version] = {}
        moving: list[Version] = []
        for version in (row.version for row in rows):
            last = before.get(version.strategy)
            _check_follows(version, self._latest_number(version.strategy) if last is None else last.id)
            if last is None or last.allocations != version.allocations:
                moving.append(version)
            before[version.strategy] = version
        new = insert_new(self._connection, versions, list(map(_values, rows)))
        if taken := [row.version for row, is_new in zip(rows, new, strict=True) if not is_new]:
            numbers = ", ".join(f"{one.id} of {one.strategy!r}" for one in taken)
            raise StoreBusy(f"version {numbers} was written by another gate; repeat the turn")
        for version in moving:
            Allocations(self._connection).follow(version)

    def latest(self, strategy: str) -> Version | None:
        """The version in force."""
        found = _made(rows_of(self._connection, _LATEST, of=strategy))
        return found[0].version if found else None

    def get(self, strategy: str, number: VersionNumber) -> Version | None:
        """One version, for ever the same."""
        named = (versions.c.epoch == number.epoch, versions.c.number == number.number)
        return self._newest(_ROWS.where(versions.c.strategy == strategy, *named))

    def last_before(self, strategy: str, *, session: str) -> Version | None:
        """The newest version that was made for an earlier session."""
        return self._newest(_ROWS.where(versions.c.strategy == strategy, versions.c.session < session))

    def back_to(self, strategy: str, *, until: VersionNumber, session: str) -> list[Version]:
        """From version ``until`` back to the newest that was made for ``session`` or earlier, the newest first."""
        named, found = tuple_(versions.c.epoch, versions.c.number), list[Version]()
        chosen = _ROWS.where(versions.c.strategy == strategy, named <= tuple_(until.epoch, until.number))
        while rows := self._rows(chosen, limit=_PAGE):
            for version in (row.version for row in rows):
                found.append(version)
                if version.session <= session:
                    return found
            chosen = _ROWS.where(versions.c.strategy == strategy, named < tuple_(*found[-1].id))
        return found

    def history(self, strategy: str, *, limit: int = 100) -> Sequence[VersionRow]:
        """The newest first."""
        return self._rows(_ROWS.where(versions.c.strategy == strategy), limit=limit)

    def strategies(self) -> list[str]:
        """Those that ever had a version."""
        found = select(versions.c.strategy).distinct().order_by(versions.c.strategy)
        return list(self._connection.execute(found).scalars())

    def _latest_number(self, strategy: str) -> VersionNumber | None:
        found = rows_of(self._connection, _LATEST_NUMBER, of=strategy)
        return VersionNumber(*found[0]) if found else None

    def _newest(self, chosen: Select[Any]) -> Version | None:
        found = self._rows(chosen, limit=1)
        return found[0].version if found else None

    def _rows(self, chosen: Select[Any], *, limit: int) -> list[VersionRow]:
        return _made(self._connection.execute(chosen.order_by(*_NEWEST_FIRST).limit(limit)))


def _made(rows: Iterable[Sequence[Any]]) -> list[VersionRow]:
    return [
        VersionRow(msgspec.json.decode(body, type=Version), proposal_id, recorded_at)
        for body, proposal_id, recorded_at in rows
    ]


def _check_follows(version: Version, latest: VersionNumber | None) -> None:
    if latest is not None and (version.id <= latest or version.previous != str(latest)):
        what = f"version {version.id} of {version.strategy!r}, which names {version.previous} as its previous one"
        raise StoreRefused(f"{what}, does not follow {latest}")
    if not version.intact:
        raise StoreRefused(f"version {version.id} of {version.strategy!r} has a checksum that is not its own")


def _values(row: VersionRow) -> dict[str, Any]:
    version = row.version
    return {
        "strategy": version.strategy,
        "epoch": version.epoch,
        "number": version.number,
        "previous": version.previous,
        "session": version.session,
        "regime": version.regime,
        "registry": version.registry,
        "checksum": version.checksum,
        "proposal_id": row.proposal_id,
        "recorded_at": row.recorded_at,
        "body": msgspec.json.encode(version).decode(),
    }
