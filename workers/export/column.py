"""What a column of the export is."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

Of = TypeVar("Of")

Values = Sequence[Any]
"""One example: a value for each column, in their order; None is missing."""


class Kind(Enum):
    """What the values of a column are, as the data dictionary calls it."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TIME = "time"
    WORDS = "words"
    NUMBERS = "numbers"
    VALUES = "values"
    ARMS = "arms"
    CONTRIBUTIONS = "contributions"


class Column(NamedTuple, Generic[Of]):
    """One column: its name and kind, the unit of its values, what it says, when it is missing, and how it is read.

    ``of`` gives a plain value, or None where it is not known: text, int, float, bool; microseconds UTC for a time; a
    list of texts for words; a mapping for numbers and values; a list of mappings for arms and contributions.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    missing: str
    of: Callable[[Of], Any]


NEVER = "never"
"""When a column that always has a value is missing."""
