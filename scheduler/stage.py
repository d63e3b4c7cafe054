"""One named step of a cycle."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """What a step reads and writes, by the names of facts, and the function that does it.

    ``work`` receives the facts named in ``reads``, in that order, and returns the fact ``writes`` and one
    sentence about it for the report.

        >>> double = Stage("double", ("number",), "twice", lambda number: (2 * number, "doubled"))
        >>> double.work(4)
        (8, 'doubled')
    """

    name: str
    reads: tuple[str, ...]
    writes: str
    work: Callable[..., tuple[Any, str]]
