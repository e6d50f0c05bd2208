"""Drafts take the defaults of their kind, and a repeat says the same again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broker.commands import cancel_reservation, reserve_now, reset, start_session, stop_session
from broker.commands import unlock_connector as unlock
from broker.commands.drafting import check_same
from broker.commands.edge import CommandEdge, Options, ParsedRequest
from broker.errors import Reason, Refusal
from domain.model.command import Callback, CallbackEvents, Command, State, WaitFor
from domain.model.specs import (
    CancelReservationSpec,
    OfflinePolicy,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StopSpec,
    UnlockSpec,
)
from tests.unit.broker import edges
from tests.unit.broker.edges import RESERVATION, START, STOP, TOKEN, seal
from tests.unit.broker.requests import NOW, REQUEST_ID
from tests.unit.broker.things import SEALER

Request = tuple[CommandEdge[Any, Any], ParsedRequest[Any]]


def drafted(parsed: ParsedRequest[Any] = START) -> Command:
    edge = start_session.EDGE if parsed.spec is not STOP.spec else stop_session.EDGE
    return edges.drafted(edge, parsed)


def test_a_draft_takes_the_kinds_defaults() -> None:
    start, stop = drafted(), drafted(STOP)
    assert start.not_after == NOW + timedelta(seconds=60)
    assert start.offline_policy is OfflinePolicy.FAIL_FAST
    assert stop.offline_policy is OfflinePolicy.WAIT
    assert start.workflow_id == f"command/default/{REQUEST_ID}"
    assert (start.state, start.revision, start.caller) == (State.QUEUED, 0, "desk")


def test_a_limit_that_was_found_shortens_the_default_but_not_the_callers_own() -> None:
    until, own = NOW + timedelta(seconds=9), NOW + timedelta(minutes=9)
    assert edges.drafted(start_session.EDGE, START, send_until=until).not_after == until
    patient = replace(START, options=Options(not_after=own))
    assert edges.drafted(start_session.EDGE, patient, send_until=until).not_after == own


def test_a_draft_holds_no_token_value() -> None:
    group = changed(START, group_id_token=seal("GROUP-VALUE", "Central"))
    assert "04A1B2C3" not in repr(drafted(group))
    assert "GROUP-VALUE" not in repr(drafted(group))
    assert SEALER.open(drafted().start.id_token.sealed) == "04A1B2C3"  # type: ignore[union-attr]


def changed(parsed: ParsedRequest[Any], **changes: Any) -> ParsedRequest[Any]:
    return replace(parsed, spec=replace(parsed.spec, **changes))


def with_options(**fields: Any) -> ParsedRequest[Any]:
    return replace(START, options=Options(**fields))


def fields_that_differ(known: Command, again: Request) -> list[str]:
    edge, parsed = again
    try:
        check_same(edge, known, parsed)
    except Refusal as refusal:
        assert refusal.reason is Reason.REQUEST_ID_REUSED
        return refusal.facts["fields"].split(",")
    return []


def starting(parsed: ParsedRequest[Any] = START) -> Request:
    return start_session.EDGE, parsed


def stopping(parsed: ParsedRequest[Any] = STOP) -> Request:
    return stop_session.EDGE, parsed


def test_the_same_request_is_a_repeat_though_its_seal_differs() -> None:
    same_value = changed(START, id_token=seal("04a1b2c3"))
    assert same_value.spec.id_token.sealed != START.spec.id_token.sealed
    assert fields_that_differ(drafted(), starting()) == []
    assert fields_that_differ(drafted(), starting(same_value)) == []


def test_what_a_repeat_leaves_to_defaults_is_not_compared() -> None:
    known = drafted(with_options(not_after=NOW + timedelta(seconds=9)))
    assert fields_that_differ(known, starting()) == []
    waiting = with_options(wait_for=WaitFor.OUTCOME)
    assert fields_that_differ(drafted(), starting(waiting)) == []


def test_a_callback_is_compared_when_the_repeat_names_one() -> None:
    mine = Callback("https://a.example/x", CallbackEvents.ALL)
    known = replace(drafted(), callback=mine)
    assert fields_that_differ(known, starting()) == []
    assert fields_that_differ(known, starting(with_options(callback=mine))) == []
    other = starting(with_options(callback=replace(mine, url="https://b.example/x")))
    assert fields_that_differ(known, other) == ["options.callback"]
    assert fields_that_differ(drafted(), other) == ["options.callback"]


def test_a_stop_is_a_repeat_whatever_was_found_for_it() -> None:
    found = replace(
        drafted(STOP),
        stop=StopSpec(evse_id=1, found_ocpp_transaction_id="42", found_transaction="tx"),
    )
    assert fields_that_differ(found, stopping()) == []
    assert fields_that_differ(found, stopping(replace(STOP, station=None))) == []


@pytest.mark.parametrize(
    ("again", "fields"),
    [
        (starting(replace(START, station="CP/2")), ["station"]),
        (starting(changed(START, evse_id=None)), ["evse_id"]),
        (starting(changed(START, id_token=seal("other"))), ["id_token"]),
        (starting(changed(START, id_token=seal("04A1B2C3", "eMAID"))), ["id_token"]),
        (starting(changed(START, group_id_token=TOKEN)), ["group_id_token"]),
        (starting(with_options(labels={"a": "b"})), ["options.labels"]),
        (starting(with_options(not_after=NOW)), ["options.not_after"]),
        (
            starting(changed(with_options(offline_policy=OfflinePolicy.WAIT), evse_id=2)),
            ["options.offline_policy", "evse_id"],
        ),
        (stopping(), ["kind"]),
    ],
)
def test_another_request_under_the_same_id_names_what_differs(
    again: Request, fields: list[str]
) -> None:
    assert fields_that_differ(drafted(), again) == fields


def at_station(spec: Any) -> ParsedRequest[Any]:
    return ParsedRequest(spec, NOW, "CP/1", REQUEST_ID)


ENDS_IN_5 = NOW + timedelta(minutes=5)
HOLD = at_station(ReserveSpec(id_token=TOKEN, expire_time=ENDS_IN_5, evse_id=1, ttl_s=300.0))
UNTIL = at_station(ReserveSpec(id_token=TOKEN, expire_time=ENDS_IN_5, evse_id=1))
CANCEL = at_station(CancelReservationSpec(0, reservation=RESERVATION, reason="late"))
BY_NUMBER = at_station(CancelReservationSpec(7))
UNLOCK = at_station(UnlockSpec(1))
SOFT = at_station(ResetSpec(ResetMode.SOFT))


@pytest.mark.parametrize(
    ("edge", "known", "again", "fields"),
    [
        (reserve_now.EDGE, HOLD, HOLD, []),
        (reserve_now.EDGE, HOLD, changed(HOLD, ttl_s=360.0), ["ttl"]),
        (reserve_now.EDGE, HOLD, changed(HOLD, expire_time=NOW), []),
        (reserve_now.EDGE, HOLD, changed(HOLD, evse_id=2), ["evse_id"]),
        (reserve_now.EDGE, HOLD, changed(HOLD, id_token=seal("OTHER")), ["id_token"]),
        (reserve_now.EDGE, UNTIL, changed(UNTIL, expire_time=NOW), ["expire_time"]),
        (reserve_now.EDGE, UNTIL, HOLD, ["ttl"]),
        (cancel_reservation.EDGE, CANCEL, CANCEL, []),
        (cancel_reservation.EDGE, CANCEL, changed(CANCEL, wire_id=9), []),
        (cancel_reservation.EDGE, CANCEL, changed(CANCEL, reason="early"), ["reason"]),
        (cancel_reservation.EDGE, BY_NUMBER, changed(BY_NUMBER, wire_id=9), ["wire_id"]),
        (unlock.EDGE, UNLOCK, changed(UNLOCK, stop_first=True), ["stop_first"]),
        (reset.EDGE, SOFT, changed(SOFT, mode=ResetMode.HARD), ["mode"]),
    ],
)
def test_a_repeat_with_another_body_names_what_differs(
    edge: CommandEdge[Any, Any],
    known: ParsedRequest[Any],
    again: ParsedRequest[Any],
    fields: list[str],
) -> None:
    assert fields_that_differ(edges.drafted(edge, known), (edge, again)) == fields


def test_a_repeat_as_another_kind_says_so() -> None:
    known = edges.drafted(reset.EDGE, SOFT)
    assert fields_that_differ(known, (unlock.EDGE, UNLOCK)) == ["kind"]
