"""What a run of a command's workflow knows, how it waits, and how it hands over to the next run.

A command may be on guard for a day, and its station may report all the time. Temporal takes 10,000
signals and 50,000 events of one run, and each look at a long history costs more than the last. So a
run with a long history ends when nothing is in flight, and the next one goes on (Temporal's
continue-as-new). The story is told by `command_workflow.py`.
"""

from dataclasses import fields
from datetime import datetime, timedelta

from temporalio import workflow

from contract import names
from contract.commands import (
    SENDS_DIRECTLY,
    UNDOES_ON_GUARD,
    ChangeKind,
    CommandInput,
    CommandSoFar,
    SendFrameInput,
    SendFrameResult,
    SendStatus,
    UnsentAttempt,
)
from domain.commands import wording
from domain.commands.standing import standing_of
from domain.model.command import Command, CompensationState, Outcome, State, WaitFor
from domain.model.outcomes import Cause, ending
from domain.model.states import is_definite
from workflows.alarms import Alarms
from workflows.calls import commands as calls
from workflows.calls import filters
from workflows.limits import HISTORY_LIMIT

Sending = workflow.ActivityHandle[SendFrameResult]
_PATCH = "command-continues-as-new"
"""A run of an older version that is longer than the limit already stays one run."""

_TRY_EVERY, _TRY_FOR = 100, 20
"""In events. The server refuses a hand-over when a signal comes within its task, and drops updates
with it. A workflow that is flooded must not do nothing but try."""


def takes_over() -> bool:
    """Whether the next run should take over now. Nothing is in flight."""
    info = workflow.info()
    beyond = info.get_current_history_length() - HISTORY_LIMIT
    long = beyond > 0 or info.is_continue_as_new_suggested()
    return long and beyond % _TRY_EVERY < _TRY_FOR and workflow.patched(_PATCH)


class CommandRun:
    """One run. The next run knows what stands in `CommandSoFar`, and nothing else."""

    def __init__(self, given: CommandInput) -> None:
        so_far = given.so_far or CommandSoFar()  # which says what each of these is
        self._command = given.command  # as the log has it, as far as this run has seen
        self._timing = given.timing
        self._outcome = so_far.outcome
        self._on_wire = so_far.on_wire
        self._attempt = so_far.attempt
        self._asked = so_far.asked
        self._tried = so_far.tried
        self._look_again = so_far.look_again
        self._woken = so_far.woken
        self._cancel = so_far.cancel
        self._cancel_noted = so_far.cancel_noted
        self._cancel_done = so_far.cancel_done
        self._guard_until = so_far.guard_until
        self._late_news = so_far.late_news
        self._line = so_far.line
        self._edition = given.edition
        self._is_continued = given.so_far is not None
        self._out: Sending | None = None  # a frame that facts decided about before its answer
        self._leaves = False  # this run hands over to the next one
        self._alarms = Alarms()

    # --- What is known and shown.

    async def _record(self, change: ChangeKind, *, cause: str = "", detail: str = "") -> None:
        """Records what only this workflow knows, and takes over the command as it is then."""
        recorded = await calls.record(self._command, change, cause=cause, detail=detail)
        self._note(recorded.command)
        self._cancel_noted = self._cancel_noted or recorded.command.cancel_reason is not None

    @workflow.query(
        name=names.STORY_QUERY,
        description="What this workflow knows of its command. ExplainCommand tells every step.",
    )
    def story(self) -> str:
        """What this run knows of its command, in Markdown, from its own state alone."""
        return wording.story(self._command, self._attempt, self._guard_until, self._line)

    def _note(self, command: Command) -> None:
        """Remembers the command as it stands, and shows it in the web UI.

        The server gives the next run no summary: there the details begin with it.
        """
        self._command = command
        if command.state is State.DONE or is_definite(command.outcome):
            self._outcome = command.outcome
        summary = f"{wording.title(command)}\n\n" if self._is_continued else ""
        workflow.set_current_details(summary + wording.details(command, self._line))

    def _tried_by(self, request: SendFrameInput, result: SendFrameResult) -> SendFrameResult:
        """The result of a frame; remembers an attempt that sent nothing."""
        if result.status is SendStatus.NOT_SENT:
            now, attempt = workflow.now(), request.attempt
            self._tried = UnsentAttempt(attempt, result.cause, now, result.why, request.line)
        return result

    def _certain(self) -> Outcome:
        """The outcome; UNKNOWN while there is none."""
        return self._outcome or ending(Cause.ANSWER_TIMEOUT)

    def _report(
        self, *, waits: bool = False, ended: bool = False, guard_is_over: bool = False
    ) -> None:
        """What operators filter by. Older editions wrote the outcome of every command, only once
        that was `ended` or changed."""
        if self._edition >= SENDS_DIRECTLY:
            standing = standing_of(self._command, waits=waits, guard_is_over=guard_is_over)
            filters.show(self._command, standing)
        elif ended:
            workflow.upsert_search_attributes(
                [filters.OUTCOME.value_set(self._certain().code.value)]
            )

    def _reached(self, wait_for: WaitFor) -> bool:
        match wait_for:
            case WaitFor.SUBMITTED:
                return self._command.revision > 0
            case WaitFor.STATION_ANSWER:
                return self._on_wire or self._outcome is not None
            case WaitFor.OUTCOME:
                return self._outcome is not None

    # --- Waiting.

    def _first_look_on_guard(self) -> datetime | None:
        """When the guard looks at the facts without a wake-up; None: only when its time is over.

        Nobody wakes us for a frame that undoes something and was not sent yet.
        """
        undoes = self._command.compensation.state is CompensationState.PENDING
        return workflow.now() if undoes and self._edition >= UNDOES_ON_GUARD else None

    def _may_prevent(self, request: SendFrameInput) -> bool:
        """Whether a cancel arrived that may still keep this frame from being written."""
        return not request.undo and self._cancel is not None and not self._cancel_noted

    def _is_over(self) -> bool:
        """Whether nobody is to be answered, and no frame is out whose answer is late."""
        return workflow.all_handlers_finished() and (self._out is None or self._out.done())

    def _cancel_pending(self) -> bool:
        return self._cancel is not None and not self._cancel_done

    async def _woken_or(self, until: datetime | None) -> None:
        """Waits for a wake-up, a cancel that is not heeded yet, or `until` (None: no deadline)."""
        self._alarms.set(until)
        await workflow.wait_condition(
            lambda: self._woken or self._cancel_pending() or self._alarms.is_due(until)
        )
        # Here, and not before the wait: the next run looks at what has come. The server refuses a
        # hand-over when a signal comes within its task, and this task has only just begun.
        if not self._cancel_pending() and takes_over():
            await self._hand_over()
        self._woken = False

    async def _hand_over(self) -> None:
        """Goes on in a new run, unless a cancel comes first. No frame is out now."""
        self._leaves = True
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() or self._cancel_pending()
        )
        self._leaves = False
        if not self._cancel_pending():
            known = {each.name: getattr(self, f"_{each.name}") for each in fields(CommandSoFar)}
            so_far = CommandSoFar(**known)
            given = CommandInput(self._command, self._timing, so_far, self._edition)
            workflow.continue_as_new(given)

    def _now(self) -> datetime:
        """The workflow's time, never before an alarm that has rung."""
        return self._alarms.no_earlier(workflow.now())


async def ends_within(sending: Sending, limit: timedelta) -> bool:
    """Whether the result of a frame comes within this time."""
    try:
        await workflow.wait_condition(sending.done, timeout=limit)
    except TimeoutError:
        return False
    return True
