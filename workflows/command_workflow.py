"""The story of one command: sent, watched until its effect is certain, and guarded.

The workflow orchestrates and the domain decides. Read `_story` first: its five steps are the
sections of this file.

    _send             until the frame may be on the wire, or never will be
    _await_effect     until the facts say what became of it
    _report           the outcome becomes what operators filter by
    _guard            as long as late evidence is acted on
    _answer_the_late  until nobody waits for an answer of this workflow

The workflow waits for three things only: the result of a frame, a wake-up, or a deadline. After a
wake-up and after a deadline it reads all facts again, so a lost wake-up costs time and nothing
else. The event log is what callers read. `_command` is this run's copy of it, for decisions. A long
history is handed over to a new run, which goes on with `CommandSoFar` in the same section.
"""

import asyncio
from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from contract import names
from contract.commands import (
    ACTS_AFTER_REFUSALS,
    LOOKS_WHILE_SENDING,
    SENDS_DIRECTLY,
    CancelInput,
    ChangeKind,
    CommandInput,
    CommandResult,
    PrepareCommandResult,
    SendFrameInput,
    SendFrameResult,
    SendStatus,
    SubmitInput,
    UpdateResult,
    WakeInput,
    WeighEvidenceResult,
)
from contract.questions import AskStationInput, AskStationResult
from domain.commands.judging import guard_end, is_guarded, is_watched
from domain.commands.sending import SendAct, may_try_again, next_route_look, pause_before
from domain.commands.table import rules_of
from domain.commands.transitions import concluded, frame_ended
from domain.evidence.facts import Act
from domain.evidence.sessions import SentFrame
from domain.limits import UNDO_ROUTE_PAUSE
from domain.model.command import State
from workflows.calls import commands as calls
from workflows.command_run import CommandRun, Sending, ends_within
from workflows.limits import ANSWER_IS_LATE
from workflows.requests import (
    again_request,
    ask_first_request,
    ask_request,
    own_request,
    stop_first_request,
    undo_request,
)


