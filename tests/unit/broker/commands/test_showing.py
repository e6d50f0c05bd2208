"""Commands as clients see them: with everything that is known, and no secret."""

import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_pb2 as command_pb

from broker.commands import showing
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import (
    Code,
    Compensation,
    CompensationState,
    Outcome,
    ReservationFacts,
    ResetFacts,
    SessionFacts,
    State,
)
from domain.model.specs import Kind, OfflinePolicy, StartSpec
from tests.unit.broker.requests import NOW, REQUEST_ID
from tests.unit.broker.things import TOKEN, command, stop_command


def test_every_kind_and_state_has_its_enum_value() -> None:
    assert len({showing.kind_out(kind) for kind in Kind}) == len(Kind)
    assert len({showing.state_out(state) for state in State}) == len(State)


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_enum_value(code: Code) -> None:
    shown = showing.command_out(command(outcome=Outcome(code, "CAUSE", "It ended.")))
    assert command_pb.Outcome.Code.Name(shown.outcome.code) == f"CODE_{code.value}"


@pytest.mark.parametrize("policy", OfflinePolicy)
def test_every_offline_policy_has_its_enum_value(policy: OfflinePolicy) -> None:
    shown = showing.command_out(command(offline_policy=policy)).offline_policy
    assert options_pb.OfflinePolicy.Name(shown) == f"OFFLINE_POLICY_{policy.value}"


def test_a_command_in_the_queue_is_shown_without_what_it_has_not() -> None:
    shown = showing.command_out(command())
    assert shown.name == f"commands/{REQUEST_ID}"
    assert shown.station == "stations/CP%2F1"
    assert shown.state == command_pb.RemoteCommand.STATE_QUEUED
    assert shown.offline_policy == options_pb.OFFLINE_POLICY_FAIL_FAST
    assert shown.WhichOneof("spec") == "start_session"
    for field in ("outcome", "station_answer", "compensation", "send_time", "cancel_reason"):
        assert not shown.HasField(field)


def test_a_token_is_shown_masked_and_nothing_else_of_it() -> None:
    spec = StartSpec(id_token=TOKEN, group_id_token=TOKEN)
    text = str(showing.command_out(command(start=spec)))
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
    shown = showing.command_out(done)
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
    shown = showing.command_out(command(station_answer=error, compensation=undone, outcome=outcome))
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
        {"ocpp_transaction_id": "42"},
    ],
    ids=lambda target: next(iter(target)),
)
def test_a_stop_is_shown_with_its_target(target: dict[str, object]) -> None:
    shown = showing.command_out(stop_command(**target)).stop_session
    assert shown.WhichOneof("target") == next(iter(target)).removeprefix("ocpp_")
    assert shown.resolved_transaction_id == "42"
    assert shown.resolved_transaction == ""


def test_the_facts_of_a_restart_and_of_a_reservation_are_shown() -> None:
    facts = ResetFacts(scheduled=True, boot_time=NOW, running=("tx-1",), ended=("tx-2",))
    restarted = Outcome(Code.SUCCEEDED, "STATION_RESTARTED", "It restarted.", reset=facts)
    shown = showing.command_out(command(outcome=restarted)).outcome.reset
    assert shown.running_transactions == ["stations/CP%2F1/transactions/tx-1"]
    assert shown.ended_transactions == ["stations/CP%2F1/transactions/tx-2"]
    made = Outcome(
        Code.SUCCEEDED, "RESERVED", "It is held.", reservation=ReservationFacts("0" * 24, 7)
    )
    held = showing.command_out(command(outcome=made)).outcome.reservation
    assert (held.reservation, held.wire_id) == ("reservations/" + "0" * 24, 7)


def test_a_command_of_an_earlier_release_without_a_spec_is_shown() -> None:
    assert showing.command_out(command(start=None)).WhichOneof("spec") is None
