"""The worker's activities for commands: what a command workflow reads and writes in the fleet.

Each is short and runs in one database transaction. Each may run twice: the keys of its records, and
the rules of the domain's transitions, make the second run write nothing. What is decided is the
domain's; an activity reads the facts for it and records what it decided.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from contract import activities as stubs
from contract.activities import implements
from contract.commands import (
    ChangeKind,
    PrepareCommandInput,
    PrepareCommandResult,
    RecordChangeInput,
    RecordChangeResult,
    SendFrameResult,
    SendStatus,
    SettleSendInput,
    WeighEvidenceInput,
    WeighEvidenceResult,
)
from domain.commands import transitions as changes
from domain.commands.judging import apply
from domain.evidence.facts import Decision
from domain.model.answers import StationAnswer
from domain.model.command import Command
from fleet import sends
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.commands.answers import answer_from_row, answer_to_row
from journal.commands.deciding import decide, release_unkept, tell_claim
from journal.commands.record import committed, is_unknown, latest, record_of
from journal.commands.weighing import decides
from journal.explain import notes
from journal.explain.writing import add_note
from journal.reservations import record as reservation_recorder
from telemetry import metrics
from workflows.activities.offers import Offer
from workflows.activities.preparing import prepare
from workflows.activities.settling import settle

_log = structlog.get_logger(__name__)


class CommandActivities:
    """Activities on the fleet's database. Register `all` with a worker.

    offer: hands a frame over a gateway's direct line.
    """

    def __init__(self, db: Database, offer: Offer) -> None:
        self._db = db
        self._offer = offer

    @property
    def all(self) -> list[Callable[..., object]]:
        """What a worker has to register."""
        return [
            self.prepare_command,
            self.settle_send,
            self.weigh_evidence,
            self.record_change,
        ]

    @implements(stubs.prepare_command)
    async def prepare_command(self, request: PrepareCommandInput) -> PrepareCommandResult:
        """Records the command as queued, finds its station's gateway, and says what to do next.

        With an attempt it also hands the command's frame to the gateway, over its direct line.
        """
        route = await prepare(self._db, self._offer, request)
        _say("command_routed", request.command, course=route.course.value, gateway=route.gateway)
        return route

    @implements(stubs.settle_send)
    async def settle_send(self, request: SettleSendInput) -> SendFrameResult:
        """Decides whether an attempt was sent: if nothing says so, it never will be."""
        result = await committed(self._db, lambda tx: settle(tx, request))
        _log.info(
            "send_settled",
            command=request.command,
            station=request.station,
            attempt=request.attempt,
            status=result.status.value,
        )
        return result

    @implements(stubs.weigh_evidence)
    async def weigh_evidence(self, request: WeighEvidenceInput) -> WeighEvidenceResult:
        """Reads all facts about a command, decides by the domain's rules, records the decision."""
        command, decision = await committed(self._db, lambda tx: _weigh(tx, request))
        _say("evidence_weighed", command, act=decision.act.value, **_state_of(command))
        return _weighed(command, decision)

    @implements(stubs.record_change)
    async def record_change(self, request: RecordChangeInput) -> RecordChangeResult:
        """Records what only the workflow knows: not sent, cancelled, guard ended."""
        recorded = await committed(self._db, lambda tx: _change(tx, request))
        command = recorded.command
        if request.change is ChangeKind.GUARD_ENDED and is_unknown(command):
            metrics.STILL_UNKNOWN.labels(command.kind.value).inc()
        _say("change_recorded", command, change=request.change.value, **_state_of(command))
        return recorded


def _say(event: str, command: Command, **facts: object) -> None:
    _log.info(event, command=command.name, station=command.station, **facts)


def _state_of(command: Command) -> dict[str, str | None]:
    outcome = command.outcome
    return {"state": command.state.value, "outcome": outcome.code.value if outcome else None}


# --- weigh_evidence


async def _weigh(tx: Tx, request: WeighEvidenceInput) -> tuple[Command, Decision]:
    command = await _with_late_answer(tx, request)
    facts, decision = await decide(tx, command, request.asked, request.timing, request.now)
    if request.asked is not None:
        asked = notes.question(command.station, request.asked)
        await add_note(tx, command.tenant, command.name, asked, request.now)
    decided = notes.decision(command, decision, facts)
    await add_note(tx, command.tenant, command.name, decided, request.now)
    after = apply(command, decision, request.now)
    if after is not command:
        key = f"{decision.act.value.lower()}:{command.revision}"
        change = _applying(decision, request)
        after = await record_of(tx, command, key, change, request.now)
        await release_unkept(tx, facts, decision, after)
    await tell_claim(tx, command, decision, request.now)
    return after, decision


