"""How far a replay is, for people: a bar on a terminal, else a log line now and then."""

import time
from typing import Self

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

log = structlog.get_logger()

LINE_EVERY = 10.0
"""Seconds between two log lines."""


class Bar:
    """A bar for reading and one for taking in, with events a second and the time that is left."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[what]}"),
            console=console,
            transient=True,
        )
        self._reading = self._progress.add_task("reading", total=1.0, what="", rows=0)
        self._taking = self._progress.add_task("taking in", total=None, start=False, visible=False, what="", rows=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def reading(self, part: float, rows: int) -> None:
        """See ``Watcher``."""
        self._progress.update(self._reading, completed=part, rows=rows, what=f"{rows:,} rows")

    def taking(self, done: int, of: int, *, refused: int, settled: int) -> None:
        """See ``Watcher``."""
        self._progress.start_task(self._taking)
        what = f"{done:,} of {of:,}, {settled:,} sessions" + (f", {refused:,} refused" if refused else "")
        self._progress.update(self._taking, completed=done, total=of, rows=done, what=what, visible=True)


class _Rate(ProgressColumn):
    """Rows or events a second since the task began."""

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time or task.elapsed
        return Text(f"{task.fields['rows'] / elapsed:>9,.0f}/s" if elapsed else f"{'':>11}")


class Lines:
    """A log line at the most every ten seconds, and one at the end of the reading."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def reading(self, part: float, rows: int) -> None:
        """See ``Watcher``."""
        if part >= 1.0 or self._due():
            log.info("replay.reading", percent=round(100 * part), rows=rows, per_second=self._rate(rows))
        if part >= 1.0:
            self._began = time.monotonic()

    def taking(self, done: int, of: int, *, refused: int, settled: int) -> None:
        """See ``Watcher``."""
        if self._due():
            rate = self._rate(done)
            left = round((of - done) / rate) if rate else None
            log.info(
                "replay.taking",
                events=done,
                of=of,
                per_second=rate,
                seconds_left=left,
                refused=refused,
                sessions=settled,
            )

    def _due(self) -> bool:
        now = time.monotonic()
        due = now - self._said >= LINE_EVERY
        self._said = now if due else self._said
        return due

    def _rate(self, count: int) -> int:
        return round(count / max(1e-3, time.monotonic() - self._began))
