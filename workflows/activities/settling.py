"""Decides whether an attempt was sent, when its gateway did not say so.

The gateway writes an intent before the frame. So an attempt without an intent was not sent, and
`sends.void` makes sure that its gateway can never write one; an attempt with an intent was perhaps
sent, and counts as sent without an answer when nobody waits for it any longer.
"""

from contract.commands import SendFrameResult, SendStatus, SettleSendInput
from domain.commands import transitions as changes
from domain.model.command import State
from domain.model.outcomes import Cause
from fleet import sends, stations
from fleet.engine.statements import Tx
from fleet.sends import Send
from journal.commands.answers import answer_from_row
from journal.commands.record import latest, record
from journal.explain import notes
from journal.explain.writing import add_note


async def settle(tx: Tx, request: SettleSendInput) -> SendFrameResult:
    """What became of an attempt. One that has no intent is VOID from now on: it is never sent."""
    row = await sends.void(
        tx,
        tenant=request.tenant,
        command=request.command,
        attempt=request.attempt,
        now=request.now,
    )
    if row.state == "VOID" or (row.state == "INTENT" and request.give_up):
        sent, cancelled = row.state == "INTENT", not request.give_up
        held = notes.settled(request.attempt, sent=sent, cancelled=cancelled)
        await add_note(tx, request.tenant, request.command, held, request.now)
    if row.state == "VOID":
        cause = Cause.GATEWAY_UNREACHABLE.value
        return SendFrameResult(SendStatus.NOT_SENT, cause=cause, retry=True)
    if row.state == "INTENT" and request.give_up:
        await _give_up(tx, request, row)
    station = await stations.get(tx, row.station)
    answered = row.state == "ANSWERED"
    known = None if request.undo else await latest(tx, request.tenant, request.command)
    return SendFrameResult(
        status=SendStatus.ANSWERED if answered else SendStatus.NO_ANSWER,
        cause="" if answered else row.cause or Cause.GATEWAY_LOST_AFTER_SEND.value,
        answer=answer_from_row(row.answer) if answered and row.answer else None,
        send_time=row.send_time,
        answer_time=row.answer_time,
        effect_timeout_s=station.connection_timeout_s if station else None,
        revision=known.revision if known else 0,
        message_id=row.message_id,
        decides=known is None or known.state is State.DONE,
    )


async def _give_up(tx: Tx, request: SettleSendInput, row: Send) -> None:
    """Records as sent without an answer: the gateway is gone and the frame was perhaps written."""
    cause = Cause.GATEWAY_LOST_AFTER_SEND.value
    await sends.lost(tx, row.id, cause=cause, now=request.now)
    command = None if request.undo else await latest(tx, request.tenant, request.command)
    if command is not None and row.kind == command.kind.value:
        key = f"lost:{request.attempt}"
        await record(
            tx,
            tenant=request.tenant,
            name=request.command,
            key=key,
            change=lambda c: changes.frame_ended(c, c.kind, None, request.now, cause=cause),
            now=request.now,
        )
