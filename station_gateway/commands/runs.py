"""The frames that are on their way: one run for each attempt, however many ask for its result.

A frame is asked for on two ways: over the direct line, and by an activity on the gateway's task
queue. Both may ask for the same attempt, also at the same time, and each may go away. The run goes
on, and is found by its key: tenant, command, attempt. What is asked for after the run has ended is
answered by the row of its intent.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from contract.commands import SendFrameInput, SendFrameResult
from fleet.engine.unavailable import DatabaseUnavailable
from telemetry import metrics

log = structlog.get_logger(__name__)

Run = asyncio.Task[SendFrameResult]
_Key = tuple[str, str, int]

GO_ON_S = 1.0
"""Commands go on this long after a frame: their other steps, and the next command, come soon."""


class Runs:
    """The frames of this process on their way.

    send: carries one attempt to its result. then: is told each result once.
    """

    def __init__(
        self,
        send: Callable[[SendFrameInput], Awaitable[SendFrameResult]],
        then: Callable[[SendFrameInput, SendFrameResult], None],
    ) -> None:
        self._send = send
        self._then = then
        self._runs: dict[_Key, Run] = {}
        self._outlasting: Counter[str] = Counter()
        self._begun_s = -GO_ON_S

    def go_on(self) -> bool:
        """Whether a frame is on its way, or began its way within the last second."""
        return bool(self._runs) or time.monotonic() - self._begun_s < GO_ON_S

    async def offer(self, request: SendFrameInput, wait_s: float) -> SendFrameResult | None:
        """The result, when it comes within `wait_s`; None: the run goes on by itself.

        Behind a frame that its station has not answered in such a time nobody waits at all: a
        silent station must not hold up whoever asks.
        """
        run = self.of(request)
        silent = self._outlasting[request.station] > 0
        await asyncio.wait({run}, timeout=0 if silent else wait_s)
        if run.done():
            return run.result()
        self._count_outlasting(run, request.station)
        return None

    def of(self, request: SendFrameInput) -> Run:
        """The run of this attempt, begun now when there is none."""
        key = (request.tenant, request.command, request.attempt)
        run = self._runs.get(key)
        if run is None:
            self._begun_s = time.monotonic()
            run = self._runs[key] = asyncio.get_running_loop().create_task(self._run(key, request))
            # Its result may be looked at by nobody; a failure is logged where it happens.
            run.add_done_callback(lambda done: done.cancelled() or done.exception())
        return run

    async def _run(self, key: _Key, request: SendFrameInput) -> SendFrameResult:
        try:
            result = await self._send(request)
        except DatabaseUnavailable:
            raise  # who asks hears of it, and the attempt is settled
        except Exception:
            metrics.TASK_FAILURES.labels(task="frame").inc()
            log.exception("task_frame_failed", command=request.command, attempt=request.attempt)
            raise
        finally:
            del self._runs[key]
        self._then(request, result)
        return result

    def _count_outlasting(self, run: Run, station: str) -> None:
        self._outlasting[station] += 1

        def over(_: Run) -> None:
            self._outlasting[station] -= 1
            if not self._outlasting[station]:
                del self._outlasting[station]

        run.add_done_callback(over)
