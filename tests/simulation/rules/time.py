"""Commands end, are sent once, end in time, and never change a definite outcome."""

from collections.abc import Iterator
from datetime import timedelta

from domain.model.command import State
from domain.model.specs import Kind
from domain.model.states import is_definite
from tests.simulation.rules.reading import last_deadline, row_of_ocpp_transaction_id
from tests.simulation.servers.temporal_server import TASK_TIMEOUT_S, Execution
from tests.simulation.world.callers import Told
from tests.simulation.world.world import Ran

GRACE_S = 5.0
"""How long after its last deadline a command may end when nothing is disturbed."""

RESTLESS = 100
"""How often a workflow may look at the facts of a short story before it counts as polling."""

_ORDER = [State.QUEUED, State.SENT, State.AWAITING_EFFECT, State.COMPENSATING, State.DONE]


def _ends(_ran: Ran, told: Told) -> Iterator[str]:
    failed = [run.failure for run in told.runs if run.failure is not None]
    if failed:
        yield f"ends: its workflow failed: {failed}"
    elif not all(run.closed for run in told.runs) or told.last.state is not State.DONE:
        yield f"ends: it never ended: {told.last.state.value}"


def _sent_once(ran: Ran, told: Told) -> Iterator[str]:
    if told.command.kind is not Kind.START_SESSION:
        return
    arrived = [
        frame
        for send in told.sends
        if not send.undo
        for frame in ran.truth.frames
        if frame.message_id == send.message_id
    ]
    if len(arrived) > 1:
        yield f"once: the station got {len(arrived)} start frames"


def _stops_again_only_what_runs(ran: Ran, told: Told) -> Iterator[str]:
    seen: set[str | None] = {None}
    stops = (one for one in told.sends if one.kind == Kind.STOP_SESSION.value)
    for send in (one for one in stops if one.state != "VOID"):
        ended = (
            row_of_ocpp_transaction_id(ran, send.named_id or "") if send.named_id in seen else None
        )
        told_at = ended.stop_received_time if ended else None
        if told_at is not None and told_at + timedelta(seconds=15) < send.send_time:
            yield f"once: stop {send.attempt} was written long after the end was told"
        seen.add(send.named_id)


def _ends_in_time(ran: Ran, told: Told) -> Iterator[str]:
    done = next((one for one in told.history if one.state is State.DONE), None)
    reached = done.outcome_time if done else None
    if reached is None:
        return
    lost_s = ran.disturbed_s + sum(run.deaths for run in told.runs) * TASK_TIMEOUT_S
    limit = last_deadline(ran, told) + timedelta(seconds=GRACE_S + lost_s)
    if reached > limit:
        yield f"in time: it ended at {reached:%H:%M:%S}, later than {limit:%H:%M:%S}"


def _never_goes_back(_ran: Ran, told: Told) -> Iterator[str]:
    for before, after in zip(told.history, told.history[1:], strict=False):
        if is_definite(before.outcome) and before.outcome != after.outcome:
            yield f"final: {before.outcome} became {after.outcome}"
        if _ORDER.index(after.state) < _ORDER.index(before.state):
            yield f"final: {before.state.value} became {after.state.value}"
        if after.revision != before.revision + 1:
            yield f"final: revision {after.revision} follows {before.revision}"


def is_quiet(run: Execution, lasted_s: float) -> Iterator[str]:
    """A workflow waits for something: it never looks again and again at the same facts."""
    if run.looks > RESTLESS + lasted_s / 2:
        yield f"it looked {run.looks} times at the facts within {lasted_s:.0f} s"


def _is_quiet(ran: Ran, told: Told) -> Iterator[str]:
    for run in told.runs:
        yield from is_quiet(run, ran.ended_s)


RULES = (_is_quiet, _ends, _sent_once, _stops_again_only_what_runs, _ends_in_time, _never_goes_back)
