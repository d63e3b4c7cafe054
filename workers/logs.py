"""How log lines are written."""

import logging
import sys

import structlog

from schemas.settings import LogFormat, Settings


def configure_logs(settings: Settings) -> None:
    """Write structlog events to standard error, as JSON or for people, from the settings' level on."""
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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.value.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
