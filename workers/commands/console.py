"""Where commands write for people, and how they end when something is wrong."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from schemas.errors import EngineError
from workers.installation import Installation

WIDE = 200
"""Columns of what is written into a pipe or file, where nothing is gained by folding."""

out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE)
errors = Console(stderr=True, soft_wrap=True, highlight=False)


def printable(text: str) -> str:
    """``text`` with everything that a terminal would obey, and not show, written out; lines stay lines."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


@contextmanager
def installation(**over: str) -> Iterator[Installation]:
    """The installation in the current folder, with the variables ``over`` on top of the environment.

    An error of the engine ends the command with its sentence and code 1.
    """
    try:
        yield Installation({**os.environ, **over}, folder=Path.cwd())
    except EngineError as error:
        errors.print(f"learning: {error}", style="red", markup=False)
        sys.exit(1)
