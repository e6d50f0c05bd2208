"""How a command finds its way: the local activity with which each command begins.

A new command whose station is connected and ready is handed to the gateway at once. The gateway
writes the command and the intent of its frame in one transaction, and nothing is written here. Each
other command is recorded as queued first; then its frame is handed over, if it may be sent now.

A decision that was begun before, by a worker that was lost, finds the intent of its frame.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contract.commands import (
    PrepareCommandInput,
    PrepareCommandResult,
    SendFrameInput,
    SendStatus,
    SettleSendInput,
)
from domain.commands import transitions as changes
from domain.commands.sending import (
    SendAct,
    SendDecision,
    Whereabouts,
    before_sending,
    until_it_has_an_id,
)
from domain.commands.table import rules_of
from domain.model.command import Command, State
from domain.model.states import is_definite
from domain.model.twins import in_quarantine
from domain.model.ways import LineUse
from fleet import connections, sends
from fleet.connections import Connection
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.sends import Send
from journal.commands.facts import read_facts, read_target
from journal.commands.record import committed, record, record_of
from journal.explain import notes
from journal.explain.writing import add_note
from workflows.activities.offers import Offer, Offered
from workflows.activities.settling import settle
from workflows.requests import send_request


async def prepare(db: Database, offer: Offer, request: PrepareCommandInput) -> PrepareCommandResult:
    """Records the command, finds its station's gateway, and says what to do next.

    With `hand_over` it also hands the command's frame to the gateway, over its direct line.
    """
    return await _handed_over_at_once(db, offer, request) or await _recorded(db, offer, request)


async def _handed_over_at_once(
    db: Database, offer: Offer, request: PrepareCommandInput
) -> PrepareCommandResult | None:
    """The route of a new command whose frame left; its gateway has recorded both in one write.

    None: the command is to be recorded first.
    """
    if not request.hand_over or not _goes_by_its_station_alone(request.command, request.now):
        return None
    async with db.read() as tx:
        way = await _at_once(tx, request)
    if way is None or way.route.gateway is None:
        return None
    frame = _frame(request, is_new=True)
    made = await _make(offer, way.route.gateway, way.line, frame, request.now)
    sent = made.offered.sent
    if sent is None or sent.status is SendStatus.NOT_SENT:
        then = replace(request, hand_over=False)
        route = (await committed(db, lambda tx: _prepare(tx, then, made))).route
        if route.sent is not None or route.course is not SendAct.SEND:
            return route
        # Where an intent stands, its row alone tells what became of the frame: this offer does not.
        sent = None if route.offered else sent
        return replace(route, offered=True, sent=sent, line=made.line)
    return replace(way.route, revision=sent.revision, offered=True, sent=sent, line=made.line)


async def _recorded(
    db: Database, offer: Offer, request: PrepareCommandInput
) -> PrepareCommandResult:
    """The route of a command, which is recorded as queued; then its frame is handed over."""
    way = await committed(db, lambda tx: _prepare(tx, request))
    route = way.route
    if route.gateway is None or route.sent is not None or not (way.hand_over or route.offered):
        return route
    if not way.line:
        return replace(route, line=LineUse.NO_LINE.value)
    frame = _frame(request, offered=route.offered)
    made = await _make(offer, route.gateway, way.line, frame, request.now)
    if made.is_open:
        await committed(db, lambda tx: _note_open(tx, request, made))
    return replace(route, offered=True, sent=made.offered.sent, line=made.line)


@dataclass(frozen=True)
class _MadeOffer:
    """An offer of this decision, and what came of it. end: when it was over."""

    gateway: str
    attempt: int
    offered: Offered
    end: datetime

    @property
    def line(self) -> str:
        """The word that the contract has for it."""
        return self.offered.line.value

    @property
    def is_open(self) -> bool:
        """Whether the gateway may have the frame although nothing is known of it."""
        return self.offered.sent is None and self.offered.line is not LineUse.TURNED_OFF


async def _make(
    offer: Offer, gateway: str, line: str, frame: SendFrameInput, now: datetime
) -> _MadeOffer:
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    offered = await offer(gateway, line, frame)
    end = now + timedelta(seconds=loop.time() - begin_s)
    return _MadeOffer(gateway, frame.attempt, offered, end)


async def _note_open(tx: Tx, request: PrepareCommandInput, made: _MadeOffer | None) -> None:
    """Notes for the explanation that the line gave no result of a frame."""
    if made is None or not made.is_open:
        return
    note = notes.without_result(made.gateway, made.attempt, made.line, made.end)
    await add_note(tx, request.command.tenant, request.command.name, note, made.end)


@dataclass(frozen=True)
class _Way:
    """The route.

    line: HOST:PORT of the gateway's direct line; "": it has none. hand_over: the frame, over it.
    """

    route: PrepareCommandResult
    line: str = ""
    hand_over: bool = False


async def _prepare(tx: Tx, request: PrepareCommandInput, made: _MadeOffer | None = None) -> _Way:
    """Records the command and decides. made: the offer that this decision has made before."""
    command, now = request.command, request.now
    where, holder = await _whereabouts(tx, request)
    version, line = (holder.ocpp_version, holder.line) if holder else ("", "")
    if request.tried is not None:
        await add_note(tx, command.tenant, command.name, notes.retry(request.tried), now)
    if request.look_only:
        ready = where.gateway is not None and where.boot_state == "ACCEPTED"
        look = SendDecision(SendAct.SEND if ready else SendAct.WAIT)
        return _Way(_prepared(command, where, look))
    command = await record(
        tx,
        tenant=command.tenant,
        name=command.name,
        key="queued",
        change=lambda known: known,
        initial=command,
        now=now,
    )
    handed_over = await _handed_over(tx, request, command)
    if handed_over is not None:
        # This decision was begun before, and its worker was lost. The frame may be on the wire, so
        # its result comes before any other thought; without a gateway nobody waits for it.
        await _note_open(tx, request, made)
        offered = replace(_prepared(command, where, SendDecision(SendAct.SEND)), offered=True)
        if holder is None:
            settled = await settle(tx, _settling(request, command))
            return _Way(replace(offered, sent=settled))
        return _Way(offered, line)
    # What has ended already is never sent, wherever its station is.
    way = await _by_target(tx, command, where, now) or await _heading(tx, command, where, request)
    outcome, stopped = way.outcome, way.stopped_first
    if stopped is not None and command.stopped_first is None:
        command = await record_of(
            tx, command, "stopped", lambda c: changes.stopped_first(c, stopped), now
        )
    if outcome is not None:
        command = await record_of(
            tx, command, "done", lambda c: changes.concluded(c, outcome, now), now
        )
    elif way.progress:
        key = f"waiting:{command.revision}"
        command = await record_of(tx, command, key, lambda c: changes.waiting(c, way.progress), now)
    hand_over = request.hand_over and way.act is SendAct.SEND
    if way.act is SendAct.SEND and where.gateway is not None:
        use = made.line if made is not None else _use_of(line) if hand_over else ""
        taken = notes.route(command.station, where.gateway, version, request.tried, use)
        await add_note(tx, command.tenant, command.name, taken, now)
    return _Way(_prepared(command, where, way), line, hand_over)


def _use_of(line: str) -> str:
    """What the frame's way will be, as far as it is known before it is offered."""
    return LineUse.USED.value if line else LineUse.NO_LINE.value


