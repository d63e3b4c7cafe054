"""The examples as they stand: those with rows of their own, and those that wait in silence."""

from sqlalchemy import select

from store.awaited import Awaited
from store.examples import Example
from store.tables import examples

COLUMNS = tuple(column.name for column in examples.columns)


class Row(dict):
    """The columns of an example, by name and as attributes."""

    __getattr__ = dict.__getitem__


def standing(connection, *, strategy="main", origin=None):
    """Every example of a strategy, in the order of what they are about."""
    chosen = select(examples).where(examples.c.strategy == strategy)
    rows = [Row(zip(COLUMNS, row, strict=True)) for row in connection.execute(chosen)]
    for wait in Awaited(connection, strategy).between(facts=None, first=None, last=None):
        rows.extend(map(_row, wait.revisions()))
    wanted = (row for row in rows if origin in (None, row["origin"]))
    return sorted(wanted, key=lambda row: (row["fact"], row["horizon"], row["origin"]))


def learned(connection):
    """What every example says, with nothing that depends on the order in which facts came."""
    names = ("subject", "subject_id", "horizon", "origin", "state", "return", "net", "contributions")
    return sorted((tuple(row[name] for name in names) for row in standing(connection)), key=repr)


def _row(revision):
    content = zip((name.rstrip("_") for name in Example._fields), revision.example, strict=True)
    return Row(content, revision=revision.revision, sequence=revision.sequence, late=int(revision.late))
