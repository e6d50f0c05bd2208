"""Which message of a station concerns which open frame."""

from dataclasses import replace

import pytest

from domain.commands.table import COMMANDS
from domain.evidence.restart import ConnectorReport
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    StationEvent,
    all_reported_since,
    cable_wait_is_over,
)
from domain.model.specs import Kind
from tests.unit.domain.situations import T0, at

FRAME = OpenFrame(5, evse_id=1, token_digest="token", named_id="7", answered=True)
START, STOP, UNLOCK = Kind.START_SESSION, Kind.STOP_SESSION, Kind.UNLOCK_CONNECTOR
RESET, RESERVE, CANCEL = Kind.RESET, Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION


def told(what: str, **fields: object) -> StationEvent:
    return StationEvent("CP1", what, **fields)  # type: ignore[arg-type]


def concern(kind: Kind, event: StationEvent, frame: OpenFrame = FRAME) -> Concern:
    return COMMANDS[kind].concern(event, frame)


@pytest.mark.parametrize("kind", Kind)
def test_a_late_answer_concerns_the_frame_that_it_names(kind: Kind) -> None:
    assert concern(kind, told("answer", remote_start_id=5)) is Concern.YES
    assert concern(kind, told("answer")) is Concern.YES
    assert concern(kind, told("answer", remote_start_id=6)) is Concern.NO


@pytest.mark.parametrize("kind", Kind)
def test_a_report_that_nobody_could_take_concerns_every_frame(kind: Kind) -> None:
    assert concern(kind, told("untaken_report")) is Concern.YES


@pytest.mark.parametrize("kind", sorted(set(Kind) - {STOP}))
def test_a_return_concerns_who_lost_an_answer_or_undoes_something(kind: Kind) -> None:
    back = told("connected")
    assert concern(kind, back) is Concern.IF_UNDOING
    assert concern(kind, back, replace(FRAME, answered=False)) is Concern.YES
    assert concern(kind, back, replace(FRAME, undo=True)) is Concern.YES


def test_a_return_always_concerns_a_stop_and_a_boot_a_reset() -> None:
    assert concern(STOP, told("connected")) is Concern.YES
    assert concern(STOP, told("booted")) is Concern.YES
    assert concern(RESET, told("booted")) is Concern.YES
    assert concern(START, told("booted")) is Concern.IF_UNDOING


@pytest.mark.parametrize(
    ("event", "concerned"),
    [
        (told("transaction"), True),
        (told("transaction", remote_start_id=5), True),
        (told("transaction", remote_start_id=6), False),
        (told("transaction", evse_id=2), False),
        (told("transaction", evse_id=1, token_digest="token"), True),
        (told("transaction", evse_id=1, token_digest="another"), False),
    ],
)
@pytest.mark.parametrize("kind", [RESERVE, CANCEL])
def test_a_session_concerns_what_it_may_be_the_effect_of(
    kind: Kind, event: StationEvent, concerned: bool
) -> None:
    assert concern(kind, event) is (Concern.YES if concerned else Concern.NO)


@pytest.mark.parametrize(
    ("event", "concerned"),
    [
        (told("transaction"), True),
        (told("transaction", remote_start_id=5, token_digest="another"), True),
        (told("transaction", remote_start_id=0), False),
        (told("transaction", remote_start_id=0, token_digest="token"), True),
        (told("transaction", evse_id=2), False),
        (told("transaction", evse_id=2, token_digest="token"), True),
        (told("transaction", evse_id=1, token_digest="another"), False),
    ],
)
def test_a_session_of_our_token_concerns_a_start_on_whatever_plug(
    event: StationEvent, concerned: bool
) -> None:
    assert concern(START, event) is (Concern.YES if concerned else Concern.NO)


@pytest.mark.parametrize(
    ("event", "concerned"),
    [
        (told("transaction", evse_id=1, ocpp_transaction_id="9"), True),
        (told("transaction", evse_id=2, ocpp_transaction_id="7"), True),
        (told("transaction"), True),
        (told("transaction", evse_id=2, ocpp_transaction_id="9"), False),
    ],
)
def test_a_session_concerns_the_stop_of_its_id_or_of_its_evse(
    event: StationEvent, concerned: bool
) -> None:
    assert concern(STOP, event) is (Concern.YES if concerned else Concern.NO)


@pytest.mark.parametrize("kind", [UNLOCK, RESET])
def test_a_session_says_nothing_about_a_bolt_or_a_restart(kind: Kind) -> None:
    assert concern(kind, told("transaction", remote_start_id=5)) is Concern.NO


def test_a_status_concerns_a_start_whose_cable_is_waited_for() -> None:
    assert concern(START, told("connector_status", evse_id=1)) is Concern.IF_CABLE_WAIT_ENDED
    assert concern(START, told("connector_status", evse_id=2)) is Concern.NO
    anywhere = replace(FRAME, evse_id=None)
    assert concern(START, told("connector_status"), anywhere) is Concern.NO


def test_a_status_concerns_a_reset_of_its_evse_or_of_the_whole_station() -> None:
    assert concern(RESET, told("connector_status", evse_id=1)) is Concern.YES
    assert concern(RESET, told("connector_status", evse_id=2)) is Concern.NO
    whole = replace(FRAME, evse_id=None)
    assert concern(RESET, told("connector_status", evse_id=2), whole) is Concern.IF_ALL_REPORTED


@pytest.mark.parametrize("kind", [STOP, UNLOCK, RESERVE])
def test_a_status_concerns_no_other_command(kind: Kind) -> None:
    assert concern(kind, told("connector_status", evse_id=1)) is Concern.NO


def test_the_wait_for_the_cable_concerns_starts_alone() -> None:
    known = {kind for kind in Kind if concern(kind, told("connection_timeout")) is Concern.YES}
    assert known == {START}


def test_a_report_concerns_the_frames_of_its_reservation() -> None:
    report = told("reservation", reservation_id=7)
    assert {kind for kind in Kind if concern(kind, report) is Concern.YES} == {RESERVE, CANCEL}
    assert concern(RESERVE, told("reservation", reservation_id=8)) is Concern.NO


def test_every_kind_of_event_is_known_by_its_word() -> None:
    assert {kind.value for kind in EventKind} == {kind.name.lower() for kind in EventKind}


def connector(
    status: str = "Available", previous: str = "Preparing", evse: int = 1
) -> ConnectorReport:
    return ConnectorReport(evse, status, T0, previous, reported_time=at(20))


def test_a_connector_that_waited_and_is_free_again_ends_the_wait() -> None:
    over = [connector()]
    assert cable_wait_is_over(over, 1)
    assert not cable_wait_is_over(over, 2)
    assert not cable_wait_is_over([connector("Charging")], 1)


def test_all_connectors_must_have_reported_since_the_boot() -> None:
    reported = ConnectorReport(1, "Available", T0, reported_time=at(20))
    of_station = ConnectorReport(0, "Available", T0)
    assert all_reported_since([reported, of_station], at(10), T0)
    assert not all_reported_since([reported], at(30), T0)
    assert not all_reported_since([ConnectorReport(1, "", T0)], at(10), T0)
    assert not all_reported_since([reported], None, T0)
    assert not all_reported_since([reported], at(-5), T0)
