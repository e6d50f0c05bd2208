"""What crosses Temporal survives its default JSON converter, and the log's JSON."""

from dataclasses import replace

import pytest
from temporalio.converter import DataConverter

from contract.commands import (
    CancelInput,
    ChangeKind,
    CommandInput,
    CommandResult,
    CommandSoFar,
    RecordChangeInput,
    SendFrameResult,
    SendStatus,
    UnsentAttempt,
    WeighEvidenceInput,
    WeighEvidenceResult,
)
from domain.commands import transitions as changes
from domain.evidence.facts import Act, Asked
from domain.model.command import Command, SessionFacts, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import ChargingProfile, SchedulePeriod, StartSpec
from journal.commands.record import from_snapshot, to_snapshot
from tests.unit.domain.situations import ACCEPTED, T0, TIMING, TOKEN, answered, at, start


def rich_command() -> Command:
    """Every kind of field at once: times, enums, tuples, dictionaries, absent values."""
    profile = ChargingProfile("W", (SchedulePeriod(0, 11_000.0, 3),), start_schedule=T0)
    spec = StartSpec(TOKEN, evse_id=1, group_id_token=TOKEN, charging_profile=profile)
    known = answered(replace(start(), start=spec, labels={"desk": "Zürich"}))
    facts = SessionFacts("tx", "7", 1, T0, at(9), 1, 2, "Remote")
    return changes.undoing(
        changes.concluded(known, ending(Cause.SESSION_STARTED, session=facts), at(9)),
        *("late", "tx", "7", at(10)),
    )


RESULT = SendFrameResult(SendStatus.ANSWERED, answer=ACCEPTED, send_time=T0, effect_timeout_s=60.0)
PAYLOADS = [
    CommandInput(rich_command(), TIMING),
    CommandInput(
        rich_command(),
        TIMING,
        CommandSoFar(
            outcome=ending(Cause.ANSWER_TIMEOUT),
            on_wire=True,
            attempt=3,
            asked=Asked(T0, 1, True, messages_in_queue=False),
            tried=UnsentAttempt(2, Cause.GATEWAY_UNREACHABLE.value, T0),
            look_again=at(5),
            woken=True,
            cancel=CancelInput("driver left"),
            guard_until=at(600),
        ),
    ),
    RESULT,
    WeighEvidenceInput("acme", "c1", TIMING, T0, Asked(T0, 1, True, messages_in_queue=False)),
    WeighEvidenceResult(Act.WAIT, State.DONE, 3, at(5), ending(Cause.ANSWER_TIMEOUT)),
    RecordChangeInput("acme", "c1", ChangeKind.HEARD, T0, attempt=1, heard=RESULT),
    CommandResult(ending(Cause.SESSION_STARTED), rich_command().compensation),
]


@pytest.mark.parametrize("value", PAYLOADS, ids=lambda value: type(value).__name__)
async def test_a_payload_comes_back_as_it_was(value: object) -> None:
    converter = DataConverter.default
    decoded = await converter.decode(await converter.encode([value]), [type(value)])
    assert decoded == [value]


def test_a_snapshot_of_the_log_comes_back_as_it_was() -> None:
    assert from_snapshot(to_snapshot(rich_command())) == rich_command()
