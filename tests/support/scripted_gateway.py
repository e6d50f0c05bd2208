"""A gateway, and the station behind it, as a script: one play per frame.

It writes to the fleet exactly what a real gateway writes, in the same order and transactions.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from contract import activities as stubs
from contract.activities import implements
from contract.commands import (
    SendFrameInput,
    SendFrameResult,
    SendStatus,
)
from contract.questions import AskStationInput, AskStationResult
from domain.commands import transitions as changes
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome
from domain.model.outcomes import Cause
from domain.model.ways import LineUse
from fleet import connections, sends
from fleet.engine.statements import Tx
from fleet.sends import AlreadySettled, Send
from journal.commands.answers import answer_to_row
from journal.commands.record import record
from journal.commands.waking import StationEvent, wake_concerned
from journal.commands.weighing import decides
from station_gateway.commands.frames import kept_of
from tests.support.stations.station_reports import StationReports

Play = Callable[["ScriptedGateway", SendFrameInput], Awaitable[SendFrameResult]]
Happening = Callable[[], Awaitable[object]]


def is_ending(outcome: Outcome | None, code: Code, cause: Cause) -> bool:
    """Whether a command ended so."""
    return outcome is not None and (outcome.code, outcome.cause) == (code, cause.value)


def has_code(command: Command, code: Code) -> bool:
    """Whether the command's outcome, provisional or not, has this code."""
    return command.outcome is not None and command.outcome.code is code


def accepted(transaction_id: str | None = None) -> StationAnswer:
    """The station says yes."""
    return StationAnswer(Verdict.ACCEPTED, "Accepted", ocpp_transaction_id=transaction_id)


def rejected(reason: str = "") -> StationAnswer:
    """The station says no."""
    return StationAnswer(Verdict.REJECTED, "Rejected", reason_code=reason)


def call_error(code: str, verdict: Verdict = Verdict.FAILED) -> StationAnswer:
    """The station answers with a CALLERROR."""
    return StationAnswer(verdict, call_error=CallError(code, "out of order"))


class ScriptedGateway:
    """Plays the gateway and the station behind it: one `Play` per frame, in order."""

    def __init__(self, bench: StationReports, gateway_id: str) -> None:
        self.id = gateway_id
        self.bench = bench
        self.plays: list[Play] = []
        self.frames: list[SendFrameInput] = []
        self.sent: list[Send] = []
        self._results: dict[tuple[str, int], SendFrameResult] = {}
        self.asked: list[AskStationInput] = []
        self.reply = AskStationResult(asked=False)
        self.forgets = False  # its database fails when the answer comes
        self.on_ask: Callable[[], Awaitable[object]] | None = None

    @implements(stubs.send_frame)
    async def send_frame(self, request: SendFrameInput) -> SendFrameResult:
        """The next play of the script."""
        key = (request.command, request.attempt)
        if request.offered and key in self._results:
            return self._results[key]  # of a decision that is made again: its intent has the row
        self.frames.append(request)
        if not self.plays:
            raise ApplicationError(f"no play for {request}", non_retryable=True)
        result = self._results[key] = await self.plays.pop(0)(self, request)
        return result

    @implements(stubs.ask_station)
    async def ask_station(self, request: AskStationInput) -> AskStationResult:
        """The scripted reply."""
        self.asked.append(request)
        if self.on_ask is not None:
            await self.on_ask()
        return self.reply

    async def ask(self, request: AskStationInput) -> AskStationResult:
        """As `station_gateway.commands.questions.Questions.ask`."""
        return await self.ask_station(request)

    async def intend(self, request: SendFrameInput) -> Send:
        """Commits the intent and the command's SENT."""
        now = await self.bench.now()
        kept = kept_of(request)

        async def write(tx: Tx) -> Send:
            holder = await connections.holder(tx, request.station, now=now)
            send = await sends.intend(
                tx,
                command=request.command,
                tenant=request.tenant,
                workflow_id=request.workflow_id,
                station=request.station,
                kind=request.kind.value,
                attempt=request.attempt,
                message_id=f"{request.command}-{request.attempt}",
                epoch=holder.epoch if holder else 0,
                undo=request.undo,
                evse_id=kept.evse_id,
                connector_id=kept.connector_id,
                token_digest=kept.token_digest,
                group_digest=kept.group_digest,
                named_id=kept.named_id,
                now=now,
                line=request.line or LineUse.NOT_OFFERED.value,
            )
            if not request.undo:
                await _record(tx, request, f"sent:{request.attempt}", now, _sent_at(now))
            return send

        send = await self.bench.db.batch(write)
        self.sent.append(send)
        return send

    async def answer(
        self, request: SendFrameInput, send: Send, answer: StationAnswer, *, late: bool = False
    ) -> SendFrameResult:
        """Commits the answer, as a gateway does in time or late."""
        now = await self.bench.now()
        if self.forgets:
            return SendFrameResult(
                SendStatus.ANSWERED, answer=answer, send_time=send.send_time, answer_time=now
            )

        async def write(tx: Tx) -> tuple[int, bool]:
            await sends.answered(tx, send.id, answer=answer_to_row(answer), now=now)
            left, about = send.send_time, send.named_id
            alone = await decides(tx, request.kind, request.station, answer, left, named_id=about)
            if late:
                event = StationEvent(request.station, "answer", remote_start_id=send.number)
                await wake_concerned(tx, event, now)
            if request.undo:
                return 0, alone
            if late:
                return 0, alone  # as a real gateway: the workflow reads it from the send
            key = f"answered:{request.attempt}"
            revision = await _record(
                tx,
                request,
                key,
                now,
                lambda c: changes.frame_ended(c, request.kind, answer, now, decides=alone),
            )
            return revision, alone

        revision, alone = await self.bench.db.batch(write)
        if late:
            self.bench.dispatcher.kick()
        return SendFrameResult(
            SendStatus.ANSWERED,
            answer=answer,
            send_time=send.send_time,
            answer_time=now,
            revision=revision,
            decides=alone,
        )

    async def lose(self, request: SendFrameInput, send: Send, cause: str) -> SendFrameResult:
        """Commits that no answer came."""
        now = await self.bench.now()

        async def write(tx: Tx) -> int:
            await sends.lost(tx, send.id, cause=cause, now=now)
            if request.undo:
                return 0
            return await _record(
                tx,
                request,
                f"lost:{request.attempt}",
                now,
                lambda c: changes.frame_ended(c, request.kind, None, now, cause=cause),
            )

        revision = await self.bench.db.batch(write)
        return SendFrameResult(
            SendStatus.NO_ANSWER, cause, send_time=send.send_time, revision=revision
        )


