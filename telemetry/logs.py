"""Structured logs on stderr: one JSON object per line, or coloured lines at a terminal.

The loggers of libraries (Temporal, websockets, SQLAlchemy) write in the same form and through the
same handler. Our own log lines bypass `logging`, which costs three times as much CPU.

Values whose key names a secret are hidden here. That is the last resort: no code should log them.
"""

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
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
    """The form of the logs. AUTO: console at a terminal, else JSON."""

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
    """Sends every log line of this process to `stream`; None: stderr. May be called again.

    process: the name of the process in each line. level: lines below it are not written.
    """
    target = stream or sys.stderr
    shared = _shared_processors(process)
    renderers = _renderers(form, target)
    handler = _CountingHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderers,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, *renderers],
        logger_factory=_loggers(handler),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


def _shared_processors(process: str) -> list[structlog.typing.Processor]:
    def name_time_and_process(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        event["time"] = datetime.now(UTC).isoformat()[:-6] + "Z"
        event.setdefault("process", process)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        name_time_and_process,
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
    """Counts lines that cannot be written (full disk, closed pipe) and raises nothing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        DROPPED_LOGS.inc()

    def write_line(self, line: str) -> None:
        """Writes a finished line."""
        self.acquire()
        try:
            self.stream.write(line + self.terminator)
            self.flush()
        except (OSError, ValueError):
            DROPPED_LOGS.inc()
        finally:
            self.release()


class _LineLogger:
    """Takes finished lines from structlog. name: the module that logs."""

    def __init__(self, name: str, write: Callable[[str], None]) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = write


def _loggers(handler: _CountingHandler) -> Callable[..., _LineLogger]:
    """Returns a factory that makes one logger per name."""
    made: dict[str, _LineLogger] = {}

    def logger(name: str = "evcommand") -> _LineLogger:
        if name not in made:
            made[name] = _LineLogger(name, handler.write_line)
        return made[name]

    return logger
