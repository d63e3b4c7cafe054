"""What the gate has before it in one transaction."""

from functools import cached_property

from schemas.version import Version
from store.epochs import epoch
from store.versions import Versions
from store.work import Work


class Sitting:
    """The epoch and the versions in force, read once in the turn of ``work`` and kept up as versions are published.

    Nobody else can publish one meanwhile: in SQLite the turn holds the writer's lock; in PostgreSQL the version that
    comes second is refused, and what it was made of is tried again.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._in_force: dict[str, Version | None] = {}

    @cached_property
    def epoch(self) -> int:
        """The epoch that the next version is numbered in, or a later one that its strategy is in already."""
        return epoch(self._work.connection)

    def in_force(self, strategy: str) -> Version | None:
        """The version in force, or None."""
        if strategy not in self._in_force:
            self._in_force[strategy] = Versions(self._work.connection).latest(strategy)
        return self._in_force[strategy]

    def published(self, version: Version) -> None:
        """This one is in force now."""
        self._in_force[version.strategy] = version
