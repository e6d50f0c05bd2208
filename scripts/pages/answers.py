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
    Spec,
    StartSpec,
    StopSpec,
    UnlockSpec,
    only_spec,
)
from station_gateway.dialects import DIALECTS, v16, verdicts
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Answer, Unreadable

VERSIONS: tuple[Dialect, ...] = tuple(DIALECTS.values())[::-1]
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


SPECS: dict[Kind, Spec] = {
    Kind.START_SESSION: StartSpec(_TOKEN),
    Kind.STOP_SESSION: StopSpec(found_ocpp_transaction_id="1"),
    Kind.UNLOCK_CONNECTOR: UnlockSpec(1),
    Kind.RESET: ResetSpec(ResetMode.HARD),
    Kind.RESERVE_NOW: ReserveSpec(_TOKEN, _THEN, wire_id=1),
    Kind.CANCEL_RESERVATION: CancelReservationSpec(1),
}
"""A spec of each kind."""


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
        send_time=_THEN,
        **only_spec(kind, SPECS[kind]),
    )


def after_answer(dialect: Dialect, kind: Kind, answer: Answer) -> Command:
    """The command after its answer was read and recorded, as a gateway does it."""
    read = dialect.COMMANDS[kind].read_answer(answer)
    return changes.answered(command_of(kind), read, _THEN)


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
            for word in dialect.COMMANDS[kind].answers:
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
