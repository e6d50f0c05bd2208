"""Unlocks and resets are sent once, and their outcomes are true for its locks and restarts."""

from collections.abc import Iterator

from domain.model.command import Code
from domain.model.specs import Kind
from tests.simulation.rules.reading import (
    OF_SERVICE,
    ROUGHLY,
    arrived,
    ended_as,
    frames_of,
    message_ids,
)
from tests.simulation.world.callers import Told
from tests.simulation.world.world import Ran

DID_NOT = (Code.REJECTED, Code.NOT_SUPPORTED, Code.NOT_SENT, Code.NO_EFFECT)


def written_once(ran: Ran, told: Told) -> Iterator[str]:
    """An unlock or a reset reaches the station at most once."""
    kind = told.command.kind
    if kind in OF_SERVICE:
        got = frames_of(ran, told, kind)
        if len(got) > 1:
            yield f"once: the station got {len(got)} frames of {kind.value}"


def unlocked(ran: Ran, told: Told) -> Iterator[str]:
    """SUCCEEDED: our frame unlocked it. REJECTED, NOT_SENT, NO_EFFECT: it did not."""
    command = told.last
    if command.unlock is None or command.outcome is None:
        return
    ours = message_ids(told)
    really = [unlock for unlock in ran.truth.unlocks if unlock.cause in ours]
    code = command.outcome.code
    if code is Code.SUCCEEDED and not any(one.evse == command.unlock.on_evse for one in really):
        yield "true: SUCCEEDED, and the connector was never unlocked"
    if code in DID_NOT and really:
        yield f"true: {code.value} ({command.outcome.cause}), and the connector was unlocked"
    if code is Code.CANCELLED and frames_of(ran, told, Kind.UNLOCK_CONNECTOR):
        yield "true: CANCELLED, and the station got its frame"


def stops_only_there(ran: Ran, told: Told) -> Iterator[str]:
    """stop_first never stops a session at another EVSE, and nothing is stopped without it."""
    unlock = told.command.unlock
    if unlock is None:
        return
    ours = message_ids(told)
    for session in ran.truth.sessions:
        if session.end_cause not in ours:
            continue
        if session.evse != unlock.on_evse:
            yield f"it stopped session {session.number} at EVSE {session.evse}"
        if not unlock.stop_first:
            yield f"it stopped session {session.number}, which nobody asked for"


def restarted(ran: Ran, told: Told) -> Iterator[str]:
    """SUCCEEDED: it restarted after our frame left. The definite rest: our frame did not do it."""
    command = told.last
    if command.reset is None or command.outcome is None:
        return
    ours, code = message_ids(told), command.outcome.code
    got = arrived(ran, told)
    if code is Code.SUCCEEDED:
        sent = [send.send_time for send in told.sends if send.state != "VOID"]
        after = [
            one
            for one in ran.truth.restarts
            if sent and one.at >= sent[0] - ROUGHLY and one.evse in (None, command.reset.evse_id)
        ]
        if not after:
            yield "true: SUCCEEDED, and the station never restarted after its frame left"
    elif code in DID_NOT and any(one.cause in ours for one in ran.truth.restarts):
        yield f"true: {code.value} ({command.outcome.cause}), and its frame restarted the station"
    elif code is Code.CANCELLED and got:
        yield "true: CANCELLED, and the station got its frame"


def said_so_itself(ran: Ran, told: Told) -> Iterator[str]:
    """NOT_SENT, and no frame came; REJECTED or NOT_SUPPORTED, and the station said no."""
    command = told.last
    if command.kind not in OF_SERVICE:
        return
    got = frames_of(ran, told, command.kind)
    if ended_as(command, Code.NOT_SENT) and got:
        yield "true: NOT_SENT, and the station got its frame"
    refused = ended_as(command, Code.REJECTED, Code.NOT_SUPPORTED)
    yes = {"", "nonsense", "Accepted", "Scheduled", "Unlocked"}
    if refused and got and got[0].said in yes:
        yield f"true: it was refused, and the station said {got[0].said!r}"


def calm_service(ran: Ran, told: Told) -> Iterator[str]:
    """Where nothing fails, nothing about locks and restarts is UNKNOWN."""
    service = told.command.kind in OF_SERVICE
    calm = ran.calm and not ran.truth.restarts and not _evse_waits_for_its_session(ran, told)
    calm = calm and not _session_began_meanwhile(ran, told)
    if calm and service and ended_as(told.last, Code.UNKNOWN):
        cause = told.last.outcome.cause if told.last.outcome else ""
        yield f"nothing failed, and it is UNKNOWN ({cause})"


def _evse_waits_for_its_session(ran: Ran, told: Told) -> bool:
    """Whether an EVSE was to restart after its session, and that session outlived the command.

    An EVSE restarts without a boot, so nothing that comes proves that it has not.
    """
    reset, until = told.command.reset, told.last.outcome_time
    if reset is None or reset.evse_id is None or until is None:
        return False
    put_off = [frame.at for frame in arrived(ran, told) if frame.said == "Scheduled"]
    return any(
        session.evse == reset.evse_id
        and session.begun <= at
        and (session.ended is None or session.ended + ROUGHLY >= until)
        for session in ran.truth.sessions
        for at in put_off
    )


def _session_began_meanwhile(ran: Ran, told: Told) -> bool:
    """Whether somebody began a session at the EVSE while an unlock ended another one there first.

    The plug is used again before it was free, so what it shows says nothing of the unlock.
    """
    unlock, until = told.command.unlock, told.last.outcome_time
    if unlock is None or not unlock.stop_first or until is None:
        return False
    return any(
        session.evse == unlock.evse_id and told.command.create_time <= session.begun <= until
        for session in ran.truth.sessions
    )


RULES = (written_once, unlocked, stops_only_there, restarted, said_so_itself, calm_service)
