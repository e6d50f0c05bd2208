"""Structured logs on stderr: one JSON object per line, or coloured lines at a terminal.

The loggers of libraries (Temporal, websockets, SQLAlchemy) write in the same form and through the
same handler. Our own log lines bypass `logging`, which costs three times as much CPU.

No caller waits for the reader of the log: a thread writes the lines (`telemetry.log_queue`).

Values whose key names a secret are hidden here. That is the last resort: no code should log them.
"""

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, TextIO

import orjson
import structlog
from opentelemetry import trace

from telemetry.log_queue import LogQueue
from telemetry.metrics import DROPPED_LOGS

QUEUE_BYTES = 4 * 1024 * 1024
"""How many bytes of lines wait for a reader of the log that does not read."""
_CLOSE_S = 2.0
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

    What is queued is written when the process ends, or when this is called again.

    process: the name of the process in each line. level: lines below it are not written.
    """
    target = stream or sys.stderr
    shared = _shared_processors(process)
    renderers = _renderers(form, target)
    handler = _LineHandler(_lines_of(target, _notices(process, renderers)))
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
    before, root.handlers[:] = root.handlers[:], [handler]
    root.setLevel(level.upper())
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, *renderers],
        logger_factory=_loggers(handler),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )
    for each in before:
        if isinstance(each, _LineHandler):
            each.close()


def _shared_processors(process: str) -> list[structlog.typing.Processor]:
    def name_time_and_process(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        event["time"] = _now()
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


def _now() -> str:
    return datetime.now(UTC).isoformat()[:-6] + "Z"


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


class _Lines(Protocol):
    """Where finished lines go. Neither method raises."""

    def put(self, line: str) -> None:
        """Writes or queues a line; counts it when it is lost."""

    def close(self, timeout_s: float) -> bool:
        """Writes what is queued, for a limited time. Whether all is written."""


class _MemoryLines:
    """Lines of a stream without a file descriptor: nobody waits for such a one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def put(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
        except (OSError, ValueError):
            DROPPED_LOGS.inc()

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002
        return True


def _lines_of(stream: TextIO, notice: Callable[[int], str]) -> _Lines:
    try:
        descriptor = stream.fileno()
        stream.flush()
    except (OSError, ValueError):  # io.UnsupportedOperation is both
        return _MemoryLines(stream)
    return LogQueue(descriptor, limit_bytes=QUEUE_BYTES, notice=notice)


def _notices(process: str, renderers: list[structlog.typing.Processor]) -> Callable[[int], str]:
    """Returns a function that makes the line about dropped records."""

    def notice(count: int) -> str:
        event: Any = {
            "event": "log_records_dropped",
            "records": count,
            "logger": __name__,
            "level": "warning",
            "time": _now(),
            "process": process,
        }
        for render in renderers:
            event = render(None, "warning", event)
        return str(event)

    return notice


class _LineHandler(logging.Handler):
    """Takes the records of libraries, and finished lines; raises nothing."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines
        self.write_line = lines.put

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write_line(self.format(record))
        except Exception:
            DROPPED_LOGS.inc()

    def close(self) -> None:
        """Writes what is queued. Called by `logging` when the process ends."""
        self._lines.close(_CLOSE_S)
        super().close()


class _LineLogger:
    """Takes finished lines from structlog. name: the module that logs."""

    def __init__(self, name: str, write: Callable[[str], None]) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = write


def _loggers(handler: _LineHandler) -> Callable[..., _LineLogger]:
    """Returns a factory that makes one logger per name."""
    made: dict[str, _LineLogger] = {}

    def logger(name: str = "evcommand") -> _LineLogger:
        if name not in made:
            made[name] = _LineLogger(name, handler.write_line)
        return made[name]

    return logger
