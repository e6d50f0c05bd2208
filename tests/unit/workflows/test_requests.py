"""The frames and questions of a command: each names what it is about, and nothing else."""

from dataclasses import replace

from contract.commands import PrepareCommandResult, SendFrameInput, WeighEvidenceResult
from domain.evidence.facts import Act
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, State
from domain.model.specs import CancelReservationSpec, Kind, ReserveSpec, StopSpec, specs_of
from tests.unit.domain.situations import TIMING, TOKEN, at, reset, start, stop, unlock
from workflows.requests import (
    again_request,
    ask_first_request,
    ask_request,
    own_request,
    send_request,
    stop_first_request,
    undo_request,
)

SESSION = WeighEvidenceResult(
    Act.UNDO, State.DONE, ocpp_transaction_id="42", transaction="t-1", evse_id=1
)
STOP = StopSpec(evse_id=1, found_ocpp_transaction_id="42", found_transaction="t-1")


def reserve() -> Command:
    spec = ReserveSpec(TOKEN, at(3600), evse_id=1, reservation="r-1", wire_id=9)
    return replace(start(), kind=Kind.RESERVE_NOW, start=None, reserve=spec)


def only_spec_of(request: SendFrameInput) -> object:
    """The one spec that a frame carries."""
    (spec,) = [spec for spec in specs_of(request).values() if spec is not None]
    return spec


def undone(command: Command) -> SendFrameInput:
    return undo_request(command, TIMING, 3, SESSION, at(30))


def test_a_commands_own_frame_carries_its_spec_and_its_deadline() -> None:
    command = start()
    request = send_request(command, TIMING, 2)
    assert only_spec_of(request) == command.start
    assert (request.kind, request.attempt, request.undo) == (Kind.START_SESSION, 2, False)
    assert request.not_after == command.not_after


def test_a_commands_own_frame_knows_what_became_of_its_offer() -> None:
    route = PrepareCommandResult("gw", offered=True, line="PENDING")
    request = own_request(start(), TIMING, 2, route)
    assert request == replace(send_request(start(), TIMING, 2, offered=True), line="PENDING")


def test_a_stop_is_repeated_with_the_id_that_the_station_uses() -> None:
    request = again_request(stop(), TIMING, 2, "8")
    assert only_spec_of(request) == StopSpec(found_ocpp_transaction_id="8")
    assert again_request(reserve(), TIMING, 2, "") == send_request(reserve(), TIMING, 2)


def test_an_unlock_that_stops_first_sends_a_stop_of_that_session() -> None:
    route = PrepareCommandResult("gw", ocpp_transaction_id="42", transaction="t-1", evse_id=1)
    request = stop_first_request(unlock(stop_first=True), TIMING, 1, route)
    assert (request.kind, only_spec_of(request)) == (Kind.STOP_SESSION, STOP)
    asked = ask_first_request(unlock(stop_first=True), route)
    assert (asked.kind, asked.ocpp_transaction_id, asked.evse_id) == (Kind.STOP_SESSION, "42", 1)


def test_an_unwanted_session_is_stopped() -> None:
    request = undone(start())
    assert (request.kind, only_spec_of(request)) == (Kind.STOP_SESSION, STOP)
    assert (request.undo, request.not_after) == (True, at(30))


def test_an_unwanted_reservation_is_cancelled() -> None:
    request = undone(reserve())
    assert request.kind is Kind.CANCEL_RESERVATION
    assert only_spec_of(request) == CancelReservationSpec(9, found_reservation="r-1")


def test_a_station_is_asked_about_the_transaction_that_it_named() -> None:
    answer = StationAnswer(Verdict.ACCEPTED, "Accepted", ocpp_transaction_id="tx-1")
    assert ask_request(replace(start(), station_answer=answer)).ocpp_transaction_id == "tx-1"
    assert ask_request(stop()).ocpp_transaction_id == "7"


def test_a_station_is_asked_about_the_evse_where_no_transaction_is_known() -> None:
    assert (ask_request(start()).evse_id, ask_request(start()).ocpp_transaction_id) == (1, "")
    assert ask_request(reset(evse_id=2)).evse_id == 2
    assert ask_request(reset()).evse_id is None


def test_a_frame_waits_for_its_answer_as_long_as_the_commands_timing_says() -> None:
    assert send_request(start(), TIMING, 1).answer_timeout_s == TIMING.answer_timeout_s
