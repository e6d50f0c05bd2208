"""Odd reports are taken for what they certainly mean, and each mend is marked."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station_gateway.dialects.interface import PayloadViolation
from station_gateway.dialects.mending import mends
from station_gateway.dialects.mending.marks import marked, marks_of
from station_gateway.dialects.mending.mends import MendKind
from station_gateway.dialects.messages import (
    Authorization,
    CallRefused,
    Confirmation,
    StationCall,
    TokenVerdict,
)
from tests.unit.station_gateway.dialects.test_reading_properties import JUNK, spots
from tests.unit.station_gateway.malformed import REQUIRED
from tests.unit.station_gateway.odd_reports import OddReport, sample, without
from tests.unit.station_gateway.odd_reports_v2x import EVENT, NOW, OF_2
from tests.unit.station_gateway.odd_reports_v16 import OF_1_6, START, STOP
from tests.unit.station_gateway.versions import DIALECTS

V2 = ("2.0.1", "2.1")


def taken(version: str, action: str, payload: Any) -> tuple[StationCall, dict[MendKind, str]]:
    """The message, and what was mended. Raises: CallRefused."""
    dialect, payload = DIALECTS[version], json.loads(json.dumps(payload))
    found = dialect.take_call(action, payload)
    if isinstance(found, PayloadViolation):
        raise CallRefused(found.code, found.description)
    try:
        message = dialect.read_call(action, payload, NOW)
    except CallRefused:
        found = dialect.mend_call(action, payload)
        if isinstance(found, PayloadViolation):
            raise CallRefused(found.code, found.description) from None
        message = dialect.read_call(action, payload, NOW)
    return message, {**marks_of(message), **found}


CASES = [("1.6", case) for case in OF_1_6] + [(v, case) for v in V2 for case in OF_2]


@pytest.mark.parametrize(("version", "case"), CASES)
def test_an_odd_report_is_taken_for_what_it_means(version: str, case: OddReport) -> None:
    action, payload, field, value, kind = case
    message, found = taken(version, action, payload)
    if field != "token" or action != "Authorize":
        assert getattr(message, field) == value
    if kind is not None:
        assert kind in found


REFUSED: list[tuple[str, str, Any]] = [
    ("1.6", "StartTransaction", without(START, "connectorId", "idTag")),
    ("1.6", "StartTransaction", START | {"connectorId": -1, "idTag": "\n"}),
    ("1.6", "StatusNotification", {"connectorId": None, "status": "Available"}),
    ("1.6", "StatusNotification", {"connectorId": 1, "status": None}),
    ("1.6", "Authorize", {"idTag": " " * 21}),
    ("1.6", "Authorize", {}),
    ("2.0.1", "TransactionEvent", without(EVENT, "transactionInfo")),
    ("2.0.1", "TransactionEvent", EVENT | {"transactionInfo": {"transactionId": "T" * 256}}),
    ("2.0.1", "TransactionEvent", EVENT | {"eventType": "Paused"}),
    ("2.0.1", "StatusNotification", {"evseId": 1, "connectorStatus": "Available"}),
    ("2.0.1", "StatusNotification", {"evseId": 1, "connectorId": 1}),
    ("2.0.1", "ReservationStatusUpdate", {"reservationUpdateStatus": "Expired"}),
    ("2.0.1", "ReservationStatusUpdate", {"reservationId": 1}),
    ("2.0.1", "Authorize", {"idToken": {"type": "Central"}}),
    ("1.6", "FirmwareStatusNotification", {}),
    ("1.6", "Unknown", {}),
]


@pytest.mark.parametrize(("version", "action", "payload"), REFUSED)
def test_what_names_nothing_is_refused(version: str, action: str, payload: Any) -> None:
    with pytest.raises(CallRefused):
        taken(version, action, payload)


@pytest.mark.parametrize("version", V2)
def test_a_boot_that_is_odd_elsewhere_keeps_its_reason(version: str) -> None:
    odd = {"chargingStation": {"vendorName": 5, "model": "M"}, "reason": "PowerUp"}
    message, found = taken(version, "BootNotification", odd)
    assert message.reason == "PowerUp"  # type: ignore[union-attr]
    assert found == {MendKind.SHAPE: "chargingStation.vendorName"}


def test_what_conforms_is_not_marked() -> None:
    for version, messages in REQUIRED.items():
        for action, payload in messages.items():
            message, found = taken(version, action, payload)
            assert found == {}, (version, action)
            assert not getattr(message, "mended", ())


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("DRIVER-1", "DRIVER-1"),
        ("  DRIVER-1\r\n", "DRIVER-1"),
        ("DRIVER-1\x00\x00", "DRIVER-1"),
        ("DRI\tVER", "DRI\ufffdVER"),  # without the tab it would be another driver's
        ("T" * 21, "T" * 21),  # its first 20 characters would be another driver's
        ("T" * 300, "T" * 254 + "\ufffd"),
        ("\n", ""),
        ("", ""),
    ],
)
def test_a_token_is_cleaned_and_never_becomes_another_one(given: str, read: str) -> None:
    message, found = taken("1.6", "StartTransaction", START | {"idTag": given})
    assert message.token.value == read  # type: ignore[union-attr]
    assert (MendKind.TOKEN in found) == (given != read)


@pytest.mark.parametrize(
    ("given", "wh"),
    [
        (5, 5.0),
        (1.5, 1.5),
        ("12 Wh", 12.0),
        ("1.0005 kWh", 1000.5),
        ("26008,3", 26008.3),
        ("0,125 kWh", 125.0),
        ("1,234", None),  # thousands or a fraction?
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1,23.5", None),
        ("1,2,3", None),
        ("1.2.3", None),
        ("3600 Ws", 1.0),
        ("3600 W·s", 1.0),
        ("7.2 kJ", 2.0),
        ("2 MWh", 2e6),
        ("3.6 MJ", 1000.0),
        ("2 mWh", None),  # milli, or a careless mega
        ("5 A", None),
        ("1e3", 1000.0),
        ("-3", -3.0),
        ("five", None),
        ("", None),
        (None, None),
        (True, None),
        ({}, None),
        ([7], 7.0),
        (1e30, None),
    ],
)
def test_an_energy_is_read_where_it_is_certain(given: Any, wh: float | None) -> None:
    read = mends.energy_wh(given)
    assert read is None if wh is None else read == pytest.approx(wh)


@pytest.mark.parametrize(
    ("given", "number"),
    [(1, 1), (1.0, 1), (1.5, None), ("007", 7), ("3,0", 3), ("x", None), (True, None), ({}, None)],
)
def test_a_whole_number_is_read_where_it_is_certain(given: Any, number: int | None) -> None:
    assert mends.whole(given) == number


def test_a_message_carries_the_kinds_of_its_mends() -> None:
    message, found = taken("1.6", "StopTransaction", STOP | {"meterStop": None, "timestamp": None})
    assert marked(message, found).mended == ("METER", "TIME")  # type: ignore[union-attr]
    beat, _ = taken("1.6", "Heartbeat", {})
    assert marked(beat, found) is beat


def test_a_refused_report_tells_what_it_was_about() -> None:
    assert DIALECTS["1.6"].subject_of({"connectorId": "2", "transactionId": 7}) == (2, "7")
    assert DIALECTS["1.6"].subject_of({}) == (None, "")
    assert DIALECTS["2.1"].subject_of(EVENT | {"evse": {"id": 2}}) == (2, "t")
    assert DIALECTS["2.1"].subject_of({"evseId": 3, "transactionId": "x"}) == (3, "x")


def test_a_contract_certificate_is_never_accepted_unseen() -> None:
    asked = {
        "idToken": {"idToken": "T", "type": "eMAID"},
        "iso15118CertificateHashData": [
            {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "a",
                "issuerKeyHash": "b",
                "serialNumber": "c",
                "responderURL": "d",
            }
        ],
    }
    said = Confirmation(NOW, authorization=Authorization(TokenVerdict.ACCEPTED))
    for version in V2:
        message, found = taken(version, "Authorize", asked)
        assert found == {}
        reply = DIALECTS[version].reply(message, said)
        assert reply["idTokenInfo"]["status"] == "Invalid"
        assert reply["certificateStatus"] == "NoCertificateAvailable"


def test_a_mend_costs_little() -> None:
    values = sample(None) * 3_000
    begin = time.perf_counter()
    taken("1.6", "StopTransaction", STOP | {"transactionData": values})
    assert time.perf_counter() - begin < 1.0


NEVER_REFUSED = {"StopTransaction", "MeterValues"}
IDENTIFIED_BY = {"StartTransaction": "connectorId", "TransactionEvent": "transactionInfo"}
FACTS = [
    (version, action) for version, dialect in DIALECTS.items() for action in sorted(dialect.REPORTS)
]


@pytest.mark.parametrize(("version", "action"), FACTS)
@settings(max_examples=80)
@given(data=st.data())
def test_whatever_a_report_looks_like_it_is_read_or_refused(
    version: str, action: str, data: st.DataObject
) -> None:
    payload = copy.deepcopy(REQUIRED[version][action])
    for path in data.draw(st.lists(st.sampled_from(spots(payload)), max_size=4)):
        spot = payload
        try:
            for key in path[:-1]:
                spot = spot[key]
            spot[path[-1]] = copy.deepcopy(data.draw(JUNK))
        except (TypeError, KeyError, IndexError):
            continue
    kept = copy.deepcopy(payload)
    try:
        taken(version, action, payload)
    except CallRefused as refused:
        assert action not in NEVER_REFUSED
        field = IDENTIFIED_BY.get(action)
        if field:
            identity = REQUIRED[version][action]
            changed = json.dumps(kept.get(field)) != json.dumps(identity[field])
            assert changed or kept.get("eventType") != identity.get("eventType"), refused
