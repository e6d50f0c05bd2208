"""Protobuf ends here: what goes in comes out, and no secret with it."""

from datetime import timedelta

import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb

from broker.commands.asks import PlainToken
from broker.proto import asks as convert_asks
from broker.proto import commands as convert_commands
from broker.proto import fleet as convert_fleet
from broker.proto import values as convert_values
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import (
    Code,
    Compensation,
    CompensationState,
    Outcome,
    SessionFacts,
    State,
    WaitFor,
)
from domain.model.specs import Kind, OfflinePolicy, StartSpec
from fleet.log.event_log import Filter
from tests.unit.broker.requests import NOW, REQUEST_ID, at, options, profile, start, stop, token
from tests.unit.broker.things import (
    TOKEN,
    command,
    connection,
    connector,
    station,
    stop_command,
    table_token,
    transaction,
)


def test_a_start_is_read_with_every_field() -> None:
    ask = convert_asks.start_in(
        start(
            evse_id=1,
            connector_id=1,
            group_id_token=token("GROUP", token_pb.ID_TOKEN_TYPE_CENTRAL),
            reservation="reservations/0123456789abcdef01234567",
            charging_profile=profile(),
            request_id=REQUEST_ID.upper(),
            options=options(wait_for=3, not_after=at(NOW), offline_policy=2, labels={"a": "b"}),
        )
    )
    assert (ask.station, ask.evse_id, ask.connector_id) == ("CP-1", 1, 1)
    assert ask.id_token == PlainToken("ISO14443", "04A1B2C3")
    assert ask.group_id_token == PlainToken("Central", "GROUP")
    assert ask.reservation == "reservations/0123456789abcdef01234567"
    assert ask.request_id == REQUEST_ID
    assert ask.kind is Kind.START_SESSION
    assert ask.options.wait_for is WaitFor.OUTCOME
    assert ask.options.not_after == NOW
    assert ask.options.offline_policy is OfflinePolicy.WAIT
    assert ask.options.labels == {"a": "b"}


def test_what_a_start_leaves_out_stays_open() -> None:
    ask = convert_asks.start_in(start())
    assert (ask.evse_id, ask.connector_id, ask.group_id_token) == (None, None, None)
    assert (ask.reservation, ask.charging_profile, ask.request_id) == (None, None, None)
    assert ask.options.wait_for is WaitFor.STATION_ANSWER
    assert (ask.options.not_after, ask.options.offline_policy) == (None, None)


def test_a_token_does_not_show_in_a_repr() -> None:
    assert "04A1B2C3" not in repr(convert_asks.start_in(start()))


@pytest.mark.parametrize(
    ("request_", "field", "value"),
    [
        (stop(transaction="stations/A/transactions/b"), "transaction", "stations/A/transactions/b"),
        (stop(start_command="commands/x"), "start_command", "commands/x"),
        (stop(evse_id=2, station="stations/CP%2F1"), "evse_id", 2),
        (stop(id_token=token()), "id_token", PlainToken("ISO14443", "04A1B2C3")),
        (
            stop(reservation="reservations/0123456789abcdef01234567"),
            "reservation",
            "reservations/0123456789abcdef01234567",
        ),
        (stop(transaction_id="9"), "transaction_id", "9"),
    ],
)
def test_a_stop_is_read_with_exactly_its_target(
    request_: pb.StopSessionRequest, field: str, value: object
) -> None:
    ask = convert_asks.stop_in(request_)
    targets = ("transaction", "start_command", "evse_id", "id_token", "reservation")
    given = {name: getattr(ask, name) for name in (*targets, "transaction_id")}
    assert {name: found for name, found in given.items() if found is not None} == {field: value}
    assert ask.station == ("CP/1" if request_.station else None)
    assert ask.kind is Kind.STOP_SESSION