def _goes_by_its_station_alone(command: Command, now: datetime) -> bool:
    """Whether nothing but the whereabouts of its station decides if the command is sent now."""
    makes_or_ends = rules_of(command).reservation_update(command, now)
    return changes.first_step_of(command) is None and makes_or_ends is None


async def _at_once(tx: Tx, request: PrepareCommandInput) -> _Way | None:
    """The way of a command that the log does not have yet; None when it is not sent now."""
    command = request.command
    where, holder = await _whereabouts(tx, request)
    if holder is None or not holder.line:
        return None
    if await log.latest(tx, tenant=command.tenant, name=command.name) is not None:
        return None
    way = await _by_target(tx, command, where, request.now)
    way = way or before_sending(command, where, request.now)
    if way.act is not SendAct.SEND:
        return None
    return _Way(_prepared(command, where, way), holder.line)


def _frame(
    request: PrepareCommandInput, *, offered: bool = False, is_new: bool = False
) -> SendFrameInput:
    return send_request(
        request.command, request.timing, request.attempt, offered=offered, is_new=is_new
    )


async def _handed_over(tx: Tx, request: PrepareCommandInput, command: Command) -> Send | None:
    """The intent of the attempt that this decision is about to hand over; None: there is none."""
    is_new = command.state is State.QUEUED and command.revision <= 1
    if not request.attempt or is_new:
        return None
    rows = await sends.by_command(tx, command.tenant, command.name)
    return next((row for row in rows if row.attempt == request.attempt), None)


def _settling(request: PrepareCommandInput, command: Command) -> SettleSendInput:
    return SettleSendInput(
        tenant=command.tenant,
        command=command.name,
        attempt=request.attempt,
        now=request.now,
        station=command.station,
    )


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


async def _whereabouts(
    tx: Tx, request: PrepareCommandInput
) -> tuple[Whereabouts, Connection | None]:
    station, now = request.command.station, request.now
    boot_state, holder, moved_time = await connections.whereabouts(tx, station, now=now)
    where = Whereabouts(
        registered=boot_state is not None,
        gateway=holder.gateway if holder else None,
        boot_state=boot_state or "",
        moved_time=moved_time,
        quarantined=rules_of(request.command).barred_by_quarantine
        and in_quarantine(holder.quarantine_end if holder else None, request.now),
    )
    return where, holder


async def _by_target(
    tx: Tx, command: Command, where: Whereabouts, now: datetime
) -> SendDecision | None:
    """What is decided before anything is sent, by what the command is to end."""
    if is_definite(command.outcome):
        return SendDecision(SendAct.CONCLUDE, outcome=command.outcome)
    target = await read_target(tx, command)
    outcome = rules_of(command).already_ended(command, target)
    if outcome is not None:
        return SendDecision(SendAct.CONCLUDE, outcome=outcome)
    waits = target.session is not None and target.session.lacks_id
    return until_it_has_an_id(before_sending(command, where, now)) if waits else None


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
