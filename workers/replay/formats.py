"""What a file holds, told by its content and, where that leaves it open, by its name."""

from enum import Enum
from pathlib import Path

from workers.replay.errors import UnreadableFile
from workers.replay.packed import PackedFile

PARQUET_MAGIC = b"PAR1"
BOM = b"\xef\xbb\xbf"
PACKINGS = frozenset({".gz", ".gzip", ".zst", ".zstd"})
LOOKED_AT = 4_096
"""So many bytes, unpacked, are looked at."""


class Format(Enum):
    """How events lie in a file."""

    JSON_LINES = "JSON lines"
    CSV = "CSV"
    PARQUET = "Parquet"


NAMES = {
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".json": Format.JSON_LINES,
    ".csv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}


def format_of(file: PackedFile) -> Format:
    """The format of an open file of which nothing was read yet.

    Raises:
        UnreadableFile: it has none of ours, or its name promises another than it has.
    """
    first = file.peek(LOOKED_AT)
    named = _named(file.path)
    if first.startswith(PARQUET_MAGIC):
        if file.packing:
            raise UnreadableFile(f"{file.path} is Parquet packed with {file.packing}; unpack it, it is packed already")
        return Format.PARQUET
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFile(f"{file.path} is UTF-16, expected UTF-8; save it as UTF-8")
    start = first.removeprefix(BOM).lstrip()
    if start.startswith(b"{"):
        if _is_spread(start):
            raise UnreadableFile(f"{file.path} has JSON objects over several lines; write one object a line (jq -c .)")
        return Format.JSON_LINES
    if named is Format.CSV or (named is Format.JSON_LINES and (not start or _begins_broken(start))):
        return named
    raise UnreadableFile(f"{file.path} {_what_is_wrong(named, start)}")


def _named(path: Path) -> Format | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKINGS:
        suffixes.pop()
    return NAMES.get(suffixes[-1]) if suffixes else None


def _is_spread(start: bytes) -> bool:
    """Whether the first object is written for people: a brace in a line of its own, and a field in the next."""
    first, *rest = start.split(b"\n", 2)
    return first.strip() == b"{" and bool(rest) and rest[0].lstrip().startswith(b'"')


def _begins_broken(start: bytes) -> bool:
    """Whether objects follow a line that is none, as in a log that was cut off at its beginning."""
    return not start.startswith(b"[") and any(line.lstrip().startswith(b"{") for line in start.splitlines())


def _what_is_wrong(named: Format | None, start: bytes) -> str:
    if start.startswith(b"["):
        return "is one JSON array; write one object a line (jq -c '.[]')"
    if named is Format.JSON_LINES:
        return f"is named as JSON lines and begins with {start[:20]!r}, expected an object a line, which begins with {{"
    if named is Format.PARQUET:
        return f"is named as Parquet and begins with {start[:4]!r}, expected PAR1"
    return (
        "is none of the formats that can be replayed: JSON lines, which begin with {, Parquet, which begins with PAR1, "
        "or a table with a header in a file named .csv; each may be packed with gzip or zstd"
    )