def test_list_filters_are_read() -> None:
    request = pb.ListCommandsRequest(
        station="stations/CP-1",
        kinds=[command_pb.RemoteCommand.KIND_STOP_SESSION],
        states=[command_pb.RemoteCommand.STATE_DONE],
        outcome_codes=[command_pb.Outcome.CODE_NOT_SENT],
        create_time=pb.TimeRange(start_time=at(NOW), end_time=at(NOW + timedelta(days=1))),
        labels={"a": "b"},
    )
    assert convert_asks.filter_in(request, "t") == Filter(
        tenant="t",
        station="CP-1",
        kinds=["STOP_SESSION"],
        states=["DONE"],
        outcome_codes=["NOT_SENT"],
        created_from=NOW,
        created_to=NOW + timedelta(days=1),
        labels={"a": "b"},
    )
    assert convert_asks.filter_in(pb.ListCommandsRequest(), "t") == Filter(
        "t", kinds=[], states=[], outcome_codes=[]
    )


def test_a_watch_selection_is_read() -> None:
    named = pb.WatchCommandsRequest(names=[f"commands/{REQUEST_ID}"])
    assert convert_asks.watched_in(named, "t").names == [REQUEST_ID]
    of_station = pb.WatchCommandsRequest(station="stations/A")
    assert convert_asks.watched_in(of_station, "t").station == "A"


def test_names_that_were_not_validated_are_a_bug() -> None:
    with pytest.raises(ValueError, match="not validated"):
        convert_asks.station_in("x")
    assert convert_asks.command_in(f"commands/{REQUEST_ID}") == REQUEST_ID
    assert convert_asks.transaction_in("stations/A/transactions/b") == ("A", "b")


def test_a_charging_profile_comes_back_as_it_was() -> None:
    given = profile()
    assert convert_values.profile_out(convert_values.profile_in(given)) == given


def test_a_charging_profile_of_the_least_comes_back_with_its_kind() -> None:
    given = profile()
    for field in ("start_time", "duration", "min_charging_rate", "profile_kind"):
        given.ClearField(field)
    shown = convert_values.profile_out(convert_values.profile_in(given))
    assert shown is not None
    assert not shown.HasField("duration")
    assert not shown.HasField("min_charging_rate")
    assert shown.profile_kind == 1


def test_every_token_type_of_the_contract_has_a_word_and_a_way_back() -> None:
    assert set(convert_values.TOKEN_TYPES) == set(token_pb.IdTokenType.values())
    for number, word in convert_values.TOKEN_TYPES.items():
        assert convert_values.token_type_out(word) == (number or 1)
    assert convert_values.token_type_out("idTag") == 0


def test_every_kind_state_and_code_has_its_enum_value() -> None:
    assert len({convert_asks.kind_out(kind) for kind in Kind}) == len(Kind)
    assert len({convert_asks.state_out(state) for state in State}) == len(State)
    assert len({convert_asks.code_out(code) for code in Code}) == len(Code)


def test_a_command_in_line_is_shown_without_what_it_has_not() -> None:
    shown = convert_commands.command_out(command())
    assert shown.name == f"commands/{REQUEST_ID}"
    assert shown.station == "stations/CP%2F1"
    assert shown.state == command_pb.RemoteCommand.STATE_QUEUED
    assert shown.offline_policy == options_pb.OFFLINE_POLICY_FAIL_FAST
    assert shown.WhichOneof("spec") == "start_session"
    for field in ("outcome", "station_answer", "compensation", "send_time", "cancel_reason"):
        assert not shown.HasField(field)


def test_a_token_is_shown_masked_and_nothing_else_of_it() -> None:
    spec = StartSpec(id_token=TOKEN, group_id_token=TOKEN)
    text = str(convert_commands.command_out(command(start=spec)))
    assert text.count("****B2C3") == 2
    assert TOKEN.sealed not in text
    assert TOKEN.digest not in text


def test_a_finished_start_is_shown_with_its_facts() -> None:
    facts = SessionFacts("tx-abc", "42", evse_id=1, start_time=NOW, meter_start_wh=0)
    done = command(
        state=State.DONE,
        outcome=Outcome(Code.SUCCEEDED, "SESSION_STARTED", "It runs.", facts),
        station_answer=StationAnswer(Verdict.ACCEPTED, "Accepted"),
        offline_policy=OfflinePolicy.WAIT,
        cancel_reason="",
        revision=4,
    )
    shown = convert_commands.command_out(done)
    assert shown.outcome.code == command_pb.Outcome.CODE_SUCCEEDED
    assert shown.outcome.session.transaction == "stations/CP%2F1/transactions/tx-abc"
    assert shown.outcome.session.HasField("meter_start_wh")
    assert not shown.outcome.session.HasField("meter_stop_wh")
    assert shown.station_answer.status == "Accepted"
    assert shown.offline_policy == options_pb.OFFLINE_POLICY_WAIT
    assert shown.HasField("cancel_reason")


