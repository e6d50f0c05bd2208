"""Structured logs on stderr: one JSON object per line, or coloured lines for a person.

Standard-library loggers (Temporal, websockets, SQLAlchemy) come out in the same form. What carries
a secret by its name is hidden here as a last resort; nobody should log it in the first place.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from typing import Any, TextIO

import orjson
import structlog
from opentelemetry import trace

from telemetry.metrics import DROPPED_LOGS

_SECRET_KEYS = frozenset(
    {"password", "authorization", "api_key", "id_token", "id_tag", "token", "sealed", "secret"}
)
_NOISY_LOGGERS = ("websockets", "sqlalchemy", "alembic", "asyncio", "aiosqlite", "grpc")


class LogFormat(StrEnum):
    """`auto`: console at a terminal, JSON everywhere else."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def configure_logs(
    process: str,
    *,
    level: str = "INFO",
    form: LogFormat = LogFormat.AUTO,
    stream: TextIO | None = None,
) -> None:
    """Sends every log of this process to `stream` (stderr). May be called again."""
    target = stream or sys.stderr
    shared = _shared_processors(process)
    handler = _CountingHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form, target),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared_processors(process: str) -> list[structlog.typing.Processor]:
    def name_process(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        event.setdefault("process", process)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_process,
        _add_trace_id,
        _hide_secrets,
    ]


def _renderers(form: LogFormat, stream: TextIO) -> list[structlog.typing.Processor]:
    at_terminal = form is LogFormat.AUTO and stream.isatty()
    if form is LogFormat.CONSOLE or at_terminal:
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    return [structlog.processors.format_exc_info, _render_json]


def _render_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _add_trace_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event.setdefault("trace_id", trace.format_trace_id(context.trace_id))
        event.setdefault("span_id", trace.format_span_id(context.span_id))
    return event


def _hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    for key in _SECRET_KEYS & event.keys():
        event[key] = "(hidden)"
    return event


class _CountingHandler(logging.StreamHandler[TextIO]):
    """A full disk or a closed pipe loses log lines, never a command: losses are counted."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        DROPPED_LOGS.inc()
