"""Every status word and every CALLERROR code of every version, and what it means."""

import json
from importlib import resources

import pytest

from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.specs import Kind
from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Answer, Unreadable
from station_gateway.dialects.verdicts import CALL_ERROR_VERDICTS, OUR_BUG_CODES
from tests.unit.station_gateway.versions import PACKAGES, read_answer

A, S, R, N, F = (
    Verdict.ACCEPTED,
    Verdict.SCHEDULED,
    Verdict.REJECTED,
    Verdict.NOT_SUPPORTED,
    Verdict.FAILED,
)
RESERVE = {"Accepted": A, "Faulted": R, "Occupied": R, "Rejected": R, "Unavailable": R}
YES_OR_NO = {"Accepted": A, "Rejected": R}
UNLOCK_V16 = {"Unlocked": A, "UnlockFailed": F, "NotSupported": N}
UNLOCK_2X = {
    "Unlocked": A,
    "UnlockFailed": F,
    "OngoingAuthorizedTransaction": R,
    "UnknownConnector": R,
}

Row = tuple[Dialect, Kind, str, dict[str, Verdict]]


def of_2x(dialect: Dialect) -> list[Row]:
    """2.0.1 and 2.1 have the same words."""
    return [
        (dialect, Kind.START_SESSION, "RequestStartTransactionResponse", YES_OR_NO),
        (dialect, Kind.STOP_SESSION, "RequestStopTransactionResponse", YES_OR_NO),
        (dialect, Kind.UNLOCK_CONNECTOR, "UnlockConnectorResponse", UNLOCK_2X),
        (dialect, Kind.RESET, "ResetResponse", YES_OR_NO | {"Scheduled": S}),
        (dialect, Kind.RESERVE_NOW, "ReserveNowResponse", RESERVE),
        (dialect, Kind.CANCEL_RESERVATION, "CancelReservationResponse", YES_OR_NO),
    ]


TABLE: list[Row] = [
    (v16, Kind.START_SESSION, "RemoteStartTransactionResponse", YES_OR_NO),
    (v16, Kind.STOP_SESSION, "RemoteStopTransactionResponse", YES_OR_NO),
    (v16, Kind.UNLOCK_CONNECTOR, "UnlockConnectorResponse", UNLOCK_V16),
    (v16, Kind.RESET, "ResetResponse", YES_OR_NO),
    (v16, Kind.RESERVE_NOW, "ReserveNowResponse", RESERVE),
    (v16, Kind.CANCEL_RESERVATION, "CancelReservationResponse", YES_OR_NO),
    *of_2x(v201),
    *of_2x(v21),
]
CELLS = [
    pytest.param(dialect, kind, word, verdict, id=f"{dialect.VERSION}-{kind}-{word}")
    for dialect, kind, _, words in TABLE
    for word, verdict in words.items()
]
DIALECTS = [pytest.param(dialect, id=dialect.VERSION) for dialect in (v16, v201, v21)]


def words_of_the_standard(dialect: Dialect, name: str) -> set[str]:
    package = PACKAGES[dialect.VERSION]
    text = resources.files(package).joinpath("schemas", f"{name}.json").read_text("utf-8-sig")
    schema = json.loads(text)
    status = schema["properties"]["status"]
    if "$ref" in status:
        status = schema["definitions"][status["$ref"].split("/")[-1]]
    return set(status["enum"])


@pytest.mark.parametrize(("dialect", "kind", "word", "verdict"), CELLS)
def test_every_status_of_every_command_and_version_reaches_the_client_in_its_own_word(
    dialect: Dialect, kind: Kind, word: str, verdict: Verdict
) -> None:
    said = {"status": word, "statusInfo": {"reasonCode": "Why", "additionalInfo": "because"}}
    assert read_answer(dialect, kind, said) == StationAnswer(
        verdict=verdict, status=word, reason_code="Why", additional_info="because"
    )


@pytest.mark.parametrize(("dialect", "kind", "name", "words"), TABLE)
def test_table_has_exactly_the_words_of_the_standard(
    dialect: Dialect, kind: Kind, name: str, words: dict[str, Verdict]
) -> None:
    assert words_of_the_standard(dialect, name) == set(words)
    assert dialect.COMMANDS[kind].answers == words


CODES = {
    "NotImplemented": N,
    "NotSupported": N,
    "MessageTypeNotSupported": N,
    "ProtocolError": R,
    "FormationViolation": R,
    "FormatViolation": R,
    "PropertyConstraintViolation": R,
    "OccurenceConstraintViolation": R,
    "OccurrenceConstraintViolation": R,
    "TypeConstraintViolation": R,
    "SecurityError": R,
    "InternalError": F,
    "GenericError": F,
    "RpcFrameworkError": F,
    "": F,
    "VendorSpecial": F,
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("code", "verdict"), CODES.items())
def test_every_error_code_in_both_spellings_means_the_same_everywhere(
    dialect: Dialect, kind: Kind, code: str, verdict: Verdict
) -> None:
    error = CallError(code, "words")
    assert read_answer(dialect, kind, error) == StationAnswer(verdict=verdict, call_error=error)


def test_codes_that_blame_our_frame_raise_an_alarm() -> None:
    assert set(CALL_ERROR_VERDICTS) > OUR_BUG_CODES
    assert not OUR_BUG_CODES & {"NotImplemented", "SecurityError", "InternalError"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", Kind)
def test_unknown_words_are_unreadable_and_kept(dialect: Dialect, kind: Kind) -> None:
    answer = read_answer(dialect, kind, {"status": "Perhaps" + "!" * 99})
    assert answer.verdict is Verdict.UNREADABLE
    assert answer.status == ("Perhaps" + "!" * 99)[:50]


UNREADABLE: list[Answer] = [{}, {"status": 7}, {"status": None, "statusInfo": "x"}, Unreadable("w")]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("answer", UNREADABLE)
def test_answers_without_a_word_are_unreadable(dialect: Dialect, answer: Answer) -> None:
    read = read_answer(dialect, Kind.START_SESSION, answer)
    assert (read.verdict, read.status) == (Verdict.UNREADABLE, "")


@pytest.mark.parametrize("dialect", [v201, v21])
def test_session_that_ran_already_comes_with_its_transaction_id(dialect: Dialect) -> None:
    said = {"status": "Accepted", "transactionId": "tx-1"}
    assert read_answer(dialect, Kind.START_SESSION, said).ocpp_transaction_id == "tx-1"
