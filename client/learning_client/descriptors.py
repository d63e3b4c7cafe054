"""The few files of a spool that are open at a time."""

import os
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

MOST_OPEN = 4
"""One that is read and one that is written, for prices and for the rest."""


class Descriptors:
    """Files, opened where they are needed; beyond four, that which was needed longest ago is closed."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, BinaryIO] = OrderedDict()

    def of(self, path: Path) -> BinaryIO:
        """The file at ``path``, which is there.

        Raises:
            OSError: it is not, or cannot be opened.
        """
        if path not in self._open:
            self._keep(path, os.O_RDWR)
        self._open.move_to_end(path)
        return self._open[path]

    def make(self, path: Path) -> None:
        """An empty file at ``path``, where none is.

        Raises:
            OSError: one is there, or it cannot be made.
        """
        self._keep(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)

    def close(self, path: Path) -> None:
        """Close it, if it is open."""
        if path in self._open:
            self._open.pop(path).close()

    def close_all(self) -> None:
        """Close all."""
        while self._open:
            self._open.popitem()[1].close()

    def _keep(self, path: Path, flags: int) -> None:
        self._open[path] = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)[1].close()
