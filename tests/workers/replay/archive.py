"""An archive of files for tests: writes them, and reads them as a replay would."""

import gzip
from pathlib import Path

import msgspec

from events.codec import encode
from schemas.calendar import Calendar
from schemas.parameters import Market, Registry
from workers.replay.column_map import load_map
from workers.replay.events import Events
from workers.replay.record import RANKS
from workers.replay.rows import Rows
from workers.replay.sorting import Sorter
from workers.replay.sources import Source, Sources

NYSE = Calendar.named("XNYS")
NOW = 1_900_000_000_000_000
LONGEST = 1 << 16


class Silent:
    """Hears how far a replay is, and remembers it."""

    def __init__(self):
        self.parts = []
        self.done = []

    def reading(self, part, rows):
        self.parts.append(part)

    def taking(self, done, of, *, refused, settled):
        self.done.append(done)


def written(path, lines):
    """A file of these lines: text, bytes, envelopes, or plain values, which become JSON."""
    path.write_bytes(b"".join(_line(line) + b"\n" for line in lines))
    return path


def _line(line):
    if isinstance(line, bytes):
        return line
    if isinstance(line, str):
        return line.encode()
    return encode(line) if hasattr(line, "entry") else msgspec.json.encode(line)


def zipped(path):
    """The same file packed with gzip, under a name that does not say so."""
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def rows_of(folder, text, *, registry=None):
    """The rows that a map makes."""
    file = Path(folder) / "map.toml"
    file.write_text(text, encoding="utf-8")
    return Rows(load_map(file), registry or Registry(market=Market()))


def sorted_records(*paths, rows=None, memory=1 << 20):
    """The records of files in their order."""
    sources = Sources([Source(Path(path), rows) for path in paths], calendars={"main": NYSE}, max_bytes=LONGEST)
    with Sorter(memory=memory) as sorter:
        for record in sources.records(Silent()):
            sorter.add(record)
        return list(sorter.sorted())


def replayed(*paths, rows=None, strategy=None):
    """The events of files in their order, with what was refused among them."""
    events = Events(reads=RANKS, strategy=strategy, now=NOW, max_bytes=LONGEST, future_tolerance_us=300_000_000)
    return list(events.of(sorted_records(*paths, rows=rows)))


def envelopes(*paths, **more):
    """The events of files in their order; there must be no refusals."""
    found = replayed(*paths, **more)
    assert [] == [one.refusal.reason for one in found if one.refusal]
    return [one.envelope for one in found if one.envelope]


def reasons(*paths, **more):
    """Why rows of files were refused, in the order of the rows."""
    return [one.refusal.reason for one in sorted(replayed(*paths, **more), key=lambda one: one.place) if one.refusal]
