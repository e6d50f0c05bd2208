"""Where news are posted, and which."""

import pytest
from evcommand.v1 import command_options_pb2 as options_pb

from broker.proto.callback_fields import callback_fields, callback_in
from broker.proto.fields import Findings
from domain.model.command import Callback, CallbackEvents
from tests.unit.broker.edges import fields_of

URL = "https://receiver.example/news"


@pytest.mark.parametrize(
    ("events", "read"),
    [
        (options_pb.Callback.EVENTS_UNSPECIFIED, CallbackEvents.OUTCOMES),
        (options_pb.Callback.EVENTS_OUTCOMES, CallbackEvents.OUTCOMES),
        (options_pb.Callback.EVENTS_ALL, CallbackEvents.ALL),
    ],
)
def test_a_callback_is_read(
    events: options_pb.Callback.Events.ValueType, read: CallbackEvents
) -> None:
    assert callback_in(options_pb.Callback(url=URL, events=events)) == Callback(URL, read)


def test_each_fault_of_a_callback_is_named() -> None:
    findings, bad = Findings(), options_pb.Callback(url="ftp://x")
    bad.events = 9  # type: ignore[assignment]
    callback_fields(findings, "options.callback", bad)
    assert fields_of(findings.violations) == ["options.callback.url", "options.callback.events"]
