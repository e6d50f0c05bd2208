"""Callback settings, deliveries and posted commands, as the contract shows them. Pure."""

from typing import Any

from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import command_options_pb2 as options_pb
from google.protobuf.json_format import MessageToDict

from broker.commands.showing import command_out
from broker.proto import names
from broker.proto.times import time_out
from domain.model.command import Command
from fleet.callbacks import Delivery, Endpoint

_EVENTS = options_pb.Callback.Events
_STATE = pb.CallbackDelivery.State


def state_in(state: pb.CallbackDelivery.State.ValueType) -> str:
    """A delivery's state in the word of the fleet, to filter by."""
    return _STATE.Name(state).removeprefix("STATE_")


def settings_out(endpoint: Endpoint | None) -> pb.CallbackSettings:
    """A credential's settings as the contract shows them. Secrets never come this far."""
    if endpoint is None:
        return pb.CallbackSettings()
    return pb.CallbackSettings(
        url=endpoint.url,
        events=_EVENTS.Value(f"EVENTS_{endpoint.events or 'OUTCOMES'}"),
        disabled=endpoint.disabled,
        disable_reason=endpoint.disable_reason,
        disable_time=time_out(endpoint.disable_time),
        has_secret=endpoint.secret is not None,
        previous_secret_expire_time=time_out(endpoint.previous_until),
        update_time=time_out(endpoint.update_time),
    )


def delivery_out(delivery: Delivery) -> pb.CallbackDelivery:
    """A delivery as the contract shows it."""
    return pb.CallbackDelivery(
        name=names.delivery_name(delivery.id),
        command=names.command_name(delivery.command),
        sequence=delivery.revision,
        type=delivery.news,
        url=delivery.url,
        state=_STATE.Value(f"STATE_{delivery.state}"),
        tries=delivery.tries,
        cause=delivery.cause,
        reason=delivery.reason,
        http_status=delivery.http_status,
        create_time=time_out(delivery.create_time),
        update_time=time_out(delivery.update_time),
        next_time=time_out(delivery.next_time),
    )


def posted_command(command: Command) -> dict[str, Any]:
    """A command as the JSON of a post holds it: as GetCommand shows it, in protobuf's JSON."""
    return MessageToDict(command_out(command))
