"""Writing strictly, the other four commands: every frame obeys its schema or is not sent."""

import json
from datetime import UTC, datetime
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.specs import (
    CancelReservationSpec,
    IdToken,
    Kind,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    UnlockSpec,
)
from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.command_words import FrameParts, QuestionSubject
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import OutgoingCall, Payload, Unsendable
from tests.unit.station_gateway.dialects.test_writing import (
    SHORT,
    SMALL,
    TIMES,
    TOKENS,
    every,
    newer,
    request_faults,
)
from tests.unit.station_gateway.versions import PACKAGES, question_about, write

IDS = st.integers(1, 2**31 - 1)
EXPIRY = datetime(2026, 1, 1, 12, 30, 15, tzinfo=UTC)
TOO_BIG = 2**31


@every
@given(connector=IDS, evse=IDS)
def test_every_unlock_obeys_its_schema(dialect: Dialect, connector: int, evse: int) -> None:
    assert request_faults(dialect, write(dialect, UnlockSpec(connector))) == []
    numbered = UnlockSpec(1 if dialect is v16 else connector, evse_id=evse)
    assert request_faults(dialect, write(dialect, numbered)) == []


def test_an_unlock_names_the_connector_of_its_evse() -> None:
    assert write(v16, UnlockSpec(2)) == ("UnlockConnector", {"connectorId": 2})
    assert write(v16, UnlockSpec(1, evse_id=3)) == ("UnlockConnector", {"connectorId": 3})
    for dialect in (v201, v21):
        assert write(dialect, UnlockSpec(2, evse_id=3))[1] == {"evseId": 3, "connectorId": 2}
        assert write(dialect, UnlockSpec(2))[1] == {"evseId": 2, "connectorId": 1}


@pytest.mark.parametrize(
    ("dialect", "spec"),
    [
        (v16, UnlockSpec(2, evse_id=1)),
        (v16, UnlockSpec(0)),
        (v201, UnlockSpec(0, evse_id=1)),
        (v201, UnlockSpec(1, evse_id=TOO_BIG)),
        (v21, UnlockSpec(1, evse_id=-1)),
    ],
)
def test_connector_that_the_version_cannot_name_is_not_unlocked(
    dialect: Dialect, spec: UnlockSpec
) -> None:
    with pytest.raises(Unsendable, match="_id"):
        write(dialect, spec)


RESETS = [
    (v16, ResetMode.SOFT, None, {"type": "Soft"}),
    (v16, ResetMode.HARD, None, {"type": "Hard"}),
    (v201, ResetMode.SOFT, None, {"type": "Immediate"}),
    (v201, ResetMode.HARD, None, {"type": "Immediate"}),
    (v201, ResetMode.ON_IDLE, None, {"type": "OnIdle"}),
    (v201, ResetMode.ON_IDLE, 2, {"type": "OnIdle", "evseId": 2}),
    (v21, ResetMode.SOFT, 1, {"type": "Immediate", "evseId": 1}),
    (v21, ResetMode.HARD, None, {"type": "Immediate"}),
    (v21, ResetMode.ON_IDLE, None, {"type": "OnIdle"}),
    (v21, ResetMode.IMMEDIATE_AND_RESUME, 2, {"type": "ImmediateAndResume", "evseId": 2}),
]


@pytest.mark.parametrize(("dialect", "mode", "evse_id", "payload"), RESETS)
def test_every_reset_says_what_its_mode_means(
    dialect: Dialect, mode: ResetMode, evse_id: int | None, payload: Payload
) -> None:
    call = write(dialect, ResetSpec(mode, evse_id))
    assert call == ("Reset", payload)
    assert request_faults(dialect, call) == []


@pytest.mark.parametrize(
    ("dialect", "spec", "field"),
    [
        (v16, ResetSpec(ResetMode.ON_IDLE), "mode"),
        (v16, ResetSpec(ResetMode.IMMEDIATE_AND_RESUME), "mode"),
        (v16, ResetSpec(ResetMode.SOFT, evse_id=1), "evse_id"),
        (v201, ResetSpec(ResetMode.IMMEDIATE_AND_RESUME), "mode"),
        (v201, ResetSpec(ResetMode.SOFT, evse_id=0), "evse_id"),
        (v21, ResetSpec(ResetMode.SOFT, evse_id=TOO_BIG), "evse_id"),
    ],
)
def test_reset_that_the_version_cannot_do_is_not_sent(
    dialect: Dialect, spec: ResetSpec, field: str
) -> None:
    with pytest.raises(Unsendable, match=field):
        write(dialect, spec)


def reserve(dialect: Dialect, spec: ReserveSpec, value: str = "TAG") -> OutgoingCall:
    group = "GROUP" if spec.group_id_token else None
    return write(dialect, spec, FrameParts(value, group))


def spec_of(
    evse_id: int | None = None,
    connector_id: int | None = None,
    connector_type: str = "",
    wire_id: int = 7,
    group: bool = False,
) -> ReserveSpec:
    token = IdToken("ISO14443", "", "", "")
    return ReserveSpec(
        token,
        EXPIRY,
        evse_id=evse_id,
        connector_id=connector_id,
        connector_type=connector_type,
        wire_id=wire_id,
        group_id_token=IdToken("Central", "", "", "") if group else None,
    )


HOLDS = st.builds(
    ReserveSpec,
    id_token=TOKENS,
    expire_time=TIMES,
    evse_id=st.none() | IDS,
    connector_id=st.none() | st.just(1),
    group_id_token=st.none() | TOKENS,
    wire_id=SMALL,
)


