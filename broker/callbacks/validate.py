"""What is wrong with requests to the CallbackService: every bad field at once. Pure."""

from datetime import timedelta

from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import command_options_pb2 as options_pb

from broker.callbacks.convert import resource_in
from broker.errors import FieldViolation
from broker.proto.callback_fields import callback_fields
from broker.proto.fields import (
    Findings,
    check_name,
    enum_value,
    enum_values,
    name_field,
    page_size_field,
)
from broker.proto.times import span
from domain.callback_events import CHOICES, CHOICES_LIMIT

MAX_PREVIOUS_TTL = timedelta(days=7)


def check_update(request: pb.UpdateCallbackSettingsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with an UpdateCallbackSettings."""
    findings = Findings()
    findings.expect(request.HasField("settings"), "settings", "is required")
    if request.settings.url:
        callback_fields(findings, "settings", request.settings)
    else:
        findings.expect(not request.settings.disabled, "settings.disabled", "needs a url")
        enum_value(findings, "settings.events", request.settings.events, options_pb.Callback.Events)
    _event_types_field(findings, request.settings)
    return findings.violations


def _event_types_field(findings: Findings, settings: pb.CallbackSettings) -> None:
    field, types = "settings.event_types", settings.event_types
    findings.expect(bool(settings.url) or not types, field, "needs a url")
    findings.expect(len(types) <= CHOICES_LIMIT, field, f"at most {CHOICES_LIMIT}")
    for index, each in enumerate(types[:CHOICES_LIMIT]):
        findings.expect(
            each in CHOICES, f"{field}[{index}]", f"must be one of {', '.join(CHOICES)}"
        )


def check_rotate(request: pb.RotateCallbackSecretRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a RotateCallbackSecret."""
    findings = Findings()
    if request.HasField("previous_ttl"):
        ttl = span(request.previous_ttl)
        fits = ttl is not None and timedelta(0) <= ttl <= MAX_PREVIOUS_TTL
        findings.expect(fits, "previous_ttl", "must be 0 to 7 days")
    return findings.violations


def check_list(request: pb.ListCallbackDeliveriesRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListCallbackDeliveries."""
    findings = Findings()
    if request.command:
        name_field(findings, "command", "command", request.command)
        findings.expect(not request.resource, "resource", "not together with command")
    elif request.resource:
        findings.expect(
            resource_in(request.resource) is not None,
            "resource",
            "must be the name of a station, a transaction or a reservation",
        )
    enum_values(findings, "states", request.states, pb.CallbackDelivery.State)
    page_size_field(findings, request.page_size)
    return findings.violations


def check_resend(request: pb.ResendCallbackDeliveryRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ResendCallbackDelivery."""
    return check_name("name", "delivery", request.name)
