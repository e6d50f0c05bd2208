"""Prints what every answer of a station means, from dialect to outcome, for docs/states.md.

Nothing is said twice: the words come from the dialects, the outcomes from the domain.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from domain.commands import transitions as changes
from domain.model.answers import CallError, Verdict
from domain.model.command import Command, State
from domain.model.specs import (
    CancelReservationSpec,
    IdToken,
    Kind,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from station_gateway.dialects import v16, v21, v201, verdicts
from station_gateway.dialects.interface import Answer, Dialect
from station_gateway.dialects.messages import Unreadable

VERSIONS: tuple[Dialect, ...] = (v16, v201, v21)
WORDS = {dialect.VERSION: dialect.ANSWERS for dialect in (v16, v201, v21)}
CODES = (*verdicts.CALL_ERROR_VERDICTS, "")
"""Every CALLERROR code in every spelling; "" stands for one that is in no standard."""

_FACTS_DECIDE = "facts decide"
_THEN = datetime(2026, 1, 1, tzinfo=UTC)
_TOKEN = IdToken("ISO14443", "", "", "")
_AGAIN = {
    Verdict.NOT_SUPPORTED: "never",
    Verdict.REJECTED: "never",
    Verdict.FAILED: "may help",
}

_HEAD = """## Answers

What a station answers, and what becomes of a command by that answer alone, the first time it is
sent. The station's own word always reaches the client in `station_answer`.
"""
_ERRORS = """### CALLERROR codes

The same in all versions; 1.6 and 2.x spell two of them differently, and stations mix them up. Codes
with * blame our frame: they raise `evcommand_blamed_frames_total`.
"""


def answers_page() -> str:
    """The part of the page about answers, in Markdown."""
    return "\n".join([_HEAD, *_statuses(), _ERRORS, *_codes()])


def command_of(kind: Kind) -> Command:
    """A command whose frame is on the wire."""
    return Command(
        name="c",
        tenant="t",
        kind=kind,
        station="s",
        state=State.SENT,
        create_time=_THEN,
        not_after=_THEN,
        workflow_id="w",
        start=StartSpec(_TOKEN) if kind is Kind.START_SESSION else None,
        stop=StopSpec(wire_id="1") if kind is Kind.STOP_SESSION else None,
        unlock=UnlockSpec(1) if kind is Kind.UNLOCK_CONNECTOR else None,
        reset=ResetSpec(ResetMode.HARD) if kind is Kind.RESET else None,
        reserve=ReserveSpec(_TOKEN, _THEN, wire_id=1) if kind is Kind.RESERVE_NOW else None,
        cancel_reservation=(CancelReservationSpec(1) if kind is Kind.CANCEL_RESERVATION else None),
        send_time=_THEN,
    )


def after_answer(dialect: Dialect, kind: Kind, answer: Answer) -> Command:
    """The command once its answer is read and written down, as a gateway does it."""
    return changes.answered(command_of(kind), dialect.read_answer(kind, answer), _THEN)


def told(command: Command) -> str:
    """Outcome and cause, as a cell of a table; an outcome before DONE is provisional."""
    outcome = command.outcome
    if outcome is None:
        return _FACTS_DECIDE
    words = f"{outcome.code.value} {outcome.cause}"
    return words if command.state is State.DONE else f"{words}, until facts say more"


def _statuses() -> Iterator[str]:
    yield "| Command | Answer | OCPP | Verdict | Outcome |\n| --- | --- | --- | --- | --- |"
    for kind in Kind:
        rows: dict[tuple[str, str, str], list[str]] = {}
        for dialect in VERSIONS:
            for word in WORDS[dialect.VERSION][kind]:
                command = after_answer(dialect, kind, {"status": word})
                row = (word, _verdict(command), told(command))
                rows.setdefault(row, []).append(dialect.VERSION)
        for (word, verdict, outcome), versions in rows.items():
            yield f"| {kind.value} | {word} | {', '.join(versions)} | {verdict} | {outcome} |"
        unreadable = after_answer(v16, kind, Unreadable(""))
        verdict, outcome = _verdict(unreadable), told(unreadable)
        yield f"| {kind.value} | anything else | all | {verdict} | {outcome} |"
    yield ""


def _verdict(command: Command) -> str:
    return command.station_answer.verdict.value if command.station_answer else ""


def _codes() -> Iterator[str]:
    yield f"| Code | Verdict | {' | '.join(Kind)} | The same again |"
    yield f"| --- | --- | {' | '.join('---' for _ in Kind)} | --- |"
    for code in CODES:
        cells = [told(after_answer(v16, kind, CallError(code))) for kind in Kind]
        verdict = verdicts.verdict_of_error(code)
        name = f"{code}{' *' if code in verdicts.OUR_BUG_CODES else ''}" or "any other"
        again = "after a change there" if code == "SecurityError" else _AGAIN[verdict]
        yield f"| {name} | {verdict.value} | {' | '.join(cells)} | {again} |"
    yield ""
