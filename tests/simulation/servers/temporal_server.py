"""Temporal's server as far as a command workflow can tell, in virtual time, with its faults.

What is kept faithful, because lies have lived there:
- A workflow task is taken with all that is new; what comes meanwhile waits for the next one. Local
  activities run inside of it, each resolution at once; nothing of a task counts before it is
  completed. A worker that dies inside a task loses all of it: the workflow is rebuilt from history
  and its local activities run again, at another time, though their writes are committed.
- A task that closes the workflow is refused when something new is there.
- Activities of a gateway's queue time out before they start, by heartbeat, or at their end; the
  activity itself may go on and does not learn of it.
- Timers ring a little late. Signals may be refused, lost, late and doubled.
"""

import asyncio
from typing import Any

from temporalio.bridge.proto.workflow_activation import (
    DoUpdate,
    FireTimer,
    SignalWorkflow,
)
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.service import RPCError, RPCStatusCode

from contract import names
from domain.model.specs import Kind
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.processes import outside
from tests.simulation.servers.remote_activities import Job, Poller, RemoteActivity, resolved
from tests.simulation.servers.workflow_runs import (
    CONVERTER,
    Step,
    TaskFailed,
    WorkflowRun,
    first_job,
    replayed,
    to_payload,
)

TASK_HEARTBEAT_S = 8.0
TASK_TIMEOUT_S = 10.0
ATTEMPT_LIMIT_S = 10.0
_COMMANDS = {names.COMMAND_WORKFLOW, *map(names.command_workflow, Kind)}


class TemporalServer:
    """Every workflow, queue and activity of a world."""

    def __init__(self, loop: VirtualLoop, chance: Chance, worker: Poller, *, calm: bool) -> None:
        self.loop = loop
        self.chance = chance
        self.worker = worker
        self.calm = calm
        self.queues: dict[str, Poller] = {}
        self.executions: dict[str, Execution] = {}
        self.runs: list[Execution] = []
        self.task_dies = 0.0 if calm else 0.03
        self.signal_lost = 0.0 if calm else 0.01
        self.signal_refused = 0.0 if calm else 0.05

    def start(
        self, workflow_id: str, order: object, workflow: str = names.COMMAND_WORKFLOW
    ) -> "Execution":
        """Start a workflow, or find the run that there is; no caller runs a command again."""
        found = self.executions.get(workflow_id)
        if found is None or (found.closed and workflow not in _COMMANDS):
            return self._begin(workflow_id, order, workflow)
        return found

    def _begin(self, workflow_id: str, order: object, workflow: str) -> "Execution":
        begun = Execution(self, workflow_id, order, workflow)
        self.executions[workflow_id] = begun
        self.runs.append(begun)
        return begun

    async def start_workflow(self, workflow: str, arg: object, **options: Any) -> None:
        """As `temporalio.client.Client`, with a signal: for an id that runs the signal only."""
        await asyncio.sleep(self.latency())
        if self.chance.happens(self.signal_refused):
            raise RPCError("unavailable", RPCStatusCode.UNAVAILABLE, b"")
        execution = self.executions.get(options["id"])
        if execution is None or execution.closed:
            execution = self._begin(options["id"], arg, workflow)
        for signalled in options["start_signal_args"]:
            execution.signal(options["start_signal"], signalled)
        if self.chance.happens(self.signal_refused):
            raise RPCError("took too long", RPCStatusCode.DEADLINE_EXCEEDED, b"")

    def get_workflow_handle(self, workflow_id: str) -> "Handle":
        """As `temporalio.client.Client`, for those who only signal."""
        return Handle(self, workflow_id)

    def latency(self) -> float:
        """How long a word from or to the server takes."""
        return 0.002 if self.calm else self.chance.latency(0.004)


class Handle:
    """A client's handle."""

    def __init__(self, server: TemporalServer, workflow_id: str) -> None:
        self._server = server
        self._id = workflow_id

    async def signal(self, name: str, arg: object, **options: Any) -> None:
        """As the client's; a signal may be lost though it was taken, or be taken twice."""
        del options
        server, chance = self._server, self._server.chance
        await asyncio.sleep(server.latency())
        if chance.happens(server.signal_refused):
            raise RPCError("unavailable", RPCStatusCode.UNAVAILABLE, b"")
        execution = server.executions.get(self._id)
        if execution is None or execution.closed:
            raise RPCError("not found", RPCStatusCode.NOT_FOUND, b"")
        if chance.happens(server.signal_lost):
            return
        execution.signal(name, arg)
        if chance.happens(server.signal_refused):
            raise RPCError("took too long", RPCStatusCode.DEADLINE_EXCEEDED, b"")


