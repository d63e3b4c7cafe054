"""The rows of a CSV file with a header."""

import csv
import io
from collections.abc import Iterator

from schemas.spelling import did_you_mean
from workers.replay.errors import InvalidMap, UnreadableFile
from workers.replay.packed import PackedFile, intact
from workers.replay.record import Record, place_of, refused
from workers.replay.rows import Rows

LONGEST, SHORT = 500, 60
"""So many characters of a header, or of one of its names, are shown."""

SEPARATORS = {";": "semicolons", "\t": "tabs"}
"""What separates columns in other tables."""


def csv_records(file: PackedFile, rows: Rows, *, number: int, max_bytes: int) -> Iterator[Record]:
    """A record for each row of a file in UTF-8, separated by commas. Lines are counted from 1, the header's.

    A row with more or fewer cells than the header is refused, and so is a cell of more than ``max_bytes``.

    Raises:
        UnreadableFile: it has no header, or is damaged.
        InvalidMap: the map names a column that is not there.
    """
    csv.field_size_limit(max_bytes)
    text = io.TextIOWrapper(file.stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    table = csv.reader(text)
    with intact(file.path):
        header = _header(file, table)
        check_columns(file, rows, header)
        while True:
            first = table.line_num + 1
            try:
                cells = next(table, None)
            except csv.Error as error:
                reason = f"the row{_span(first, table.line_num)}: {error}"
                yield refused(rows.kind, place_of(number, table.line_num), reason=reason, body=b"")
                continue
            if cells is None:
                return
            if not cells:
                continue
            place = place_of(number, table.line_num)
            if len(cells) != len(header):
                span = _span(first, table.line_num)
                reason = f"the row{span} has {len(cells)} cells, expected {len(header)} as in the header"
                yield refused(rows.kind, place, reason=reason, body=_line(cells))
            else:
                yield rows.record(dict(zip(header, cells, strict=True)), place=place, line=table.line_num)


def check_columns(file: PackedFile, rows: Rows, header: list[str]) -> None:
    """Make sure that every column of the map is in the header. Raises InvalidMap."""
    if missing := sorted(rows.map.names - set(header)):
        meant = _separated(header) or _shortened(did_you_mean(missing[0], header), most=LONGEST)
        raise InvalidMap(f"{rows.map.path}: {file.path} has no column {missing[0]!r}; {meant}")


def _separated(header: list[str]) -> str | None:
    """What is to be done where the columns are not separated by commas."""
    if len(header) > 1:
        return None
    other = next((words for mark, words in SEPARATORS.items() if mark in header[0]), None)
    return other and f"its only column seems to be several, separated by {other}: write commas"


def _shortened(text: str, *, most: int) -> str:
    """Text that may come from anywhere: what cannot be shown is escaped, and the rest of what is long left out."""
    shown = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[:most])
    return f"{shown} ..." if len(text) > most else shown


def _span(first: int, last: int) -> str:
    """The lines that a row goes over, where these are several: a quote may not have been closed."""
    return f" of lines {first:,} to {last:,}, in which a quote may not be closed," if last > first else ""


def _header(file: PackedFile, table: Iterator[list[str]]) -> list[str]:
    header = [name.strip() for name in next(table, [])]
    if not header:
        raise UnreadableFile(f"{file.path} is empty, expected a header with the names of the columns")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise UnreadableFile(f"{file.path} has two columns {twice[0][:SHORT]!r}; rename one")
    return header


def _line(cells: list[str]) -> bytes:
    return ",".join(cells).encode(errors="surrogateescape")
