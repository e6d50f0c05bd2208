"""Control characters are found in every text of a request, and nothing else is refused for them."""

import pytest
from evcommand.v1 import booking_pb2
from evcommand.v1.booking_service_pb2 import CreateBookingRequest, CreatePoolRequest
from grpc_health.v1.health_pb2 import HealthCheckRequest

from broker.proto.control_characters import control_characters
from tests.support.access.string_fields import TextField, text_fields


@pytest.mark.parametrize("field", list(text_fields()), ids=lambda one: f"{one.url}:{one.named}")
def test_each_text_field_is_looked_at(field: TextField) -> None:
    assert [each.field for each in control_characters(field.request("a\x00b"))] == [field.named]
    assert not control_characters(field.request("ab"))


@pytest.mark.parametrize("text", ["\x00", "\x07", "\x1b[2J", "\x7f", "\x85", "\x9b"])
def test_no_control_character_is_taken(text: str) -> None:
    (found,) = control_characters(CreateBookingRequest(pool=text))
    assert (found.field, found.description) == ("pool", "must have no control characters")


@pytest.mark.parametrize("text", ["", "a\tb\r\n", "Üß \N{NO-BREAK SPACE}漢 🔌", "\N{SOFT HYPHEN}"])
def test_other_texts_are_taken(text: str) -> None:
    assert not control_characters(CreateBookingRequest(pool=text))


def test_the_value_of_a_map_and_each_of_a_list_are_named() -> None:
    labels = {"car": "\x00", "b\x01": "fine"}
    found = control_characters(CreateBookingRequest(labels=labels))
    assert {each.field for each in found} == {"labels[car]", "labels"}
    members = [booking_pb2.PoolMember(station=one) for one in ("a", "b\x00")]
    request = CreatePoolRequest(pool=booking_pb2.Pool(members=members))
    assert [each.field for each in control_characters(request)] == ["pool.members[1].station"]


def test_requests_that_are_not_of_our_contract_are_answered_in_their_own_way() -> None:
    assert not control_characters(HealthCheckRequest(service="\x00"))
