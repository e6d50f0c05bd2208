"""Writing strictly: every frame of ours obeys the letter of its schema."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.answers import CallError
from domain.model.specs import ChargingProfile, IdToken, Kind, SchedulePeriod, StartSpec, StopSpec
from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.command_words import FrameParts, QuestionSubject, agrees_to_trigger
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import (
    Answer,
    Authorization,
    BootVerdict,
    Confirmation,
    NoticeSeen,
    OutgoingCall,
    Payload,
    QuestionAnswer,
    Unreadable,
    Unsendable,
)
from station_gateway.dialects.station_calls.replies import TOKEN_WORDS
from tests.unit.station_gateway.malformed import REQUIRED
from tests.unit.station_gateway.versions import DIALECTS, question_about, schemas_of, write

NOW = datetime(2026, 1, 1, tzinfo=UTC)
every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
newer = pytest.mark.parametrize("dialect", [v201, v21], ids=["2.0.1", "2.1"])


def faults(dialect: Dialect, name: str, payload: Payload) -> list[str]:
    """What is wrong with a payload once it went through the wire."""
    return schemas_of(dialect).faults_of_ours(name, json.loads(json.dumps(payload)))


def request_faults(dialect: Dialect, call: tuple[str, Payload]) -> list[str]:
    action, payload = call
    return faults(dialect, action if dialect is v16 else f"{action}Request", payload)


TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SMALL = st.integers(0, 2**31 - 1)
RATES = st.floats(0, 1_000_000)
TYPES = st.sampled_from(["ISO14443", "ISO15693", "EMAID", "eMAID", "MAC_ADDRESS", "Central"])
TOKENS = st.builds(IdToken, type=TYPES, masked=st.just(""), sealed=st.just(""), digest=st.just(""))
PROFILES = st.builds(
    ChargingProfile,
    rate_unit=st.sampled_from(["W", "A"]),
    periods=st.lists(
        st.builds(SchedulePeriod, SMALL, RATES, st.none() | st.integers(1, 3)),
        min_size=1,
        max_size=4,
    ).map(tuple),
    stack_level=st.integers(0, 9),
    profile_kind=st.sampled_from(["Relative", "Absolute"]),
    start_schedule=st.none() | TIMES,
    duration_s=st.none() | SMALL,
    min_charging_rate=st.none() | RATES,
)
STARTS = st.builds(
    StartSpec,
    id_token=TOKENS,
    evse_id=st.none() | st.integers(1, 99),
    connector_id=st.none() | st.integers(1, 9),
    group_id_token=st.none() | TOKENS,
    charging_profile=st.none() | PROFILES,
)
SHORT = st.text(min_size=1, max_size=20)


@every
@given(spec=STARTS, value=SHORT, group=st.none() | SHORT, number=st.integers(1, 2**31 - 1))
def test_every_start_obeys_its_schema(
    dialect: Dialect, spec: StartSpec, value: str, group: str | None, number: int
) -> None:
    call = write(dialect, spec, FrameParts(value, group, number))
    assert request_faults(dialect, call) == []


@given(st.integers(0, 2**31 - 1))
def test_every_stop_of_16_obeys_its_schema(transaction_id: int) -> None:
    call = write(v16, StopSpec(found_ocpp_transaction_id=str(transaction_id)))
    assert request_faults(v16, call) == []
    assert call[1] == {"transactionId": transaction_id}


@newer
@given(transaction_id=st.text(min_size=1, max_size=36))
def test_every_stop_of_2x_obeys_its_schema(dialect: Dialect, transaction_id: str) -> None:
    assert (
        request_faults(dialect, write(dialect, StopSpec(found_ocpp_transaction_id=transaction_id)))
        == []
    )


@every
@given(kind=st.sampled_from(Kind), evse_id=st.none() | SMALL, wire_id=st.text(max_size=36))
def test_every_question_obeys_its_schema(
    dialect: Dialect, kind: Kind, evse_id: int | None, wire_id: str
) -> None:
    call = question_about(dialect, kind).write(
        QuestionSubject(evse_id, ocpp_transaction_id=wire_id)
    )
    assert request_faults(dialect, call) == []
    assert request_faults(dialect, dialect.get_connection_timeout()) == []
    assert request_faults(dialect, dialect.ask_boot()) == []


@pytest.mark.parametrize(
    ("answer", "agrees"),
    [
        ({"status": "Accepted"}, True),
        ({"status": "Rejected"}, False),
        ({"status": "NotImplemented"}, False),
        ({}, False),
        (CallError("NotSupported", ""), False),
        (Unreadable("odd"), False),
    ],
)
def test_only_a_yes_agrees_to_boot(answer: Answer, agrees: bool) -> None:
    assert agrees_to_trigger(answer) is agrees


CONFIRMATIONS = st.builds(
    Confirmation,
    now=TIMES,
    authorization=st.none()
    | st.builds(
        Authorization,
        verdict=st.sampled_from([*TOKEN_WORDS]),
        group=st.none() | st.text(max_size=60),
        group_type=TYPES | st.just("odd"),
        expire_time=st.none() | TIMES,
    ),
    ocpp_transaction_id=SMALL,
    boot=st.sampled_from(BootVerdict),
    interval_s=SMALL,
)
MESSAGES = [
    pytest.param(DIALECTS[version], action, payload, id=f"{version}-{action}")
    for version, messages in REQUIRED.items()
    for action, payload in (messages | {"Heartbeat": {}}).items()
]


@pytest.mark.parametrize(("dialect", "action", "payload"), MESSAGES)
@given(said=CONFIRMATIONS)
def test_every_reply_obeys_its_schema(
    dialect: Dialect, action: str, payload: Payload, said: Confirmation
) -> None:
    reply = dialect.reply(dialect.read_call(action, payload, NOW), said)
    assert faults(dialect, f"{action}Response", reply) == []


def start_of(profile: ChargingProfile | None = None, type_: str = "ISO14443") -> StartSpec:
    return StartSpec(id_token=IdToken(type_, "", "", ""), evse_id=2, charging_profile=profile)


def begin(dialect: Dialect, spec: StartSpec, value: str = "TAG") -> tuple[str, Payload]:
    return write(dialect, spec, FrameParts(value, number=7))


def test_start_of_16_names_tag_and_connector() -> None:
    wanted = ("RemoteStartTransaction", {"idTag": "TAG", "connectorId": 2})
    assert begin(v16, start_of()) == wanted


@newer
def test_start_of_2x_names_token_evse_and_our_number(dialect: Dialect) -> None:
    assert begin(dialect, start_of()) == (
        "RequestStartTransaction",
        {"idToken": {"idToken": "TAG", "type": "ISO14443"}, "remoteStartId": 7, "evseId": 2},
    )


def test_limits_of_16_have_one_decimal() -> None:
    profile = ChargingProfile("A", (SchedulePeriod(0, 16.04),), min_charging_rate=6.66)
    schedule = begin(v16, start_of(profile))[1]["chargingProfile"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 16.0}]
    assert schedule["minChargingRate"] == 6.7


@every
def test_a_schedule_says_what_it_has_and_no_more(dialect: Dialect) -> None:
    least = ChargingProfile("A", (SchedulePeriod(0, 16.0),))
    most = ChargingProfile(
        "W",
        (SchedulePeriod(0, 11_000.0, 3), SchedulePeriod(60, 5_000.0)),
        profile_kind="Absolute",
        start_schedule=NOW,
        duration_s=3600,
        min_charging_rate=1_000.0,
    )
    schedules = []
    for profile in (least, most):
        call = begin(dialect, start_of(profile))
        assert request_faults(dialect, call) == []
        schedule = call[1]["chargingProfile"]["chargingSchedule"]
        schedules.append(schedule if dialect is v16 else schedule[0])
    numbered = {} if dialect is v16 else {"id": 7}
    assert schedules[0] == numbered | {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    }
    assert schedules[1] == numbered | {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 11_000.0, "numberPhases": 3},
            {"startPeriod": 60, "limit": 5_000.0},
        ],
        "duration": 3600,
        "startSchedule": "2026-01-01T00:00:00Z",
        "minChargingRate": 1_000.0,
    }


@newer
def test_start_of_2x_names_the_group_when_its_token_is_given(dialect: Dialect) -> None:
    spec = replace(start_of(), group_id_token=IdToken("Central", "", "", ""))
    named = write(dialect, spec, FrameParts("TAG", "GROUP", 7))
    assert named[1]["groupIdToken"] == {"idToken": "GROUP", "type": "Central"}
    assert request_faults(dialect, named) == []
    assert "groupIdToken" not in begin(dialect, spec)[1]


@every
def test_what_is_asked_once_after_a_boot(dialect: Dialect) -> None:
    asked = {"component": {"name": "TxCtrlr"}, "variable": {"name": "EVConnectionTimeOut"}}
    wanted: OutgoingCall = ("GetVariables", {"getVariableData": [asked]})
    if dialect is v16:
        wanted = ("GetConfiguration", {"key": ["ConnectionTimeOut"]})
    assert dialect.get_connection_timeout() == wanted
    assert dialect.ask_boot() == ("TriggerMessage", {"requestedMessage": "BootNotification"})


ONE = (SchedulePeriod(0, 16.0),)


@every
@pytest.mark.parametrize(
    "profile",
    [
        ChargingProfile("V", ONE),
        ChargingProfile("A", ONE, profile_kind="Recurring"),
        ChargingProfile("A", ()),
        ChargingProfile("A", ONE * 1025),
    ],
)
def test_profile_that_ocpp_cannot_say_is_not_sent(
    dialect: Dialect, profile: ChargingProfile
) -> None:
    with pytest.raises(Unsendable, match="charging_profile"):
        begin(dialect, start_of(profile))


@pytest.mark.parametrize(("dialect", "limit"), [(v16, 20), (v201, 36), (v21, 255)])
def test_token_that_the_version_cannot_carry_is_not_sent(dialect: Dialect, limit: int) -> None:
    begin(dialect, start_of(), "T" * limit)
    for value in ("", "T" * (limit + 1)):
        with pytest.raises(Unsendable, match="id_token"):
            begin(dialect, start_of(), value)


def test_token_type_that_201_does_not_know_is_not_sent() -> None:
    with pytest.raises(Unsendable, match="type"):
        begin(v201, start_of(type_="EVCCID"))
    assert begin(v201, start_of(type_="NO_AUTHORIZATION"), "")[1]["idToken"]["idToken"] == ""


@pytest.mark.parametrize(
    ("type_", "written"),
    [
        ("E_MAID", "eMAID"),
        ("evccid", "EVCCID"),
        ("DIRECT_PAYMENT", "DirectPayment"),
        ("x-1", "x-1"),
    ],
)
def test_token_type_of_21_is_free(type_: str, written: str) -> None:
    assert begin(v21, start_of(type_=type_))[1]["idToken"]["type"] == written


@pytest.mark.parametrize("type_", ["", "t" * 21])
def test_token_type_that_21_cannot_carry_is_not_sent(type_: str) -> None:
    with pytest.raises(Unsendable, match="type"):
        begin(v21, start_of(type_=type_))


@pytest.mark.parametrize(
    ("dialect", "wire_id"),
    [(v16, ""), (v16, "abc"), (v16, str(2**31)), (v201, ""), (v201, "t" * 256), (v21, "t" * 256)],
)
def test_transaction_id_that_the_version_cannot_carry_is_not_sent(
    dialect: Dialect, wire_id: str
) -> None:
    with pytest.raises(Unsendable, match="transaction_id"):
        write(dialect, StopSpec(found_ocpp_transaction_id=wire_id))


def test_16_is_asked_by_trigger_and_2x_by_transaction() -> None:
    stop = question_about(v16, Kind.STOP_SESSION)
    assert stop.write(QuestionSubject(2, ocpp_transaction_id="7")) == (
        "TriggerMessage",
        {"requestedMessage": "MeterValues", "connectorId": 2},
    )
    wanted = ("TriggerMessage", {"requestedMessage": "StatusNotification"})
    assert question_about(v16, Kind.START_SESSION).write(QuestionSubject()) == wanted
    for dialect in (v201, v21):
        asked = question_about(dialect, Kind.STOP_SESSION)
        wanted = ("GetTransactionStatus", {"transactionId": "t"})
        assert asked.write(QuestionSubject(ocpp_transaction_id="t")) == wanted


def test_what_a_station_knows_when_asked() -> None:
    session = question_about(v201, Kind.START_SESSION)
    known = session.read({"ongoingIndicator": True, "messagesInQueue": False})
    assert known == QuestionAnswer(ongoing=True, messages_in_queue=False)
    assert session.read({"messagesInQueue": True}) == QuestionAnswer(messages_in_queue=True)
    trigger = question_about(v16, Kind.START_SESSION)
    assert trigger.read({"status": "Accepted"}) == QuestionAnswer(detail="Accepted")


@every
@pytest.mark.parametrize("kind", Kind)
def test_station_that_cannot_be_asked_said_nothing(dialect: Dialect, kind: Kind) -> None:
    question = question_about(dialect, kind)
    refused = QuestionAnswer(detail="NotImplemented")
    assert question.read(CallError("NotImplemented")) == refused
    assert question.read(Unreadable("x")) == QuestionAnswer(detail="unreadable answer")


def timeout_answer(dialect: Dialect, value: Any) -> Payload:
    if dialect is v16:
        entry = {"key": "connectionTimeout", "readonly": True, "value": value}
        return {"configurationKey": [{"key": "Other", "readonly": True}, entry]}
    return {"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": value}]}


@every
@pytest.mark.parametrize(
    ("value", "seconds"),
    [("60", 60.0), ("90.5", 90.5), ("0", None), ("-1", None), ("x", None), ("1e99", None)],
)
def test_connection_timeout_is_read_when_it_is_one(
    dialect: Dialect, value: str, seconds: float | None
) -> None:
    assert dialect.read_connection_timeout(timeout_answer(dialect, value)) == seconds


@every
@pytest.mark.parametrize(
    "answer",
    [
        {},
        CallError("NotSupported"),
        {"unknownKey": ["ConnectionTimeOut"]},
        {"getVariableResult": [{"attributeStatus": "UnknownVariable"}]},
    ],
)
def test_connection_timeout_that_was_not_told_is_none(dialect: Dialect, answer: Any) -> None:
    assert dialect.read_connection_timeout(answer) is None


@every
def test_request_for_a_certificate_is_refused_in_its_own_words(dialect: Dialect) -> None:
    refused = dialect.reply(NoticeSeen("SignCertificate"), Confirmation(NOW))
    assert refused == {"status": "Rejected"}


@pytest.mark.parametrize("action", ["OpenPeriodicEventStream", "PullDynamicScheduleUpdate"])
def test_services_that_nobody_gives_are_refused_in_their_own_words(action: str) -> None:
    assert v21.reply(NoticeSeen(action), Confirmation(NOW)) == {"status": "Rejected"}
    assert v21.reply(NoticeSeen("NotifyDERAlarm"), Confirmation(NOW)) == {}
