"""Reading leniently: what is let through, repaired, refused."""

import json
import time
from typing import Any

import pytest

from domain.model.specs import Kind
from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect, PayloadViolation
from station_gateway.dialects.mending.mends import NO_MENDS, MendKind
from station_gateway.dialects.schemas import SchemaSet
from tests.unit.station_gateway.malformed import REQUIRED
from tests.unit.station_gateway.versions import DIALECTS

MESSAGES = [
    (version, action, payload)
    for version, messages in REQUIRED.items()
    for action, payload in messages.items()
]


def repaired(dialect: Dialect, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as it is after the check, which must pass."""
    payload = json.loads(json.dumps(payload))
    assert dialect.check_call(action, payload) is None
    return payload


@pytest.mark.parametrize(("version", "action", "payload"), MESSAGES)
def test_smallest_payload_passes_untouched(version: str, action: str, payload: Any) -> None:
    assert repaired(DIALECTS[version], action, payload) == payload


@pytest.mark.parametrize(("version", "action", "payload"), MESSAGES)
def test_unknown_fields_are_let_through(version: str, action: str, payload: Any) -> None:
    odd = payload | {"vendorExtra": {"a": [1, None]}}
    assert repaired(DIALECTS[version], action, odd) == odd


STARTED = REQUIRED["1.6"]["StartTransaction"]
EVENT = REQUIRED["2.0.1"]["TransactionEvent"]


@pytest.mark.parametrize(
    ("given", "read"),
    [("1", 1), ("007", 7), (" +7 ", 7), ("-1", -1), ("12.0", 12), (3.0, 3)],
)
def test_numbers_sent_as_text_are_repaired(given: Any, read: int) -> None:
    payload = repaired(v16, "StartTransaction", STARTED | {"connectorId": given})
    assert payload["connectorId"] == read


@pytest.mark.parametrize("given", ["", "x", "1e3", "1.5", "0x10", "9" * 30, 1.5, 1e300, True, []])
def test_what_is_no_number_is_refused(given: Any) -> None:
    violation = v16.check_call("StartTransaction", STARTED | {"connectorId": given})
    assert violation is not None
    assert (violation.code, violation.description) == (
        "TypeConstraintViolation",
        "connectorId: type",
    )


def test_text_sent_as_number_is_repaired() -> None:
    assert repaired(v16, "StartTransaction", STARTED | {"idTag": 42})["idTag"] == "42"
    event = EVENT | {"transactionInfo": {"transactionId": 17}}
    assert repaired(v201, "TransactionEvent", event)["transactionInfo"] == {"transactionId": "17"}


@pytest.mark.parametrize(("given", "read"), [("12.5", 12.5), ("1e3", 1000.0), (5, 5), (" 7 ", 7.0)])
def test_readings_sent_as_text_are_repaired(given: Any, read: float) -> None:
    value = {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": given}]}
    payload = repaired(v201, "MeterValues", {"evseId": 1, "meterValue": [value]})
    assert payload["meterValue"][0]["sampledValue"][0]["value"] == read


@pytest.mark.parametrize("given", ["", "x", "nan", "inf", "-Infinity", "1" * 65, {}])
def test_readings_that_are_no_number_are_refused(given: Any) -> None:
    value = {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": given}]}
    assert v201.check_call("MeterValues", {"evseId": 1, "meterValue": [value]}) is not None


@pytest.mark.parametrize(
    ("given", "read"), [("true", True), ("False", False), (1, True), (0, False), (None, None)]
)
def test_flags_in_other_clothes_are_repaired(given: Any, read: bool | None) -> None:
    payload = repaired(v201, "TransactionEvent", EVENT | {"offline": given})
    assert payload.get("offline") is read


@pytest.mark.parametrize("given", ["yes", 2, 1.0, []])
def test_flags_that_are_none_are_refused(given: Any) -> None:
    assert v201.check_call("TransactionEvent", EVENT | {"offline": given}) is not None


def test_null_is_taken_as_absent() -> None:
    payload = repaired(v16, "StartTransaction", STARTED | {"reservationId": None})
    assert "reservationId" not in payload


@pytest.mark.parametrize(
    ("dialect", "action", "payload"),
    [
        (v16, "StatusNotification", {"connectorId": 1, "errorCode": "Odd", "status": "Odd"}),
        (v16, "StartTransaction", STARTED | {"timestamp": "yesterday"}),
        (v16, "BootNotification", {"chargePointVendor": "V" * 99, "chargePointModel": "M" * 99}),
        (v201, "TransactionEvent", EVENT | {"triggerReason": "TxResumed"}),
        (v201, "Authorize", {"idToken": {"idToken": "T", "type": "EVCCID"}}),
        (v21, "Authorize", {"idToken": {"idToken": "T" * 255, "type": "EVCCID"}}),
        (v21, "TransactionEvent", EVENT | {"triggerReason": "TxResumed", "evseSleep": True}),
    ],
)
def test_harmless_oddities_are_let_through(dialect: Dialect, action: str, payload: Any) -> None:
    assert repaired(dialect, action, payload) == payload


def token_of(chars: int) -> dict[str, Any]:
    return {"idToken": {"idToken": "T" * chars, "type": "Central"}}


@pytest.mark.parametrize(
    ("dialect", "action", "payload", "code"),
    [
        (v16, "Authorize", {"idTag": "T" * 21}, "TypeConstraintViolation"),
        (v201, "Authorize", token_of(37), "TypeConstraintViolation"),
        (v21, "Authorize", token_of(256), "TypeConstraintViolation"),
        (v201, "TransactionEvent", EVENT | {"eventType": "Odd"}, "PropertyConstraintViolation"),
        (
            v201,
            "TransactionEvent",
            EVENT | {"transactionInfo": {"transactionId": "t" * 37}},
            "TypeConstraintViolation",
        ),
        (
            v201,
            "MeterValues",
            {"evseId": 1, "meterValue": [{"timestamp": "t", "sampledValue": []}]},
            "OccurrenceConstraintViolation",
        ),
        (
            v201,
            "MeterValues",
            {"evseId": 1, "meterValue": [{"sampledValue": [{"value": 1}]}]},
            "OccurrenceConstraintViolation",
        ),
        (v201, "MeterValues", {"evseId": 1, "meterValue": {}}, "TypeConstraintViolation"),
        (v201, "MeterValues", {"evseId": 1, "meterValue": [1]}, "TypeConstraintViolation"),
    ],
)
def test_what_changes_the_meaning_is_refused(
    dialect: Dialect, action: str, payload: Any, code: str
) -> None:
    violation = dialect.check_call(action, payload)
    assert violation is not None
    assert violation.code == code


def test_long_wrong_payload_costs_little() -> None:
    value = {"timestamp": "t", "sampledValue": [{"value": 7} for _ in range(20_000)]}
    payload = {"connectorId": 1, "meterValue": [value]}
    began = time.process_time()
    assert v16.check_call("MeterValues", payload) is not None
    assert time.process_time() - began < 1.0


def test_schemas_of_a_package_that_is_not_installed_are_an_error() -> None:
    absent = SchemaSet("no_such_package.v99", "", frozenset({"Heartbeat"}), v16.ERRORS)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        absent.check_call("Heartbeat", {})


def test_the_first_message_of_an_action_is_judged_like_the_others() -> None:
    fresh = SchemaSet("ocpp.v16", "", frozenset({"Heartbeat"}), v16.ERRORS)
    assert fresh.take_call("Heartbeat", {}) == fresh.take_call("Heartbeat", {}) == NO_MENDS


ANSWERS = [
    (v16, "UnlockConnector", "unlocked", "Unlocked"),
    (v16, "UnlockConnector", " UNLOCK_FAILED ", "UnlockFailed"),
    (v16, "RemoteStartTransaction", "ACCEPTED", "Accepted"),
    (v16, "TriggerMessage", "not implemented", "NotImplemented"),
    (v201, "UnlockConnector", "ongoingauthorizedtransaction", "OngoingAuthorizedTransaction"),
    (v201, "RequestStopTransaction", "rejected", "Rejected"),
    (v21, "Reset", "scheduled", "Scheduled"),
]


@pytest.mark.parametrize(("dialect", "action", "said", "meant"), ANSWERS)
def test_the_status_word_of_an_answer_is_read_in_any_case(
    dialect: Dialect, action: str, said: str, meant: str
) -> None:
    payload: dict[str, Any] = {"status": said}
    assert dialect.take_answer(action, payload) == {MendKind.WORD: "status"}
    assert payload == {"status": meant}


@pytest.mark.parametrize("status", ["Accepted", "Sure"])
def test_other_words_of_an_answer_stay_as_they_are(status: str) -> None:
    payload: dict[str, Any] = {"status": status}
    assert v201.take_answer("RequestStopTransaction", payload) == NO_MENDS
    assert payload == {"status": status}


def test_an_answer_without_a_status_word_is_no_mend() -> None:
    assert v201.take_answer("GetTransactionStatus", {"messagesInQueue": False}) == NO_MENDS


def test_a_transaction_id_of_an_answer_is_kept_whole() -> None:
    payload: dict[str, Any] = {"status": "Accepted", "transactionId": "t" * 39}
    assert v201.take_answer("RequestStartTransaction", payload) == {
        MendKind.SESSION_ID: "transactionId"
    }
    assert payload["transactionId"] == "t" * 39
    answer = v201.COMMANDS[Kind.START_SESSION].read_answer(payload)
    assert answer.ocpp_transaction_id == "t" * 39


def test_an_answer_that_is_none_is_refused_with_its_mends() -> None:
    payload: dict[str, Any] = {"transactionId": "t" * 39}
    assert isinstance(v201.take_answer("RequestStartTransaction", payload), PayloadViolation)
