"""Logs: one JSON object per line, with ids and without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from telemetry.logs import LogFormat, configure_logs
from telemetry.metrics import DROPPED_LOGS


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def logging_to_memory(level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    configure_logs("gateway", level=level, form=LogFormat.JSON, stream=stream)
    return stream


def test_a_log_line_is_json_with_time_level_process_command_and_station() -> None:
    stream = logging_to_memory()
    structlog.get_logger("room").info("sent", command="c1", station="CP1")
    line = logged(stream)
    assert line["event"] == "sent"
    assert (line["level"], line["process"], line["logger"]) == ("info", "gateway", "room")
    assert (line["command"], line["station"]) == ("c1", "CP1")
    assert line["time"].endswith("Z")


def test_a_log_line_inside_a_span_carries_its_trace_id() -> None:
    stream = logging_to_memory()
    with TracerProvider().get_tracer("test").start_as_current_span("call") as span:
        structlog.get_logger().info("inside")
    assert logged(stream)["trace_id"] == trace.format_trace_id(span.get_span_context().trace_id)


def test_logs_of_libraries_come_out_in_the_same_form() -> None:
    stream = logging_to_memory()
    logging.getLogger("temporalio").warning("retrying %s", "poll")
    assert logged(stream)["event"] == "retrying poll"


def test_what_is_named_like_a_secret_is_hidden() -> None:
    stream = logging_to_memory()
    structlog.get_logger().info("refused", password="swordfish", id_token="04AB", station="CP1")
    assert "swordfish" not in stream.getvalue()
    assert "04AB" not in stream.getvalue()


def test_an_exception_is_part_of_its_line() -> None:
    stream = logging_to_memory()
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError: invalid literal" in logged(stream)["exception"]


def test_lines_below_the_level_are_not_written() -> None:
    stream = logging_to_memory("WARNING")
    structlog.get_logger().info("quiet")
    assert stream.getvalue() == ""


def test_a_full_disk_loses_lines_counts_them_and_raises_nothing() -> None:
    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    before = DROPPED_LOGS._value.get()
    configure_logs("gateway", form=LogFormat.JSON, stream=FullDisk())
    structlog.get_logger().info("lost")
    assert DROPPED_LOGS._value.get() == before + 1


def test_a_person_at_a_terminal_reads_plain_lines() -> None:
    stream = io.StringIO()
    configure_logs("up", form=LogFormat.CONSOLE, stream=stream)
    structlog.get_logger().info("station connected", station="CP1")
    assert "station connected" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