def _sent_at(now: datetime) -> Callable[[Command], Command]:
    return lambda command: changes.sent(command, now)


async def _record(
    tx: Tx,
    request: SendFrameInput,
    key: str,
    now: datetime,
    change: Callable[[Command], Command],
) -> int:
    command = await record(
        tx,
        tenant=request.tenant,
        name=request.command,
        key=key,
        change=change,
        now=now,
        initial=request.initial,
    )
    return command.revision


# Plays: what happens to one frame.


def answers(answer: StationAnswer, *, before: Happening | None = None) -> Play:
    """The frame is sent and answered. before: something that happens before the answer."""

    async def play(gateway: ScriptedGateway, request: SendFrameInput) -> SendFrameResult:
        send = await gateway.intend(request)
        if before is not None:
            await before()
        return await gateway.answer(request, send, answer)

    return play


def loses(cause: str = "CONNECTION_LOST_AFTER_SEND") -> Play:
    """The frame is sent and no answer comes."""

    async def play(gateway: ScriptedGateway, request: SendFrameInput) -> SendFrameResult:
        return await gateway.lose(request, await gateway.intend(request), cause)

    return play


def not_sent(cause: str, *, retry: bool = False, after_intent: bool = False) -> Play:
    """The gateway is certain that nothing was written. after_intent: its note of it stays."""

    async def play(gateway: ScriptedGateway, request: SendFrameInput) -> SendFrameResult:
        if after_intent:
            await gateway.intend(request)
        return SendFrameResult(SendStatus.NOT_SENT, cause, retry=retry)

    return play


def dies(*, after_intent: bool) -> Play:
    """The gateway's process ends before it wrote its intent, or after."""

    async def play(gateway: ScriptedGateway, request: SendFrameInput) -> SendFrameResult:
        if after_intent:
            await gateway.intend(request)
        raise ApplicationError("the gateway was killed", non_retryable=True)

    return play


@dataclass
class Held:
    """A play that waits in line, or for the station's answer, until the test goes on."""

    intend_first: bool
    answer: StationAnswer
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, gateway: ScriptedGateway, request: SendFrameInput) -> SendFrameResult:
        send = await gateway.intend(request) if self.intend_first else None
        self.reached.set()
        while not self.go_on.is_set():
            if activity.in_activity():  # and not a run of its own, which the direct line began
                activity.heartbeat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.go_on.wait(), 0.5)
        if send is None:
            try:
                send = await gateway.intend(request)
            except AlreadySettled:
                return SendFrameResult(SendStatus.NOT_SENT, "GATEWAY_UNREACHABLE", retry=True)
        return await gateway.answer(request, send, self.answer)
