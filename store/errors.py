"""What can go wrong in the store.

EngineError
└── StoreError
    ├── StoreUnavailable      cannot be opened, reached or written to
    ├── StoreBusy             another writer held the lock for longer than a turn waits
    ├── StoreOutdated         the schema is not the one that this code was written for
    ├── StoreRefused          a row broke a type, a bound or a constraint
    ├── UnknownRow            what was asked for by name is not there
    └── ForbiddenTransition   a proposal cannot go from its state to the one that was asked for
"""

import sqlite3

from sqlalchemy.exc import DBAPIError

from schemas.errors import EngineError

REFUSED = frozenset({"IntegrityError", "DataError", "ProgramLimitExceeded"})
BUSY = frozenset({"SerializationFailure", "DeadlockDetected", "LockNotAvailable"})
OUTDATED = frozenset({"UndefinedTable", "UndefinedColumn", "InvalidSchemaName"})
"""Classes of the drivers' errors by name: psycopg need not be installed where nobody uses it."""


class StoreError(EngineError):
    """The root of what the store raises. The driver's own error is its cause."""


class StoreUnavailable(StoreError):
    """The store cannot be opened, reached or written to."""


class StoreBusy(StoreError):
    """Another writer held the lock for too long. The turn was rolled back and may simply be repeated."""


class StoreOutdated(StoreError):
    """The schema is older or newer than this code."""


class StoreRefused(StoreError):
    """A row broke a type, a bound or a constraint. The same row will always be refused."""


class UnknownRow(StoreError):
    """What was asked for by name is not there."""


class ForbiddenTransition(StoreError):
    """A proposal cannot go from its state to the one that was asked for."""


def translated(error: Exception, *, place: str) -> StoreError:
    """Our error for the driver's ``error``, raised while using the store at ``place``."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = str(cause)
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    words = text if isinstance(cause, sqlite3.Error) else ""
    if kinds & REFUSED:
        return StoreRefused(f"{place} refused a row: {text}; nothing of this turn was kept")
    if kinds & BUSY or "locked" in words or "busy" in words:
        return StoreBusy(f"{place} is held by another writer: {text}; the turn was rolled back, repeat it")
    if kinds & OUTDATED or "no such table" in words or "no such column" in words:
        return StoreOutdated(f"{place} lacks what this code needs: {text}; run `learning db upgrade`")
    return StoreUnavailable(f"{place} failed: {text}; check that it exists, can be written to and has room")