@every
@given(spec=HOLDS, value=SHORT, group=st.none() | SHORT, type_=st.text(max_size=20))
def test_every_reservation_obeys_its_schema(
    dialect: Dialect, spec: ReserveSpec, value: str, group: str | None, type_: str
) -> None:
    call = write(dialect, spec, FrameParts(value, group))
    assert request_faults(dialect, call) == []
    typed = ReserveSpec(spec.id_token, spec.expire_time, connector_type=type_)
    try:
        call = write(dialect, typed, FrameParts(value))
    except Unsendable:
        assert dialect is not v21
    else:
        assert request_faults(dialect, call) == []


def test_reservation_of_16_names_connector_tag_and_parent() -> None:
    assert reserve(v16, spec_of(evse_id=2, connector_id=1, group=True)) == (
        "ReserveNow",
        {
            "connectorId": 2,
            "expiryDate": "2026-01-01T12:30:15Z",
            "idTag": "TAG",
            "parentIdTag": "GROUP",
            "reservationId": 7,
        },
    )
    assert reserve(v16, spec_of())[1]["connectorId"] == 0


@newer
def test_reservation_of_2x_names_evse_tokens_and_connector_type(dialect: Dialect) -> None:
    assert reserve(dialect, spec_of(evse_id=2, connector_type="cCCS2", group=True)) == (
        "ReserveNow",
        {
            "id": 7,
            "expiryDateTime": "2026-01-01T12:30:15Z",
            "idToken": {"idToken": "TAG", "type": "ISO14443"},
            "groupIdToken": {"idToken": "GROUP", "type": "Central"},
            "evseId": 2,
            "connectorType": "cCCS2",
        },
    )
    assert "evseId" not in reserve(dialect, spec_of())[1]


def test_connector_types_of_201_are_those_of_its_schema_and_free_in_21() -> None:
    text = resources.files(PACKAGES["2.0.1"]).joinpath("schemas", "ReserveNowRequest.json")
    schema = json.loads(text.read_text("utf-8-sig"))
    assert set(schema["definitions"]["ConnectorEnumType"]["enum"]) == v201.CONNECTOR_TYPES
    assert reserve(v21, spec_of(connector_type="cNACS"))[1]["connectorType"] == "cNACS"


@pytest.mark.parametrize(
    ("dialect", "spec", "value", "field"),
    [
        (v16, spec_of(connector_type="cCCS2"), "TAG", "connector_type"),
        (v16, spec_of(evse_id=2, connector_id=2), "TAG", "connector_id"),
        (v16, spec_of(evse_id=0), "TAG", "evse_id"),
        (v16, spec_of(), "T" * 21, "id_token"),
        (v16, spec_of(wire_id=TOO_BIG), "TAG", "wire_id"),
        (v201, spec_of(connector_type="cNACS"), "TAG", "connector_type"),
        (v201, spec_of(), "T" * 37, "id_token"),
        (v201, spec_of(wire_id=-1), "TAG", "wire_id"),
        (v21, spec_of(connector_type="t" * 21), "TAG", "connector_type"),
        (v21, spec_of(evse_id=0), "TAG", "evse_id"),
        (v21, spec_of(), "T" * 256, "id_token"),
    ],
)
def test_hold_that_the_version_cannot_say_is_not_sent(
    dialect: Dialect, spec: ReserveSpec, value: str, field: str
) -> None:
    with pytest.raises(Unsendable, match=field):
        reserve(dialect, spec, value)


def test_group_token_that_16_cannot_carry_is_not_sent() -> None:
    with pytest.raises(Unsendable, match="group_id_token"):
        write(v16, spec_of(group=True), FrameParts("TAG", "G" * 21))


@every
@given(wire_id=SMALL)
def test_every_cancellation_obeys_its_schema(dialect: Dialect, wire_id: int) -> None:
    call = write(dialect, CancelReservationSpec(wire_id))
    assert call == ("CancelReservation", {"reservationId": wire_id})
    assert request_faults(dialect, call) == []


def test_negative_ids_of_other_systems_are_only_cancelled_on_16() -> None:
    assert write(v16, CancelReservationSpec(-1))[1] == {"reservationId": -1}
    for dialect, wire_id in ((v201, -1), (v21, -1), (v16, TOO_BIG), (v21, TOO_BIG)):
        with pytest.raises(Unsendable, match="wire_id"):
            write(dialect, CancelReservationSpec(wire_id))


OTHERS = (Kind.UNLOCK_CONNECTOR, Kind.RESET, Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION)


@newer
@pytest.mark.parametrize("kind", OTHERS)
def test_on_2x_connectors_are_asked_by_trigger_with_evse_and_connector(
    dialect: Dialect, kind: Kind
) -> None:
    wanted = {"requestedMessage": "StatusNotification"}
    question = question_about(dialect, kind)
    assert question.write(QuestionSubject()) == ("TriggerMessage", wanted)
    assert question.write(QuestionSubject(2))[1] == wanted | {"evse": {"id": 2, "connectorId": 1}}
    one = question.write(QuestionSubject(2, 3))
    assert one[1] == wanted | {"evse": {"id": 2, "connectorId": 3}}
    assert request_faults(dialect, one) == []


@pytest.mark.parametrize("kind", OTHERS)
def test_on_16_connectors_are_asked_by_trigger(kind: Kind) -> None:
    wanted = {"requestedMessage": "StatusNotification"}
    question = question_about(v16, kind)
    assert question.write(QuestionSubject()) == ("TriggerMessage", wanted)
    assert question.write(QuestionSubject(2, 1))[1] == wanted | {"connectorId": 2}


@newer
def test_what_a_station_says_to_a_trigger_is_kept(dialect: Dialect) -> None:
    question = question_about(dialect, Kind.RESET)
    assert question.read({"status": "NotImplemented"}).detail == "NotImplemented"
