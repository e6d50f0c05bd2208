"""Audit entries as lines for a terminal, and the span that is asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from evcommand.v1 import audit_service_pb2 as pb

from entrypoints.commands.audit import beginning, line

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def entry(**fields: Any) -> pb.AuditEntry:
    made = pb.AuditEntry(**{"caller": "desk", "code": "OK", "times": 1, **fields})
    made.create_time.FromDatetime(NOW)
    return made


@pytest.mark.parametrize(
    ("since", "begin"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-05-01T00:00:00Z", datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_a_span_or_a_time_says_where_to_begin(since: str, begin: datetime) -> None:
    assert beginning(since, NOW) == begin


@pytest.mark.parametrize("since", ["", "yesterday", "24", "-1h", "2026-05-01", "9999999d"])
def test_anything_else_is_a_bad_parameter(since: str) -> None:
    with pytest.raises(click.BadParameter, match="24h"):
        beginning(since, NOW)


def test_a_line_tells_when_who_and_what() -> None:
    made = entry(method="CreateStation", resource="stations/CP-1")
    assert line(made).split() == [
        *("2026-05-04", "12:00:00", "desk", "CreateStation", "stations/CP-1")
    ]


def test_a_denied_call_tells_why_and_how_often() -> None:
    denied = entry(
        method="DeleteStation", code="PERMISSION_DENIED", reason="RIGHT_MISSING", times=12
    )
    assert line(denied).endswith("PERMISSION_DENIED (RIGHT_MISSING) 12 times")


def test_nobody_can_steer_the_terminal() -> None:
    assert line(entry(caller="", method="X", resource="a\x1b[2J")).isprintable()
