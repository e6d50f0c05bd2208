"""The documentation says what the code is: nothing is missing, and what it shows can be used."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from evcommand.v1 import (
    audit_service_pb2,
    booking_service_pb2,
    callback_service_pb2,
    remote_command_service_pb2,
    reservation_service_pb2,
    station_service_pb2,
    token_service_pb2,
)
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor

from broker.error_meanings import MEANINGS
from broker.errors import Reason
from broker.proto.stations import CHANGEABLE
from domain.callbacks import DeliveryCause
from domain.model.command import Code, CompensationState, State
from domain.model.outcomes import Cause
from domain.model.rotations import RotationState
from domain.model.specs import Kind, OfflinePolicy
from domain.reservations.reservation import ChangeState, ReservationState
from domain.reservations.transitions import EndCause
from entrypoints.options import variable_of
from entrypoints.settings import Settings
from tests.unit.docs.pages import DOCS, ROOT, Call, all_docs, dead_links, grpcurl_calls, pages

FILES = (
    audit_service_pb2,
    callback_service_pb2,
    remote_command_service_pb2,
    reservation_service_pb2,
    station_service_pb2,
    token_service_pb2,
)


def methods_of(files: Iterable[Any]) -> dict[str, MethodDescriptor]:
    """The methods of these files' services, by service and name as grpcurl writes them."""
    return {
        f"{service.name}/{method.name}": method
        for file in files
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


METHODS = methods_of(FILES)
SHOWN = methods_of((*FILES, booking_service_pb2))
"""Bookings have a page of their own, which tells them by what they are for and not by field."""


def missing_words(words: list[str], text: str) -> list[str]:
    return [word for word in words if not re.search(rf"\b{re.escape(word)}\b", text)]


def request_fields(message: Descriptor) -> set[str]:
    """Names of the fields of a request, and of the messages of ours in it.

    Of a station in a request only those that a caller gives: the others are output.
    """
    if message is station_service_pb2.Station.DESCRIPTOR:
        return {"name", *CHANGEABLE}
    names = set()
    for field in message.fields:
        names.add(field.name)
        inner = field.message_type
        if inner and inner.file.package == "evcommand.v1" and not inner.GetOptions().map_entry:
            names |= request_fields(inner)
    return names - {"update_time"}


def test_every_setting_is_documented() -> None:
    variables = [variable_of(name) for name in Settings.model_fields]
    assert missing_words(variables, (DOCS / "operating.md").read_text()) == []


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_error_reason_is_documented() -> None:
    assert set(MEANINGS) == set(Reason)
    assert missing_words([each.value for each in Reason], (DOCS / "api.md").read_text()) == []


@pytest.mark.parametrize(
    "words",
    [
        *(State, Code, Cause, CompensationState, Kind, OfflinePolicy, DeliveryCause),
        *(ReservationState, EndCause, ChangeState, RotationState),
    ],
)
def test_every_word_of_a_command_is_documented(words: type[State]) -> None:
    assert missing_words([each.value for each in words], all_docs()) == []


def test_every_call_and_every_field_of_a_request_is_documented() -> None:
    guide = (DOCS / "api.md").read_text()
    assert missing_words([method.name for method in METHODS.values()], guide) == []
    fields = set().union(*(request_fields(method.input_type) for method in METHODS.values()))
    assert missing_words(sorted(fields), guide) == []


def test_the_tables_of_the_docs_are_the_codes() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "generate_docs"), "--check"]
    result = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("call", grpcurl_calls(), ids=lambda call: f"{call.page}-{call.method}")
def test_a_call_that_is_shown_fits_the_contract(call: Call) -> None:
    request = message_factory.GetMessageClass(SHOWN[call.method].input_type)
    json_format.Parse(call.request, request())
