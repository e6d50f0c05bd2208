"""Where news are posted, and which: the fields of a callback, checked and read. Pure.

A command's own callback and the settings of a credential share these fields.
"""

from evcommand.v1 import callback_service_pb2 as callbacks_pb
from evcommand.v1 import command_options_pb2 as options_pb

from broker.callbacks.urls import malformed
from broker.proto.fields import Findings, enum_value
from domain.model.command import Callback, CallbackEvents


def callback_fields(
    findings: Findings,
    field: str,
    callback: options_pb.Callback | callbacks_pb.CallbackSettings,
) -> None:
    """Note what is wrong with the URL and the events."""
    wrong = malformed(callback.url)
    findings.expect(not wrong, f"{field}.url", wrong)
    enum_value(findings, f"{field}.events", callback.events, options_pb.Callback.Events)


def callback_in(callback: options_pb.Callback) -> Callback:
    """A command's own callback."""
    return Callback(callback.url, events_in(callback.events))


def events_in(events: options_pb.Callback.Events.ValueType) -> CallbackEvents:
    """Which news are posted; OUTCOMES when the request does not say."""
    if events == options_pb.Callback.EVENTS_ALL:
        return CallbackEvents.ALL
    return CallbackEvents.OUTCOMES
