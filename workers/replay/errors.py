"""What keeps files from being replayed.

EngineError
├── UnreadableFile   not there, damaged, or in no format that can be read
├── InvalidMap       a column map contradicts itself, the event it makes, or the file it is for
└── NoRoom           temporary files for sorting cannot be written
"""

from schemas.errors import EngineError


class UnreadableFile(EngineError):
    """A file is not there, is damaged, or has no format that can be read. Nothing of it was taken in."""


class InvalidMap(EngineError):
    """A column map does not fit: the message names the file, the place in it and the right form."""


class NoRoom(EngineError):
    """What memory does not hold cannot be put anywhere else. Nothing was taken in."""
