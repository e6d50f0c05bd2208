"""The answers of stations: how the fleet keeps them, and which of them raise an alarm."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import structlog

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from domain.model.answers import CallError, StationAnswer
from domain.model.outcomes import Cause
from fleet import sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from fleet.sends import Send
from journal.commands.answers import answer_from_row
from journal.commands.record import committed
from station_gateway.dialects.masking import without_tokens
from station_gateway.dialects.messages import Answer
from station_gateway.dialects.verdicts import OUR_BUG_CODES
from telemetry import metrics

log = structlog.get_logger(__name__)
T = TypeVar("T")


def take_blame(answer: Answer, action: str, station: str, command: str = "") -> None:
    """Raise an alarm when the station says that our frame was wrong: that is a bug of ours.

    command: whose frame it was; "" for a question of our own.
    """
    if not isinstance(answer, CallError) or answer.code not in OUR_BUG_CODES:
        return
    metrics.BLAMED_FRAMES.labels(action=action, code=answer.code).inc()
    log.warning("frame_blamed", command=command, station=station, action=action, code=answer.code)


def without_echoes(answer: StationAnswer, send: Send, sealer: Sealer) -> StationAnswer:
    """The answer with the tokens of its frame masked: some stations repeat them in their words."""
    digests = {send.token_digest, send.group_digest} - {None}

    def hidden(text: str) -> str:
        return without_tokens(text, lambda word: sealer.digest("", word) in digests, sealer.mask)

    if not digests:
        return answer
    error = answer.call_error
    return replace(
        answer,
        status=hidden(answer.status),
        reason_code=hidden(answer.reason_code),
        additional_info=hidden(answer.additional_info),
        call_error=error and CallError(hidden(error.code), hidden(error.description)),
    )


async def written_within(
    limit_s: float, db: Database, write: Callable[[Tx], Awaitable[T]], *, pause_s: float
) -> T | None:
    """Write, and try again while the database is away; None when it stays away for `limit_s`.

    Then the result of the attempt still goes out: the workflow records what it gets from us.
    """
    try:
        async with asyncio.timeout(limit_s):
            while True:
                try:
                    return await committed(db, write)
                except DatabaseUnavailable:
                    await asyncio.sleep(pause_s)
    except TimeoutError:
        return None


async def as_it_stands(
    db: Database, request: SendFrameInput, unsent: SendFrameResult, now: datetime
) -> SendFrameResult:
    """The result of an attempt that sent nothing here, but was perhaps handed over before.

    Without an intent it is never sent from now on, by whichever gateway; else the intent's row
    tells. Raises: DatabaseUnavailable.
    """
    row = await db.batch(
        lambda tx: sends.void(
            tx, tenant=request.tenant, command=request.command, attempt=request.attempt, now=now
        )
    )
    return unsent if row.state == "VOID" else stored(row)


def stored(send: Send) -> SendFrameResult:
    """The result of an attempt that was decided before, from its row."""
    if send.state == "VOID":
        return SendFrameResult(SendStatus.NOT_SENT, Cause.GATEWAY_UNREACHABLE.value, retry=True)
    if send.state == "ANSWERED" and send.answer is not None:
        return SendFrameResult(
            SendStatus.ANSWERED,
            answer=answer_from_row(send.answer),
            send_time=send.send_time,
            answer_time=send.answer_time,
            message_id=send.message_id,
        )
    cause = send.cause or Cause.GATEWAY_LOST_AFTER_SEND.value
    return SendFrameResult(
        SendStatus.NO_ANSWER, cause, send_time=send.send_time, message_id=send.message_id
    )
