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
from domain.commands.sending import SendAct, SendDecision, Whereabouts, before_sending
from domain.commands.table import rules_of
from domain.evidence.facts import Decision
from domain.model.answers import StationAnswer
from domain.model.command import Command
from domain.model.states import is_definite
from fleet import connections, sends, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.commands.answers import answer_from_row, answer_to_row
from journal.commands.deciding import decide, release_unkept
from journal.commands.facts import read_facts, read_target
from journal.commands.record import committed, latest, record
from journal.commands.weighing import decides
from journal.explain import notes
from journal.explain.writing import add_note
from journal.reservations import record as reservation_recorder
from workflows.activities.settling import settle

_log = structlog.get_logger(__name__)


class CommandActivities:
    """Activities on the fleet's database. Register `all` with a worker."""

    def __init__(self, db: Database) -> None:
        self._db = db

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
        """Records the command as queued, finds its station's gateway, and says what to do next."""
        route = await committed(self._db, lambda tx: _prepare(tx, request))
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
        _say("change_recorded", command, change=request.change.value, **_state_of(command))
        return recorded


def _say(event: str, command: Command, **facts: object) -> None:
    _log.info(event, command=command.name, station=command.station, **facts)


def _state_of(command: Command) -> dict[str, str | None]:
    outcome = command.outcome
    return {"state": command.state.value, "outcome": outcome.code.value if outcome else None}


# --- prepare_command


async def _prepare(tx: Tx, request: PrepareCommandInput) -> PrepareCommandResult:
    command, now = request.command, request.now
    where, version = await _whereabouts(tx, request)
    if request.tried is not None:
        await add_note(tx, command.tenant, command.name, notes.retry(request.tried), now)
    if request.look_only:
        ready = where.gateway is not None and where.boot_state == "ACCEPTED"
        return _prepared(command, where, SendDecision(SendAct.SEND if ready else SendAct.WAIT))
    command = await record(
        tx,
        tenant=command.tenant,
        name=command.name,
        key="queued",
        change=lambda known: known,
        initial=command,
        now=now,
    )
    # What has ended already is never sent, wherever its station is.
    way = await _ended_already(tx, command) or await _heading(tx, command, where, request)
    outcome, stopped = way.outcome, way.stopped_first
    if stopped is not None and command.stopped_first is None:
        command = await _record(
            tx, command, "stopped", lambda c: changes.stopped_first(c, stopped), now
        )
    if outcome is not None:
        command = await _record(
            tx, command, "done", lambda c: changes.concluded(c, outcome, now), now
        )
    elif way.progress:
        key = f"waiting:{command.revision}"
        command = await _record(tx, command, key, lambda c: changes.waiting(c, way.progress), now)
    if way.act is SendAct.SEND and where.gateway is not None:
        taken = notes.route(command.station, where.gateway, version, request.tried)
        await add_note(tx, command.tenant, command.name, taken, now)
    return _prepared(command, where, way)


async def _heading(
    tx: Tx, command: Command, where: Whereabouts, request: PrepareCommandInput
) -> SendDecision:
    first_step = changes.first_step_of(command)
    if first_step is None:
        return before_sending(command, where, request.now)
    facts = await read_facts(tx, command, request.asked, request.timing, request.now)
    way = first_step.decide(command, facts, where, request.timing, request.now)
    stops = len(facts.first_stop.frames)
    known = notes.question(command.station, request.asked) if request.asked else None
    await add_note(tx, command.tenant, command.name, known, request.now)
    then = (
        notes.stop_first(way.ocpp_transaction_id, stops) if way.act is SendAct.STOP_FIRST else None
    )
    await add_note(tx, command.tenant, command.name, then, request.now)
    return way


async def _whereabouts(tx: Tx, request: PrepareCommandInput) -> tuple[Whereabouts, str]:
    station = await stations.get(tx, request.command.station)
    holder = await connections.holder(tx, request.command.station, now=request.now)
    where = Whereabouts(
        registered=station is not None,
        gateway=holder.gateway if holder else None,
        boot_state=station.boot_state if station else "",
    )
    return where, holder.ocpp_version if holder else ""


async def _ended_already(tx: Tx, command: Command) -> SendDecision | None:
    """What is decided before anything is sent."""
    if is_definite(command.outcome):
        return SendDecision(SendAct.CONCLUDE, outcome=command.outcome)
    outcome = rules_of(command).already_ended(command, await read_target(tx, command))
    return None if outcome is None else SendDecision(SendAct.CONCLUDE, outcome=outcome)


def _prepared(command: Command, where: Whereabouts, way: SendDecision) -> PrepareCommandResult:
    return PrepareCommandResult(
        gateway=where.gateway,
        revision=command.revision,
        course=way.act,
        progress=way.progress,
        outcome=way.outcome,
        look_again=way.look_again,
        ocpp_transaction_id=way.ocpp_transaction_id,
        transaction=way.session.name if way.session else "",
        evse_id=way.session.evse_id if way.session else None,
        stopped_first=command.stopped_first,
    )


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
        after = await _record(tx, command, key, change, request.now)
        await release_unkept(tx, facts, decision, after)
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
    return await _record(tx, command, f"answered:{last.attempt}", change, request.now)


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
    command = await _record(tx, command, key, change, request.now)
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


async def _record(
    tx: Tx, command: Command, key: str, change: Callable[[Command], Command], now: datetime
) -> Command:
    return await record(
        tx, tenant=command.tenant, name=command.name, key=key, change=change, now=now
    )
