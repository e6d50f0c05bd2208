"""The words that an operator reads in the Temporal web UI. Never a token, only its mask."""

import re

from domain.model.command import Command, CompensationState
from domain.model.specs import Kind, ReserveSpec, ResetSpec, StopSpec, UnlockSpec

SUMMARY_BYTES = 400
"""Temporal refuses a longer summary (limit.userMetadataSummarySize), and its workflow with it."""

_VERBS = {
    Kind.START_SESSION: "Start session",
    Kind.STOP_SESSION: "Stop session",
    Kind.UNLOCK_CONNECTOR: "Unlock connector",
    Kind.RESET: "Reset",
    Kind.RESERVE_NOW: "Reserve",
    Kind.CANCEL_RESERVATION: "Cancel reservation",
}


def brief(text: str) -> str:
    """As much of a line as fits into a summary: a station may choose its own long name."""
    return text.encode()[:SUMMARY_BYTES].decode(errors="ignore")


def title(command: Command) -> str:
    """One line: what is asked of which station, as "Start session at CP001, EVSE 1, ..."."""
    parts = [f"{_VERBS[command.kind]} at {command.station}"]
    if command.start is not None:
        if command.start.evse_id is not None:
            parts.append(f"EVSE {command.start.evse_id}")
        parts.append(f"token {command.start.id_token.masked}")
    if command.stop is not None:
        parts.extend(_stop_target(command.stop))
    if command.unlock is not None:
        parts.extend(_connector(command.unlock))
    if command.reset is not None:
        parts.extend(_restart(command.reset))
    if command.reserve is not None:
        parts.extend(_hold(command.reserve))
    if command.cancel_reservation is not None:
        parts.append(f"number {command.cancel_reservation.wire_id}")
    return ", ".join(parts)


def _connector(unlock: UnlockSpec) -> list[str]:
    first = ["its session is stopped first"] if unlock.stop_first else []
    return [f"EVSE {unlock.on_evse}", f"connector {unlock.on_connector}", *first]


def _restart(reset: ResetSpec) -> list[str]:
    place = "the whole station" if reset.evse_id is None else f"EVSE {reset.evse_id}"
    return [place, reset.mode.value]


def _hold(reserve: ReserveSpec) -> list[str]:
    place = f"EVSE {reserve.evse_id}" if reserve.evse_id is not None else "any EVSE"
    until = f"until {reserve.expire_time:%Y-%m-%d %H:%M} UTC"
    return [place, f"token {reserve.id_token.masked}", until, f"number {reserve.wire_id}"]


def _stop_target(stop: StopSpec) -> list[str]:
    parts = [f"EVSE {stop.evse_id}"] if stop.evse_id is not None else []
    if stop.id_token is not None:
        parts.append(f"token {stop.id_token.masked}")
    return [*parts, f"transaction {stop.wire_id}"]


def frame_title(command: Command, attempt: int, gateway: str, undo: bool) -> str:
    """One line for the activity that sends a frame."""
    unwanted = "Cancel the hold of: " if command.reserve else "Stop the unwanted session of: "
    what = unwanted if undo else ""
    return brief(f"{what}{title(command)} (frame {attempt}, by {gateway})")


def origin(command: Command) -> str:
    """What does not change about a command, in Markdown: who asked, until when, in which trace."""
    lines = [
        f"Asked by: {command.caller or 'a caller without credentials'}, tenant {command.tenant}",
        f"Sent until: {command.not_after:%Y-%m-%d %H:%M:%S} UTC",
        f"When the station is offline: {command.offline_policy.value}",
        f"Trace: `{command.trace_id}`" if command.trace_id else "",
    ]
    return "\n\n".join(line for line in lines if line)


def details(command: Command) -> str:
    """The current details of a command, in Markdown: state, why, and what it waits for."""
    lines = [f"**{plain(title(command))}**", f"State: **{command.state.value}**"]
    outcome, undoing = command.outcome, command.compensation
    if outcome is not None:
        why = f"{outcome.cause}: {plain(outcome.message)}"
        lines.append(f"Outcome: **{outcome.code.value}** / {why}")
    if command.progress:
        lines.append(f"Now: {plain(command.progress)}")
    if command.cancel_reason is not None:
        reason = plain(command.cancel_reason) or "no reason given"
        lines.append(f"Cancelled by its caller: {reason}")
    if undoing.state is not CompensationState.NONE:
        lines.append(f"Compensation: **{undoing.state.value}**: {plain(undoing.reason)}")
    return "\n\n".join(lines)


def plain(text: str) -> str:
    """Words of stations and callers: masks keep their stars, and nobody writes a link."""
    return re.sub(r"([\\`*\[\]<>~])", r"\\\1", text)
