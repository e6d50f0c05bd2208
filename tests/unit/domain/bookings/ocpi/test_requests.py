"""What another party asks for by OCPI is read field by field, and an error names the field."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bookings.ocpi.requests import OcpiRequestError, booking_id, request_of
from domain.bookings.ocpi.statuses import CanceledReason, Cancellation, PartyRole
from domain.bookings.places import Needs
from tests.unit.domain.bookings.ocpi.asked_by_ocpi import TOKEN, message


def test_a_request_becomes_what_create_booking_takes() -> None:
    asked = request_of(
        message(
            power_required=50,
            bookable_parking_option={"drive_through": True, "refrigeration_outlet": False},
            evse_uid="#NA",
        )
    )
    assert asked.booking == "0c4c4c9e-6c62-4cf5-a4e1-3b3f7f6d9f11"
    assert (asked.span.start, asked.span.end) == (
        datetime(2026, 12, 1, 9, tzinfo=UTC),
        datetime(2026, 12, 1, 10, tzinfo=UTC),
    )
    assert asked.needs == Needs(frozenset(), 50_000, frozenset({"drive_through"}))
    assert (asked.tokens[0].value, asked.tokens[0].type) == ("04A1B2C3", "ISO14443")
    assert (asked.account, asked.party, asked.evse_uid) == ("DE*EMP*C1", "DE*EMP", "")
    assert asked.cancellation is None


@pytest.mark.parametrize(
    ("ocpi", "ours"),
    [
        ("RFID", "ISO14443"),
        ("EMAID", "EMAID"),
        ("APP_USER", "CENTRAL"),
        ("AD_HOC_USER", "CENTRAL"),
        ("OTHER", "CENTRAL"),
    ],
)
def test_each_type_of_token_has_a_word_of_ours(ocpi: str, ours: str) -> None:
    assert request_of(message(tokens=[TOKEN | {"type": ocpi}])).tokens[0].type == ours


def test_times_without_a_zone_are_utc_and_others_are_moved_to_it() -> None:
    period = {"start_from": "2026-12-01T09:00:00", "end_before": "2026-12-01T11:00:00+01:00"}
    span = request_of(message(period=period)).span
    assert (span.start.hour, span.end.hour) == (9, 10)


def test_the_larger_of_the_two_powers_counts() -> None:
    period = message()["period"] | {"min_power": 22_000}
    assert request_of(message(period=period, power_required=11)).needs.min_power_w == 22_000


def test_edits_of_one_request_are_of_one_booking_and_other_parties_have_others() -> None:
    assert booking_id("DE*EMP", "Ask-1") == booking_id("DE*EMP", "ASK-1")
    assert booking_id("DE*EMP", "Ask-1") != booking_id("DE*EVX", "Ask-1")
    assert booking_id("DE*EMP", "Ask-1") != booking_id("DE*EMP", "Ask-2")


def test_a_cancellation_says_why_and_by_whom() -> None:
    canceled = {"cancellation_reason": "TRAFFIC", "who_canceled": "EMSP"}
    asked = request_of(message(canceled=canceled, evse_uid="E1"))
    assert asked.cancellation == Cancellation(CanceledReason.TRAFFIC, PartyRole.EMSP)
    assert asked.evse_uid == "E1"


def test_the_value_of_a_token_is_not_in_what_a_log_prints() -> None:
    assert "04A1B2C3" not in repr(request_of(message()))


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("country_code", {"country_code": "DEU"}),
    ("party_id", {"party_id": 7}),
    ("request_id", {"request_id": ""}),
    ("request_id", {"request_id": "x" * 37}),
    ("request_id", {"request_id": "a\nb"}),
    ("location_id", {"location_id": ...}),
    ("tokens", {"tokens": ...}),
    ("tokens", {"tokens": []}),
    ("tokens", {"tokens": [TOKEN] * 21}),
    ("tokens[0]", {"tokens": ["04A1B2C3"]}),
    ("tokens[0].type", {"tokens": [TOKEN | {"type": "PALM"}]}),
    ("tokens[0].uid", {"tokens": [TOKEN | {"uid": None}]}),
    ("tokens[1].contract_id", {"tokens": [TOKEN, TOKEN | {"contract_id": "C2"}]}),
    ("period", {"period": "today"}),
    ("period.start_from", {"period": {"end_before": "2026-12-01T10:00:00Z"}}),
    ("period.start_from", {"period": {"start_from": "2026-12-01"}}),
    ("period.start_from", {"period": {"start_from": "0001-01-01T00:00:00+14:00"}}),
    (
        "period.end_before",
        {"period": {"start_from": "2026-12-01T10:00Z", "end_before": "2026-12-01T10:00Z"}},
    ),
    ("power_required", {"power_required": -1}),
    ("power_required", {"power_required": float("nan")}),
    ("power_required", {"power_required": True}),
    ("period.min_power", {"period": message()["period"] | {"min_power": "many"}}),
    ("bookable_parking_option", {"bookable_parking_option": []}),
    ("evse_uid", {"evse_uid": 1}),
    ("authorization_reference", {"authorization_reference": ...}),
    ("canceled", {"canceled": True}),
    ("canceled.cancellation_reason", {"canceled": {"who_canceled": "CPO"}}),
    ("canceled.cancellation_reason", {"canceled": {"cancellation_reason": ["FULL"]}}),
    ("canceled.who_canceled", {"canceled": {"cancellation_reason": "FULL"}}),
]


@pytest.mark.parametrize(("field", "changes"), WRONG)
def test_an_error_names_the_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(OcpiRequestError) as raised:
        request_of(message(**changes))
    assert raised.value.field == field
    assert str(raised.value).startswith(f"{field}: expected ")


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(st.sampled_from(sorted({*message(), "canceled", "power_required", "evse_uid"})), _JSON)
def test_whatever_stands_in_a_field_is_read_or_named(field: str, value: Any) -> None:
    try:
        asked = request_of(message(**{field: json.loads(json.dumps(value))}))
    except OcpiRequestError as error:
        assert error.field.startswith(field)
    else:
        assert asked.span.length