@workflow.defn(name=names.COMMAND_WORKFLOW)
class RemoteCommandWorkflow(CommandRun):
    """One remote command from its durable acceptance to the end of its guard."""

    @workflow.init
    def __init__(self, given: CommandInput) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: CommandInput) -> CommandResult:
        """Carries the command through; ends when nothing about it can change any more."""
        self._note(given.command)
        story = asyncio.create_task(self._story())
        try:
            await asyncio.shield(story)
        except asyncio.CancelledError:
            # An operator cancelled the workflow itself. What was sent cannot be left unwatched.
            self._cancel = self._cancel or CancelInput("cancelled in Temporal")
            await story
        return CommandResult(self._certain(), self._command.compensation)

    async def _story(self) -> None:
        await self._send()
        await self._await_effect()
        self._report(ended=self._guard_until is None)
        await self._guard()
        await self._answer_the_late()

    # --- What callers and stations send to a running command.

    @workflow.update(
        name=names.SUBMIT_UPDATE,
        description="Waits until the event log has what the caller waits for.",
    )
    async def submit(self, submit: SubmitInput) -> UpdateResult:
        """Waits until the log has what the caller wants to see.

        Raises: ApplicationError when this run ends before that; the log goes on to tell.
        """
        await workflow.wait_condition(lambda: self._reached(submit.wait_for) or self._leaves)
        if not self._reached(submit.wait_for):
            raise ApplicationError("the command goes on in its next run", type="CONTINUED")
        return UpdateResult(self._command.revision)

    @workflow.update(
        name=names.CANCEL_UPDATE,
        description="Takes the command back as far as that is still possible.",
    )
    async def cancel(self, cancel: CancelInput) -> UpdateResult:
        """Takes the command back as far as that is still possible. Idempotent."""
        if self._cancel is None:
            self._cancel = cancel
        await workflow.wait_condition(lambda: self._cancel_noted)
        return UpdateResult(self._command.revision)

    @workflow.signal(
        name=names.WAKE_SIGNAL,
        description="News of the station: the facts are read again. Does no harm.",
    )
    def wake(self, wake: WakeInput) -> None:
        """A fact was written that concerns this command."""
        del wake  # the fact is read from the fleet
        self._woken = True

    # --- Sending: until the frame may be on the wire, or never will be.

    async def _send(self) -> None:
        look = 0  # how often the station was looked for in vain
        while not self._on_wire and self._outcome is None:
            route = await self._find_route()
            self._line = route.line
            self._note(route.onto(self._command))
            # An end comes first: there is nothing left to cancel then. A frame that may have been
            # handed over comes before a cancel. The rest is what the domain chose.
            if route.outcome is not None:
                self._note(concluded(self._command, route.outcome, workflow.now()))
            elif route.offered:
                await self._send_through(route)
            elif self._cancel_pending():
                await self._heed_cancel()
            elif route.course is SendAct.ASK:
                await self._ask(ask_first_request(self._command, route))
            elif route.course is SendAct.WAIT or route.gateway is None:
                self._report(waits=True)
                then = next_route_look(look, workflow.now(), self._command.not_after)
                await self._woken_or(route.look_again or then)
                look += 1
            elif route.course is SendAct.STOP_FIRST:
                await self._stop_first(route, route.gateway)
            else:
                await self._send_through(route)

    async def _find_route(self, *, look_only: bool = False) -> PrepareCommandResult:
        direct = not look_only and self._edition >= SENDS_DIRECTLY
        return await calls.prepare(
            self._command,
            self._timing,
            self._now(),
            self._asked,
            look_only=look_only,
            tried=self._tried,
            attempt=self._attempt + 1 if direct else 0,
            hand_over=direct and not self._cancel_pending(),
        )

    async def _ready_gateway(self) -> str | None:
        """The gateway of a station that takes frames now; None when there is none."""
        route = await self._find_route(look_only=True)
        return route.gateway if route.course is SendAct.SEND else None

    async def _stop_first(self, route: PrepareCommandResult, gateway: str) -> None:
        """Stops the session that keeps the connector locked; the facts say when it has ended."""
        self._attempt += 1
        result = await self._transmit(
            gateway, stop_first_request(self._command, self._timing, self._attempt, route)
        )
        if result.status is SendStatus.NOT_SENT:
            await self._not_sent(result)
        elif result.revision == 0:
            await calls.record_heard(self._command, self._attempt, result, ChangeKind.STEP_HEARD)

    async def _send_through(self, route: PrepareCommandResult) -> None:
        """One attempt of the command's own frame."""
        self._report()
        self._attempt += 1
        request = own_request(self._command, self._timing, self._attempt, route)
        sent = route.sent
        if sent is None:
            sending = calls.start_sending(self._command, route.gateway or "", request)
            if await self._is_decided_while(sending):
                self._on_wire, self._out = True, sending
                return
            sent = await self._result_of(sending, request)
        result = self._tried_by(request, sent)
        if result.status is SendStatus.NOT_SENT:
            await self._not_sent(result)
        else:
            await self._hear(result)

    async def _not_sent(self, result: SendFrameResult) -> None:
        """Nothing was sent: waits before the next attempt, or gives up, or heeds a cancel."""
        if self._cancel_pending():
            await self._heed_cancel()
        elif may_try_again(self._attempt, result.retry, workflow.now(), self._command.not_after):
            await self._woken_or(workflow.now() + pause_before(self._attempt))
        else:
            await self._record(ChangeKind.NOT_SENT, cause=result.cause)

    async def _is_decided_while(self, sending: Sending) -> bool:
        """Whether facts decide before the answer comes: a lost one must not delay what is known."""
        if self._edition < LOOKS_WHILE_SENDING or not rules_of(self._command).awaits_effect:
            return False
        while self._outcome is None:
            await workflow.wait_condition(
                lambda: sending.done() or self._woken or self._cancel_pending()
            )
            if not self._woken or await ends_within(sending, ANSWER_IS_LATE):
                return False
            if self._cancel_pending():
                return False
            self._woken = False
            weighed = await calls.weigh(self._command, self._timing, self._now(), self._asked)
            if weighed.act is Act.CONCLUDE:
                self._note(weighed.onto(self._command))
        return True

    async def _transmit(self, gateway: str, request: SendFrameInput) -> SendFrameResult:
        """Hands one frame to a gateway and returns what became of it."""
        return await self._result_of(calls.start_sending(self._command, gateway, request), request)

    async def _result_of(self, sending: Sending, request: SendFrameInput) -> SendFrameResult:
        """What became of a frame.

        Where the gateway cannot say, the fleet's database decides: an intent is there or it is not.
        """
        await workflow.wait_condition(lambda: sending.done() or self._may_prevent(request))
        if not sending.done():
            # A cancel came while the frame was at its gateway. Without an intent it is kept from
            # being sent; with one it may be on the wire, and its result is waited for.
            probed = await calls.settle(request, give_up=False)
            if probed.status is SendStatus.NOT_SENT:
                sending.cancel()
                return probed
            await self._note_cancel()
        try:
            result = await sending
        except ActivityError:  # the gateway is gone
            result = await calls.settle(request, give_up=True)
        return self._tried_by(request, result)

    async def _hear(self, result: SendFrameResult) -> None:
        """Applies the result of the command's own frame, and decides when to look at the facts."""
        self._on_wire = True
        command, answer, now = self._command, result.answer, workflow.now()
        sent_at = result.send_time or now
        frame = SentFrame(0, self._attempt, sent_at, result.answer_time)
        self._look_again = rules_of(command).first_look(
            frame, answer, self._timing, result.effect_timeout_s
        )
        if result.revision == 0:  # the gateway could not write it down
            recorded = await calls.record_heard(command, self._attempt, result)
            self._note(recorded.command)
            return
        at, cause = result.answer_time or now, result.cause
        command = frame_ended(
            command,
            command.kind,
            answer,
            at,
            cause=cause,
            send_time=sent_at,
            decides=result.decides,
        )
        self._note(replace(command, revision=result.revision))

    # --- The effect: until the facts decide.

    async def _await_effect(self) -> None:
        while self._command.state is not State.DONE:
            await self._heed_cancel()  # one that came while the frame was out
            await self._woken_or(self._look_again)
            await self._heed_cancel()  # one that ended the wait
            await self._weigh()

    async def _weigh(self) -> None:
        """Has all facts weighed, and does what the decision calls for."""
        command = self._command
        weighed = await calls.weigh(command, self._timing, self._now(), self._asked)
        self._look_again = weighed.look_again
        self._note(weighed.onto(command))
        match weighed.act:
            case Act.ASK:
                await self._ask(ask_request(self._command))
            case Act.SEND_AGAIN:
                await self._send_again(weighed.ocpp_transaction_id)
            case Act.UNDO:
                await self._undo(weighed)

    async def _ask(self, request: AskStationInput) -> None:
        """Asks the station what became of the command. Its reply is one more fact."""
        route = await self._find_route(look_only=True)
        reply = AskStationResult(asked=False)
        if route.gateway is not None:
            reply = await calls.ask(route.gateway, request)
        self._asked = reply.as_fact(workflow.now(), self._asked)
        self._look_again = workflow.now()

    async def _send_again(self, ocpp_transaction_id: str) -> None:
        """Sends the command's own frame once more: the domain says that this can do no harm."""
        gateway = await self._ready_gateway()
        self._look_again = workflow.now() + pause_before(self._attempt)
        if gateway is None:
            return
        self._attempt += 1
        request = again_request(self._command, self._timing, self._attempt, ocpp_transaction_id)
        result = await calls.close_if_unsent(request, await self._transmit(gateway, request))
        if result.status is not SendStatus.NOT_SENT:
            await self._hear(result)

    # --- Taking back, and undoing what nobody wants any longer.

    async def _heed_cancel(self) -> None:
        """Takes the command back, when its caller asked for that.

        What was sent is taken back only where its effect can be undone; else it is too late.
        """
        if not self._cancel_pending():
            return
        self._cancel_done = True
        if self._outcome is None and (
            not self._on_wire or rules_of(self._command).undo is not None
        ):
            await self._record(ChangeKind.CANCELLED, detail=self._reason())
            self._look_again = workflow.now()
        else:
            await self._note_cancel()

    async def _note_cancel(self) -> None:
        """Records once that the caller wants back what was sent already."""
        if not self._cancel_noted:
            await self._record(ChangeKind.CANCEL_ASKED, detail=self._reason())

    def _reason(self) -> str:
        return self._cancel.reason if self._cancel else ""

    async def _undo(self, weighed: WeighEvidenceResult) -> None:
        """Sends the frame that undoes what came of a command that was given up or cancelled."""
        gateway = await self._ready_gateway()
        until = workflow.now() + UNDO_ROUTE_PAUSE
        self._look_again = until = min(until, weighed.look_again or until)
        if gateway is None:
            return
        self._attempt += 1
        request = undo_request(self._command, self._timing, self._attempt, weighed, until)
        result = await calls.close_if_unsent(request, await self._transmit(gateway, request))
        if result.status is not SendStatus.NOT_SENT:
            self._look_again = workflow.now()

    async def _act_on_late_news(self) -> None:
        """Undoes what came of a command that was refused; ends when nothing is left to do."""
        self._look_again = workflow.now()
        while self._look_again is not None or self._woken:
            await self._woken_or(self._look_again)
            await self._heed_cancel()
            await self._weigh()
        self._report()

    async def _guard(self) -> None:
        """Acts on late evidence: it may raise UNKNOWN, or show an effect that has to be undone."""
        watched = is_watched(self._command) and self._edition >= ACTS_AFTER_REFUSALS
        if self._late_news or (watched and self._woken):
            await self._act_on_late_news()
        if not is_guarded(self._command):
            return
        if self._guard_until is None:
            self._guard_until = guard_end(self._command, self._timing, workflow.now())
            self._look_again = self._first_look_on_guard()
        end = self._guard_until
        while is_guarded(self._command) and workflow.now() < end:
            await self._woken_or(min(self._look_again or end, end))
            await self._heed_cancel()
            reported = self._certain()
            await self._weigh()
            self._report(ended=self._certain() != reported)
        await self._record(ChangeKind.GUARD_ENDED, detail="The time to act on it is over.")
        self._report(guard_is_over=True)

    async def _answer_the_late(self) -> None:
        """Answers the updates that came while the command ended: a workflow's end drops them."""
        while not self._is_over():
            if self._cancel is not None:
                await self._note_cancel()
            await workflow.wait_condition(
                lambda: self._is_over() or (self._cancel is not None and not self._cancel_noted)
            )
