"""From each status word and each CALLERROR code, of each command and version, to the outcome.

The domain decides the outcomes. These tests check that no cell of the whole table is a lie.
"""

from collections.abc import Iterator

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import judge
from domain.commands.table import COMMANDS
from domain.commands.timing import Timing
from domain.evidence.facts import Act
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, State
from domain.model.specs import Kind, StopSpec
from scripts.pages import answers as answers_page
from scripts.pages.answers import after_answer, command_of
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Answer, Unreadable
from station_gateway.dialects.verdicts import CALL_ERROR_VERDICTS, OUR_BUG_CODES
from tests.unit.domain.situations import ACCEPTED, asked, at, facts, session
from tests.unit.station_gateway.versions import DIALECTS

YES = {Verdict.ACCEPTED, Verdict.SCHEDULED}
NO = {Verdict.REJECTED, Verdict.NOT_SUPPORTED, Verdict.FAILED}
CODES = (*CALL_ERROR_VERDICTS, "", "VendorSpecial")
NEVER = [code for code, verdict in CALL_ERROR_VERDICTS.items() if verdict is not Verdict.FAILED]
TIMES_S = (1.0, 30.0, 61.0, 120.0, 299.0)
every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
every_kind = pytest.mark.parametrize("kind", Kind)


def cells() -> Iterator[tuple[Dialect, Kind, str, Verdict]]:
    for dialect in DIALECTS.values():
        for kind, command in dialect.COMMANDS.items():
            for word, verdict in command.answers.items():
                yield dialect, kind, word, verdict


CELLS = [pytest.param(*cell, id=f"{cell[0].VERSION}-{cell[1].value}-{cell[2]}") for cell in cells()]


def outcome_of(command: Command) -> Outcome | None:
    """The outcome that stands; an outcome before DONE is only provisional."""
    return command.outcome if command.state is State.DONE else None


def heard(command: Command) -> StationAnswer:
    assert command.station_answer is not None
    return command.station_answer


@pytest.mark.parametrize(("dialect", "kind", "word", "verdict"), CELLS)
def test_every_status_ends_as_its_verdict_allows_and_in_its_own_word(
    dialect: Dialect, kind: Kind, word: str, verdict: Verdict
) -> None:
    command = after_answer(dialect, kind, {"status": word})
    assert (heard(command).status, heard(command).verdict) == (word, verdict)
    outcome = outcome_of(command)
    if outcome is None:
        assert verdict is not Verdict.NOT_SUPPORTED
        assert COMMANDS[kind].awaits_effect or verdict in NO
        return
    assert allowed(outcome, verdict, kind)


def allowed(outcome: Outcome, verdict: Verdict, kind: Kind) -> bool:
    """SUCCEEDED only for a yes whose answer is the end of it; a no is a definite no."""
    if outcome.code is Code.SUCCEEDED:
        return verdict in YES and not COMMANDS[kind].awaits_effect
    if verdict is Verdict.NOT_SUPPORTED:
        return outcome.code is Code.NOT_SUPPORTED
    # An unwanted reservation that is not there is as good as one that was ended.
    gone = kind is Kind.CANCEL_RESERVATION and outcome.code is Code.NO_EFFECT
    # It tried, and says that it did not work.
    failed = kind is Kind.UNLOCK_CONNECTOR and outcome.code is Code.NO_EFFECT
    return verdict in NO and (outcome.code is Code.REJECTED or gone or failed)


@every
@every_kind
@pytest.mark.parametrize("code", CODES)
def test_every_error_code_ends_never_well_and_an_error_of_the_stations_own_proves_nothing(
    dialect: Dialect, kind: Kind, code: str
) -> None:
    command = after_answer(dialect, kind, CallError(code, "words"))
    assert heard(command).call_error == CallError(code, "words")
    outcome = outcome_of(command)
    if heard(command).is_error:
        assert outcome is None
    elif outcome is None:
        assert kind is Kind.STOP_SESSION or COMMANDS[kind].repeatable
        assert heard(command).verdict is not Verdict.NOT_SUPPORTED
    if outcome is None:
        return
    assert allowed(outcome, heard(command).verdict, kind)
    assert outcome.code is not Code.SUCCEEDED


@every
@every_kind
@pytest.mark.parametrize("code", NEVER)
def test_a_code_that_is_never_to_be_retried_leaves_nothing_to_retry(
    dialect: Dialect, kind: Kind, code: str
) -> None:
    command = after_answer(dialect, kind, CallError(code))
    if kind is not Kind.STOP_SESSION:
        assert outcome_of(command) is not None
        return
    for seconds in TIMES_S:
        for asked_for in (None, asked(seconds - 1, ongoing=True)):
            runs_on = facts(session(), asked=asked_for, ocpp_version=dialect.VERSION)
            assert judge(command, runs_on, Timing(), at(seconds)).act is not Act.SEND_AGAIN


ODD: list[Answer] = [{"status": "Perhaps"}, {}, Unreadable("no object")]


@every
@every_kind
@pytest.mark.parametrize("answer", ODD)
def test_an_answer_that_cannot_be_understood_decides_nothing(
    dialect: Dialect, kind: Kind, answer: Answer
) -> None:
    command = after_answer(dialect, kind, answer)
    assert heard(command).verdict is Verdict.UNREADABLE
    assert outcome_of(command) is None
    assert command.outcome is None or command.outcome.code is Code.UNKNOWN


@every_kind
def test_a_second_answer_never_changes_a_definite_outcome(kind: Kind) -> None:
    refused = after_answer(DIALECTS["1.6"], kind, CallError("NotImplemented"))
    again = changes.answered(refused, ACCEPTED, at(5))
    assert again.outcome == refused.outcome


def test_the_page_has_every_word_and_every_code_of_the_tables() -> None:
    page = answers_page.answers_page()
    for version, dialect in DIALECTS.items():
        for kind, command in dialect.COMMANDS.items():
            for word in command.answers:
                rows = [row for row in page.splitlines() if f"| {kind.value} | {word} |" in row]
                assert any(version in row for row in rows), (version, kind, word)
    for code in CALL_ERROR_VERDICTS:
        assert f"| {code}{' *' if code in OUR_BUG_CODES else ''} |" in page
    assert "| any other |" in page


def test_commands_of_the_page_have_what_their_kind_needs() -> None:
    for kind in Kind:
        command = command_of(kind)
        specs = (
            command.start,
            command.stop,
            command.unlock,
            command.reset,
            command.reserve,
            command.cancel_reservation,
        )
        assert sum(spec is not None for spec in specs) == 1
    assert command_of(Kind.STOP_SESSION).stop == StopSpec(found_ocpp_transaction_id="1")
