"""The tables of the dialects: a row for every command, and nothing that the version cannot say."""

from pathlib import Path

import pytest

from domain.model.answers import CallError, Verdict
from domain.model.specs import (
    CancelReservationSpec,
    IdToken,
    Kind,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StopSpec,
    UnlockSpec,
)
from domain.ocpp_words import CAPABILITIES
from scripts.pages.answers import SPECS
from station_gateway import dialects
from station_gateway.dialects.command_words import NOT_IN_THIS_VERSION, FrameParts
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Unsendable
from tests.support.sources import constants_of
from tests.unit.station_gateway.versions import DIALECTS, question_about, write

PARTS = FrameParts("TAG", None, 7)
ROOM = Path(dialects.__file__).parent.parent
every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


@every
def test_every_version_has_a_row_for_every_kind_of_command(dialect: Dialect) -> None:
    assert set(dialect.COMMANDS) == set(Kind)
    assert set(SPECS) == set(Kind)


@every
def test_reports_that_count_once_are_those_that_change_what_is_known(dialect: Dialect) -> None:
    old = dialect.VERSION == "1.6"
    starts = {"StartTransaction", "StopTransaction"} if old else {"TransactionEvent"}
    assert starts <= dialect.ONE_EFFECT
    anew = {"Heartbeat", "BootNotification", "StatusNotification", "Authorize", "MeterValues"}
    assert not anew & dialect.ONE_EFFECT


@every
@pytest.mark.parametrize("kind", Kind)
def test_every_row_writes_its_own_frame_and_knows_what_its_answer_means(
    dialect: Dialect, kind: Kind
) -> None:
    row = dialect.COMMANDS[kind]
    action, _ = row.write(SPECS[kind], PARTS)
    others = [other.write(SPECS[k], PARTS)[0] for k, other in dialect.COMMANDS.items() if k != kind]
    assert action not in others
    assert Verdict.ACCEPTED in row.answers.values()
    assert row.question is not None


def test_command_that_a_version_does_not_know_is_not_sent() -> None:
    with pytest.raises(Unsendable, match="no such command"):
        NOT_IN_THIS_VERSION.write(SPECS[Kind.RESET], PARTS)
    refused = NOT_IN_THIS_VERSION.read_answer(CallError("NotImplemented"))
    assert refused.verdict is Verdict.NOT_SUPPORTED


def test_every_version_with_capabilities_has_a_dialect_and_no_other() -> None:
    assert set(DIALECTS) == set(CAPABILITIES)
    assert {dialect.VERSION for dialect in dialects.DIALECTS.values()} == set(CAPABILITIES)
    for dialect in DIALECTS.values():
        assert dialect.CAPABILITIES is CAPABILITIES[dialect.VERSION]


def writes(dialect: Dialect, spec: StopSpec | UnlockSpec | ResetSpec | ReserveSpec) -> bool:
    try:
        write(dialect, spec, PARTS)
    except Unsendable:
        return False
    return True


@every
def test_dialect_writes_what_its_capabilities_promise_and_no_more(dialect: Dialect) -> None:
    can = dialect.CAPABILITIES
    reserve = SPECS[Kind.RESERVE_NOW]
    assert isinstance(reserve, ReserveSpec)
    typed = ReserveSpec(reserve.id_token, reserve.expire_time, connector_type="cCCS2")
    assert {mode for mode in ResetMode if writes(dialect, ResetSpec(mode))} == can.reset_modes
    assert writes(dialect, ResetSpec(ResetMode.HARD, evse_id=1)) == can.resets_evse
    assert writes(dialect, UnlockSpec(2, evse_id=1)) == can.several_connectors
    assert writes(dialect, typed) == can.connector_types
    assert (
        writes(dialect, StopSpec(found_ocpp_transaction_id="no number"))
        != can.numeric_transaction_ids
    )


@every
def test_a_session_is_asked_about_where_the_version_has_a_message_for_it(dialect: Dialect) -> None:
    can = dialect.CAPABILITIES
    for kind in (Kind.START_SESSION, Kind.STOP_SESSION):
        asked_by_connector = question_about(dialect, kind).each_connector
        assert not asked_by_connector
    said = question_about(dialect, Kind.STOP_SESSION).read({"ongoingIndicator": True})
    assert (said.ongoing is True) == can.transaction_status


@every
def test_group_of_a_token_goes_with_a_reservation(dialect: Dialect) -> None:
    token = IdToken("Central", "", "", "")
    reserve = SPECS[Kind.RESERVE_NOW]
    assert isinstance(reserve, ReserveSpec)
    spec = ReserveSpec(token, reserve.expire_time, group_id_token=token)
    _, payload = write(dialect, spec, FrameParts("TAG", "GROUP"))
    assert "GROUP" in str(payload)
    assert "reservationId" in write(dialect, CancelReservationSpec(1))[1]


def test_no_version_is_named_outside_of_the_dialects() -> None:
    named = {
        str(path.relative_to(ROOM))
        for path in ROOM.rglob("*.py")
        if "dialects" not in path.parts
        for constant in constants_of(path)
        if constant in {*CAPABILITIES, *dialects.DIALECTS}
    }
    assert named == set()
