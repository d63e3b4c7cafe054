"""Running counts, so that nobody has to count rows."""

from collections.abc import Mapping

from sqlalchemy import Connection, Integer, bindparam, func, select

from store.dialects import add_up, rows_of
from store.tables import counters

_VALUE = select(counters.c.value).where(counters.c.name == bindparam("of"))
_PREFIXED = (
    select(counters.c.name, counters.c.value)
    .where(func.substr(counters.c.name, 1, bindparam("length", type_=Integer)) == bindparam("prefix"))
    .order_by(counters.c.name)
)


class Tallies:
    """Counts by name, beside the ingest sequence; each moves in the transaction of what it counts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, name: str, count: int) -> None:
        """Count ``count`` more, or fewer where it is negative."""
        self.move({name: count})

    def move(self, counts: Mapping[str, int]) -> None:
        """Count so many more, or fewer, of several at once."""
        moved = [{"name": name, "value": count} for name, count in sorted(counts.items()) if count]
        add_up(self._connection, counters, moved, sums=("value",))

    def value(self, name: str) -> int:
        """How many there are by now."""
        found = rows_of(self._connection, _VALUE, of=name)
        return int(found[0][0]) if found else 0

    def prefixed(self, prefix: str) -> dict[str, int]:
        """Every tally whose name begins with ``prefix``, by the rest of its name."""
        rows = rows_of(self._connection, _PREFIXED, prefix=prefix, length=len(prefix))
        return {name[len(prefix) :]: value for name, value in rows}


def told(strategy: str) -> str:
    """The name under which attribution counts the revisions that it has told."""
    return f"told/{strategy}"


def journalled(strategy: str) -> str:
    """The name under which thompson counts the revisions that it has taken in."""
    return f"journalled/{strategy}"


def occurred(strategy: str) -> str:
    """The name under which patterns counts the revisions that it has taken in."""
    return f"occurred/{strategy}"


def accepted(strategy: str, sort: str) -> str:
    """Of the facts taken in: ``alerts``, ``decisions``, ``theses``, ``outcomes``; ``barriers`` are the decisions
    with a stop, a target or a longest hold."""
    return f"accepted/{strategy}/{sort}"


def expected(strategy: str, subject: str, horizon: str, origin: str) -> str:
    """Of the examples that the facts taken in must have, by what the registry said when they came."""
    return f"expected/{strategy}/{subject}/{horizon}/{origin}"


def standing(strategy: str, subject: str, horizon: str, origin: str, state: str) -> str:
    """Of the examples that stand in one state."""
    return f"standing/{strategy}/{subject}/{horizon}/{origin}/{state}"


def marked(strategy: str, mark: str) -> str:
    """Of the examples that bear a mark."""
    return f"marked/{strategy}/{mark}"


def late(strategy: str) -> str:
    """Of the examples that had been given up before their facts came."""
    return f"late/{strategy}"


def reported(strategy: str, fate: str) -> str:
    """Of the outcomes: ``joined`` by what they name, ``inferred`` by the registry's rule, or ``waiting``."""
    return f"reported/{strategy}/{fate}"
