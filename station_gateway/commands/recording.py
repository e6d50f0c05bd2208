"""What a gateway records of a command's frames, inside the transaction of the fact itself."""

from collections.abc import Callable
from datetime import datetime

import structlog

from contract.commands import SendFrameInput
from domain.commands import transitions as changes
from domain.commands.table import COMMANDS
from domain.model.command import Command
from domain.model.outcomes import Cause
from fleet import sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.sends import AlreadySettled, Send
from journal.commands.record import record
from journal.explain import notes
from journal.explain.writing import add_note

log = structlog.get_logger(__name__)


def ids_of(request: SendFrameInput, send: Send) -> dict[str, str | int]:
    """The fields that tie a line of the log to the command and its frame."""
    return {
        "command": request.command,
        "station": request.station,
        "attempt": request.attempt,
        "message_id": send.message_id,
    }


async def say_waiting(
    db: Database, request: SendFrameInput, utc_now: Callable[[], datetime], ahead: int
) -> None:
    """Say in the log of the command that so many are in front of it at its station."""
    if request.undo:
        return
    others = "1 command" if ahead == 1 else f"{ahead} commands"
    progress = f"Waiting in line behind {others} for {request.station}."

    def wait(command: Command) -> Command:
        return changes.waiting(command, progress)

    try:
        await db.batch(lambda tx: note(tx, request, "waiting", wait, utc_now()))
    except (DatabaseUnavailable, LookupError):
        log.warning("progress_not_recorded", command=request.command)


async def note(
    tx: Tx,
    request: SendFrameInput,
    what: str,
    change: Callable[[Command], Command],
    now: datetime,
) -> Command | None:
    """Record what became of this attempt. Returns the command; None: an undo changes none."""
    if request.undo:
        return None
    return await record(
        tx,
        tenant=request.tenant,
        name=request.command,
        key=f"{what}:{request.attempt}",
        change=change,
        now=now,
        initial=request.initial,
        is_new=request.initial is not None and what == "sent",
    )


async def note_sent(
    tx: Tx, request: SendFrameInput, now: datetime, *, gateway: str, ocpp_version: str
) -> Command | None:
    """Record that the frame may be on the wire, and the way that a new command took.

    Raises:
        AlreadySettled: as `never_twice`, for a first attempt that strayed on a direct line: only
            the command tells that another attempt was sent before.
    """
    noted = await note(tx, request, "sent", lambda command: changes.sent(command, now), now)
    if noted is not None and request.attempt == 1 and noted.send_time != now:
        await _refuse_repeat(tx, request)
    if request.initial is not None:
        way = notes.route(request.station, gateway, ocpp_version, None, request.line)
        is_first = noted is not None and noted.revision == 1
        await add_note(tx, request.tenant, request.command, way, now, is_first=is_first)
    return noted


def revision_of(noted: Command | None) -> int:
    """The command's revision; 0 for an undo."""
    return noted.revision if noted else 0


def unheard(request: SendFrameInput, cause: Cause, now: datetime) -> Callable[[Command], Command]:
    """What a lost answer means for the command."""
    return lambda command: changes.frame_ended(command, request.kind, None, now, cause=cause.value)


async def never_twice(tx: Tx, request: SendFrameInput) -> None:
    """Refuse a second frame of a command whose kind must not be repeated, whatever the attempt.

    The first attempt is nearly always the first frame: `note_sent` looks whether it is.

    Raises:
        AlreadySettled: such a frame of this command was perhaps written before.
    """
    if request.attempt > 1:
        await _refuse_repeat(tx, request)


async def _refuse_repeat(tx: Tx, request: SendFrameInput) -> None:
    if COMMANDS[request.kind].repeatable:
        return
    for send in await sends.by_command(tx, request.tenant, request.command):
        if repeats(request, send):
            raise AlreadySettled(send)


def repeats(request: SendFrameInput, send: Send) -> bool:
    """Whether this would be the same frame of the same command once more."""
    return send.kind == request.kind.value and send.attempt != request.attempt
