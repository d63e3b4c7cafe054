"""A ``params.updated`` event, read as far as a client needs it."""

import msgspec
from msgspec import Raw, Struct

from learning_client.errors import RefusedVersion
from learning_client.version import LARGEST, Allocation, Value, Version, VersionNumber

SCHEMA_VERSION = 1


class _Frame(Struct):
    data: Raw
    schemaversion: int | str = SCHEMA_VERSION


class _Head(Struct):
    epoch: int
    version: int
    strategy: str = "main"
    checksum: str = ""


class _Change(Struct):
    name: str
    new: Value


class _Rest(Struct):
    previous: str | None
    session: str
    regime: str
    registry: str
    changes: list[_Change]
    allocations: list[Allocation]
    checksum: str


class Update:
    """Names a new version of ``strategy``, and how it differs from ``previous``.

    Raises:
        RefusedVersion: the body is too large, or not even strategy and number can be read.
    """

    def __init__(self, body: bytes) -> None:
        if len(body) > LARGEST:
            raise RefusedVersion(None, f"an update is larger than {LARGEST} bytes")
        try:
            self._frame = msgspec.json.decode(body, type=_Frame)
            head = msgspec.json.decode(self._frame.data, type=_Head)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise RefusedVersion(None, f"an update has an unknown shape: {error}") from error
        self.strategy = head.strategy
        self.id = VersionNumber(head.epoch, head.version)
        self.checksum = head.checksum

    def check_schema(self) -> None:
        """Refuse an update of a schema that this client does not know.

        Raises:
            RefusedVersion: the schema version is not 1.
        """
        if str(self._frame.schemaversion) != str(SCHEMA_VERSION):
            raise RefusedVersion(
                self.id, f"schema version {self._frame.schemaversion!r} is unknown here: update learning_client"
            )

    def after(self, current: Version | None) -> Version | None:
        """The new version made from ``current``, or None where that cannot be done with certainty.

        Certain means: the update follows ``current``, has the known shape, and its checksum comes out.
        """
        try:
            rest = msgspec.json.decode(self._frame.data, type=_Rest)
            if current is None or rest.previous != str(current.id):
                return None
            version = Version(
                strategy=self.strategy,
                epoch=self.id.epoch,
                number=self.id.number,
                previous=rest.previous,
                session=rest.session,
                regime=rest.regime,
                registry=rest.registry,
                values={**current.values, **{change.name: change.new for change in rest.changes}},
                allocations=rest.allocations,
                checksum=rest.checksum,
            )
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return version if version.intact else None