def test_an_error_and_a_compensation_are_shown() -> None:
    error = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError", "no"))
    undone = Compensation(CompensationState.DONE, "It was given up.", None, "77", NOW)
    outcome = Outcome(Code.UNKNOWN, "ANSWER_TIMEOUT", "Nobody knows.")
    shown = convert_commands.command_out(
        command(station_answer=error, compensation=undone, outcome=outcome)
    )
    assert shown.station_answer.call_error.code == "InternalError"
    assert shown.compensation.state == command_pb.Compensation.STATE_DONE
    assert shown.compensation.transaction == ""
    assert shown.compensation.transaction_id == "77"
    assert shown.outcome.WhichOneof("facts") is None


@pytest.mark.parametrize(
    "target",
    [
        {"transaction": "stations/A/transactions/b"},
        {"start_command": "commands/x"},
        {"evse_id": 2},
        {"id_token": TOKEN},
        {"reservation": "reservations/0123456789abcdef01234567"},
        {"transaction_id": "42"},
    ],
    ids=lambda target: next(iter(target)),
)
def test_a_stop_is_shown_with_its_target(target: dict[str, object]) -> None:
    shown = convert_commands.command_out(stop_command(**target)).stop_session
    assert shown.WhichOneof("target") == next(iter(target))
    assert shown.resolved_transaction_id == "42"
    assert shown.resolved_transaction == ""


def test_a_connected_station_is_shown_with_its_evses() -> None:
    connectors = [connector(2, 1), connector(1, 2, "Charging"), connector(1, 1), connector(0, 0)]
    whole = connector(1, 0)
    shown = convert_fleet.station_out(
        station(), connection(), [*connectors, whole], pending=[REQUEST_ID]
    )
    assert (shown.connected, shown.gateway, shown.ocpp_version) == (True, "gw-1", "2.0.1")
    numbers = [(one.evse_id, [c.connector_id for c in one.connectors]) for one in shown.evses]
    assert numbers == [(1, [1, 2]), (2, [1])]
    assert shown.evses[0].connectors[1].state == "Charging"
    assert shown.evses[0].connectors[0].error_code == ""
    assert shown.pending_commands == [f"commands/{REQUEST_ID}"]
    assert shown.boot_state == stations_pb.Station.BOOT_STATE_ACCEPTED


def test_a_station_that_never_connected_is_shown_so() -> None:
    fresh = station(ocpp_version="", boot_state="", boot_time=None, last_seen_time=None)
    shown = convert_fleet.station_out(fresh, None, [])
    assert (shown.connected, shown.gateway, shown.ocpp_version) == (False, "", "")
    assert shown.boot_state == stations_pb.Station.BOOT_STATE_UNSPECIFIED
    assert not shown.HasField("connect_time")


def test_a_transaction_is_shown_with_a_random_name() -> None:
    shown = convert_fleet.transaction_out(transaction())
    assert shown.name == "stations/CP%2F1/transactions/tx-abc"
    assert shown.state == stations_pb.Transaction.STATE_ACTIVE
    ended = convert_fleet.transaction_out(transaction(state="ENDED", stop_time=NOW))
    assert ended.state == stations_pb.Transaction.STATE_ENDED
    assert ended.HasField("stop_time")


def test_a_token_of_the_table_comes_back_as_it_was_put() -> None:
    shown = convert_fleet.token_out(table_token(NOW, "GROUP"))
    assert (shown.value, shown.group) == ("04A1", "GROUP")
    assert shown.type == token_pb.ID_TOKEN_TYPE_EMAID
    assert shown.status == tokens_pb.Token.STATUS_BLOCKED
    assert not convert_fleet.token_out(table_token()).HasField("expire_time")


def test_a_token_without_a_status_is_accepted() -> None:
    assert convert_fleet.status_in(tokens_pb.Token.STATUS_UNSPECIFIED) == "ACCEPTED"
    assert convert_fleet.status_in(tokens_pb.Token.STATUS_EXPIRED) == "EXPIRED"
