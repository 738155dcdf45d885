"""How log lines are written: structured, to stderr, one line each."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from recsys.settings import Settings


def configure(settings: Settings) -> None:
    """Write lines at or above the level that the settings name, for people on a terminal, as JSON elsewhere.

    A traceback says where and what, never the values of variables: those hold requests, persons and passwords.
    """
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(
                (plain,)
                if console
                else (
                    ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
                    structlog.processors.JSONRenderer(),
                )
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def forward(library: str) -> None:
    """Write what a library logs as lines of ours."""
    logger = logging.getLogger(library)
    logger.addHandler(_Forwarding())
    logger.propagate = False


class _Forwarding(logging.Handler):
    """Hands over the lines of a library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one of them."""
        structlog.get_logger().log(
            record.levelno, record.getMessage(), library=record.name, exc_info=record.exc_info or None
        )