class Execution:
    """One workflow, from its start to its end."""

    def __init__(
        self, server: TemporalServer, workflow_id: str, order: object, workflow: str
    ) -> None:
        self.id = workflow_id
        self.workflow = workflow
        self.closed = False
        self.failure: str | None = None
        self.result: Any = None
        self.replays = 0
        self.deaths = 0
        self.looks = 0
        self._events = 1
        self._server = server
        self._loop = server.loop
        self._history: list[Step] = []
        self._run: WorkflowRun | None = None
        self._locals: dict[int, Any] = {}
        self._open_local: dict[int, Any] = {}
        self._steps: list[Step] = []
        self._unsaved: list[Job] = []
        self._new: list[Job] = [first_job(workflow_id, order, server.loop.utc_now(), workflow)]
        self._news = asyncio.Event()
        self._news.set()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._activities: dict[int, RemoteActivity] = {}
        self._updates: dict[str, asyncio.Future[bool]] = {}
        self._ended = server.loop.create_future()
        self._task = outside(server.loop, self._live())

    def give(self, *jobs: Job) -> None:
        """Something new in its history."""
        if not self.closed:
            self._new += jobs
            self._news.set()

    def signal(self, name: str, arg: object) -> None:
        """A signal is taken."""
        self._events += 1
        signal = SignalWorkflow(
            signal_name=name, input=[to_payload(arg)], originating_event_id=self._events
        )
        self.give(Job(signal_workflow=signal))

    async def update(self, name: str, arg: object, update_id: str) -> bool:
        """An update; False when the workflow ended without an answer to it."""
        known = self._updates.get(update_id)
        if known is None:
            if self.closed:
                return False
            known = self._updates[update_id] = self._loop.create_future()
            update = DoUpdate(
                id=update_id, protocol_instance_id=update_id, name=name, input=[to_payload(arg)]
            )
            update.meta.update_id = update_id
            update.run_validator = True
            self.give(Job(do_update=update))
        return await asyncio.shield(known)

    def worker_is_gone(self) -> None:
        """Its worker was killed: the next one replays. What it has in hand is cancelled."""
        if not self._open_local:
            self._evict()

    def forget(self) -> None:
        """The world ends: take the workflow out of the worker's cache."""
        self._task.cancel()
        self._evict()

    async def ended(self) -> None:
        """Return when it has closed."""
        await asyncio.shield(self._ended)

    # --- workflow tasks

    async def _live(self) -> None:
        try:
            while not self.closed:
                await self._news.wait()
                await asyncio.sleep(self._server.latency())
                while not self._server.worker.takes:
                    await asyncio.sleep(0.5)
                self._news.clear()
                jobs, self._new = self._new, []
                if not await self._task_done(jobs):
                    self._new = self._unsaved + self._new
                    self._news.set()
                    await asyncio.sleep(self._server.chance.between(0.3, TASK_TIMEOUT_S))
        except TaskFailed as failed:
            self.failure = str(failed)
            self._close()

    async def _task_done(self, jobs: list[Job]) -> bool:
        """One workflow task; False when nothing of it counts."""
        self._unsaved = jobs
        self._steps = []
        pending: dict[asyncio.Task[Job], int] = {}
        said: list[WorkflowCommand] = []
        if self._run is None and self._history:
            self.replays += 1
            self._run, _ = replayed(self.id, self._history, self.workflow)
        if self._run is None:
            self._run = WorkflowRun(self.id, self._loop.utc_now(), self.workflow)
        for seq, command in self._open_local.items():
            pending[self._begin_local(command)] = seq
        said += self._activate(jobs, pending)
        begun_s = self._loop.time()
        dies = self._server.chance.happens(self._server.task_dies)
        dies_after_s = self._server.chance.between(0.0, 0.03)
        while pending:
            limit = TASK_HEARTBEAT_S - (self._loop.time() - begun_s)
            if dies:
                limit = min(limit, dies_after_s)
            done, _ = await asyncio.wait(
                pending, timeout=max(limit, 0.0), return_when=asyncio.FIRST_COMPLETED
            )
            if dies and self._loop.time() - begun_s >= dies_after_s - 0.001:
                return self._died(pending)
            if not self._server.worker.process.alive or any(one.cancelled() for one in done):
                return self._died(pending)  # its process was killed
            for task in sorted(done, key=lambda one: pending[one]):
                seq = pending.pop(task)
                self._open_local.pop(seq, None)
                said += self._activate([task.result()], pending)
            if pending and self._loop.time() - begun_s >= TASK_HEARTBEAT_S - 0.001:
                said = self._persist(said)
                begun_s = self._loop.time()
                jobs, self._new = self._new, []
                self._unsaved = jobs
                if jobs:
                    said += self._activate(jobs, pending)
        if dies or (self._new and any(_closes(command) for command in said)):
            return self._died(pending)
        self._persist(said)
        return True

    def _died(self, pending: dict["asyncio.Task[Job]", int]) -> bool:
        """The worker is gone. What its local activities have begun may still be committed."""
        self.deaths += 1
        for task in pending:
            if self._server.chance.happens(0.5):
                task.cancel()
        self._evict()
        self._open_local = self._begun_locals()
        return False

    def _evict(self) -> None:
        if self._run is not None:
            self._run.evict(self._loop.utc_now())
            self._run = None

    def _begun_locals(self) -> dict[int, Any]:
        """The local activities that history knows as begun and not as done."""
        begun: dict[int, Any] = {}
        for step in self._history:
            begun.update({seq: self._locals[seq] for seq in _scheduled(step)})
            for job in step.jobs:
                if job.HasField("resolve_activity"):
                    begun.pop(job.resolve_activity.seq, None)
        return begun

    def _activate(
        self, jobs: list[Job], pending: dict["asyncio.Task[Job]", int]
    ) -> list[WorkflowCommand]:
        assert self._run is not None
        now = self._loop.utc_now()
        commands = self._run.activate(jobs, now)
        self._steps.append(
            Step(now, jobs, spoke=self._run.spoke[-1], patches=self._run.patches[-1])
        )
        others = []
        for command in commands:
            if command.HasField("schedule_local_activity"):
                wanted = command.schedule_local_activity
                self._locals[wanted.seq] = wanted
                self._open_local[wanted.seq] = wanted
                pending[self._begin_local(wanted)] = wanted.seq
            else:
                others.append(command)
        return others

    def _persist(self, said: list[WorkflowCommand]) -> list[WorkflowCommand]:
        """The task is completed so far: it is history, and what the workflow wants is done."""
        self._history += self._steps
        self._steps = []
        self._unsaved = []
        for command in said:
            self._do(command)
        return []

    def _begin_local(self, wanted: Any) -> "asyncio.Task[Job]":
        self.looks += 1
        return self._server.worker.process.spawn(self._local(wanted))

    async def _local(self, wanted: Any) -> Job:
        """A local activity, tried until it works."""
        run, takes = self._server.worker.activities[wanted.activity_type]
        argument = CONVERTER.from_payloads(list(wanted.arguments), [takes])[0]
        pause_s = 0.1
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_LIMIT_S):
                    result = await run(argument)
            except Exception:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 5.0)
            else:
                return resolved(wanted.seq, result, is_local=True)

    # --- commands

    def _do(self, command: WorkflowCommand) -> None:
        match command.WhichOneof("variant"):
            case "start_timer":
                timer = command.start_timer
                wait = timer.start_to_fire_timeout.ToTimedelta().total_seconds()
                late_s = 0.001 if self._server.calm else self._server.chance.latency(0.01)
                self._timers[timer.seq] = self._loop.call_later(
                    wait + late_s, self.give, Job(fire_timer=FireTimer(seq=timer.seq))
                )
            case "cancel_timer":
                self._timers.pop(command.cancel_timer.seq).cancel()
            case "schedule_activity":
                wanted = command.schedule_activity
                self._activities[wanted.seq] = RemoteActivity(self._server, self.give, wanted)
            case "request_cancel_activity":
                self._activities[command.request_cancel_activity.seq].cancel()
            case "update_response":
                self._respond(command.update_response)
            case "complete_workflow_execution":
                self._close()
            case "fail_workflow_execution":
                self.failure = str(command.fail_workflow_execution.failure)
                self._close()

    def _respond(self, response: Any) -> None:
        future = self._updates[response.protocol_instance_id]
        if not response.HasField("accepted") and not future.done():
            future.set_result(response.HasField("completed"))

    def _close(self) -> None:
        self.closed = True
        self._evict()
        for timer in self._timers.values():
            timer.cancel()
        for update in self._updates.values():
            if not update.done():
                update.set_result(False)
        if not self._ended.done():
            self._ended.set_result(None)


def _closes(command: WorkflowCommand) -> bool:
    return command.WhichOneof("variant") in {
        "complete_workflow_execution",
        "fail_workflow_execution",
    }


def _scheduled(step: Step) -> list[int]:
    return [
        int(word.split(":")[1])
        for word in step.spoke
        if word.startswith("schedule_local_activity:")
    ]
