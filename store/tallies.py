"""Running counts, so that nobody has to count rows."""

from sqlalchemy import Connection, select

from store.dialects import add_up
from store.tables import counters


class Tallies:
    """Counts by name that only grow, beside the ingest sequence; each moves in the transaction of what it counts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, name: str, count: int) -> None:
        """Count ``count`` more."""
        if count:
            add_up(self._connection, counters, [{"name": name, "value": count}], sums=("value",))

    def value(self, name: str) -> int:
        """How many there are by now."""
        chosen = select(counters.c.value).where(counters.c.name == name)
        return int(self._connection.execute(chosen).scalar() or 0)


def told(strategy: str) -> str:
    """The name under which attribution counts the revisions that it has told."""
    return f"told/{strategy}"


def journalled(strategy: str) -> str:
    """The name under which thompson counts the revisions that it has taken in."""
    return f"journalled/{strategy}"
