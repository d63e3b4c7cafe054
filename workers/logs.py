"""How log lines are written."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from schemas.settings import LogFormat, Settings


class LogFile:
    """A file for log lines that never stops who writes them: its disk may be full, or nobody reads the pipe any more.

    Lines that could not be written are counted, some of them may be missing, and every event from then on says how many
    until one is written.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._unwritten = 0

    def write(self, line: str) -> None:
        """Write one line."""
        try:
            self._file.write(line)
            self._file.flush()
        except OSError:
            self._unwritten += 1
        else:
            self._unwritten = 0

    def flush(self) -> None:
        """Every line was flushed when it was written."""

    def count(self, _logger: object, _level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The event, with how many lines before it could not be written."""
        return {**event, "unwritten": self._unwritten} if self._unwritten else event


def configure_logs(settings: Settings) -> None:
    """Write structlog events to standard error, as JSON or for people, from the settings' level on."""
    file = LogFile(sys.stderr)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            file.count,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.value.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, file)),
        cache_logger_on_first_use=True,
    )