async def _with_late_answer(tx: Tx, request: WeighEvidenceInput) -> Command:
    """The command; an answer that came after its timeout is applied to it first."""
    command = await latest(tx, request.tenant, request.command)
    rows = await sends.by_command(tx, request.tenant, request.command)
    own = [row for row in rows if not row.undo and row.kind == command.kind.value]
    last = own[-1] if own else None
    if last is None or last.answer is None or last.state != "ANSWERED":
        return command
    if command.station_answer is not None and command.answer_time == last.answer_time:
        return command
    answer, at = answer_from_row(last.answer), last.answer_time or request.now
    left, named_id = last.send_time, last.named_id
    alone = await decides(tx, command.kind, command.station, answer, left, named_id=named_id)
    change = _answering(answer, at, alone)
    return await record_of(tx, command, f"answered:{last.attempt}", change, request.now)


def _answering(answer: StationAnswer, at: datetime, alone: bool) -> Callable[[Command], Command]:
    return lambda command: changes.frame_ended(command, command.kind, answer, at, decides=alone)


def _applying(decision: Decision, request: WeighEvidenceInput) -> Callable[[Command], Command]:
    return lambda command: apply(command, decision, request.now)


def _weighed(command: Command, decision: Decision) -> WeighEvidenceResult:
    session = decision.session
    return WeighEvidenceResult(
        act=decision.act,
        state=command.state,
        revision=command.revision,
        look_again=decision.look_again,
        outcome=command.outcome,
        compensation=command.compensation,
        ocpp_transaction_id=session.ocpp_transaction_id
        if session
        else decision.ocpp_transaction_id,
        transaction=session.name if session else "",
        evse_id=session.evse_id if session else None,
        progress=command.progress,
    )


# --- record_change


async def _change(tx: Tx, request: RecordChangeInput) -> RecordChangeResult:
    command = await latest(tx, request.tenant, request.command)
    key = request.change.value.lower()
    if request.heard is not None:
        key = f"{key}:{request.attempt}"
        await _keep_answer(tx, request, request.heard)
    if request.change is ChangeKind.STEP_HEARD:
        return RecordChangeResult(command)
    change = await _hearing(tx, command, request) or _changing(request)
    command = await record_of(tx, command, key, change, request.now)
    if request.change is ChangeKind.GUARD_ENDED:
        await sends.close(tx, request.tenant, request.command)
        await reservation_recorder.end_requested(tx, command, request.now)
    return RecordChangeResult(command)


async def _keep_answer(tx: Tx, request: RecordChangeInput, heard: SendFrameResult) -> None:
    """Completes the row of the send with the result that its gateway could not write down."""
    for row in await sends.by_command(tx, request.tenant, request.command):
        if row.attempt != request.attempt:
            continue
        if heard.answer is None:
            await sends.lost(tx, row.id, cause=heard.cause, now=request.now)
        else:
            answer = answer_to_row(heard.answer)
            at = heard.answer_time or request.now
            await sends.answered(tx, row.id, answer=answer, now=at)


async def _hearing(
    tx: Tx, command: Command, request: RecordChangeInput
) -> Callable[[Command], Command] | None:
    """What the result of a frame means for its command; None when the change is another one."""
    if request.change is not ChangeKind.HEARD:
        return None
    heard, now = request.heard or SendFrameResult(SendStatus.NO_ANSWER), request.now
    answer, sent = heard.answer, heard.send_time or now
    rows = await sends.by_command(tx, command.tenant, command.name)
    named_id = next((row.named_id for row in rows if row.kind == command.kind.value), None)
    alone = answer is None or await decides(
        tx, command.kind, command.station, answer, sent, named_id=named_id
    )
    return lambda known: changes.frame_ended(
        known,
        known.kind,
        answer,
        heard.answer_time or now,
        cause=heard.cause,
        send_time=sent,
        decides=alone,
    )


def _changing(request: RecordChangeInput) -> Callable[[Command], Command]:
    now = request.now
    match request.change:
        case ChangeKind.STEP_HEARD | ChangeKind.HEARD:
            return lambda c: c
        case ChangeKind.NOT_SENT:
            return lambda c: changes.not_sent(c, request.cause, now, request.detail)
        case ChangeKind.CANCEL_ASKED:
            return lambda c: changes.cancel_asked(c, request.detail)
        case ChangeKind.CANCELLED:
            return lambda c: changes.cancelled(changes.cancel_asked(c, request.detail), now)
        case ChangeKind.GUARD_ENDED:
            return lambda c: changes.settled(changes.undo_failed(c, request.detail, now), now)
