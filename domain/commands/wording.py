"""The words that an operator reads in the Temporal web UI. Never a token, only its mask."""

from datetime import datetime

from domain.commands.table import rules_of
from domain.markdown import plain
from domain.model.command import Command, CompensationState
from domain.model.ways import told

SUMMARY_BYTES = 400
"""Temporal refuses a longer summary (limit.userMetadataSummarySize), and its workflow with it."""


def brief(text: str) -> str:
    """As much of a line as fits into a summary: a station may choose its own long name."""
    return text.encode()[:SUMMARY_BYTES].decode(errors="ignore")


def title(command: Command) -> str:
    """One line: what is asked of which station, as "Start session at CP001, EVSE 1, ..."."""
    rules = rules_of(command)
    return ", ".join([f"{rules.verb} at {command.station}", *rules.title(command)])


def frame_title(command: Command, attempt: int, gateway: str, undo: bool) -> str:
    """One line for the activity that sends a frame."""
    how = rules_of(command).undo
    what = how.title if undo and how is not None else ""
    return brief(f"{what}{title(command)} (frame {attempt}, by {gateway})")


def handing_title(command: Command, attempt: int) -> str:
    """One line for the look for a route that hands a frame over, when that is possible at once."""
    end = f" (frame {attempt}, over the direct line if it may be sent now)"
    return title(command).encode()[: SUMMARY_BYTES - len(end)].decode(errors="ignore") + end


def origin(command: Command) -> str:
    """What does not change about a command, in Markdown: who asked, until when, in which trace."""
    lines = [
        f"Asked by: {command.caller or 'a caller without credentials'}, tenant {command.tenant}",
        f"Sent until: {command.not_after:%Y-%m-%d %H:%M:%S} UTC",
        f"When the station is offline: {command.offline_policy.value}",
        f"Trace: `{command.trace_id}`" if command.trace_id else "",
    ]
    return "\n\n".join(line for line in lines if line)


def details(command: Command, line: str = "") -> str:
    """The current details of a command, in Markdown: state, why, and what it waits for.

    line: what became of the offer of its frame over the direct line; "": nothing is known.
    """
    lines = [f"**{plain(title(command))}**", f"State: **{command.state.value}**"]
    outcome, undoing = command.outcome, command.compensation
    if outcome is not None:
        why = f"{outcome.cause}: {plain(outcome.message)}"
        lines.append(f"Outcome: **{outcome.code.value}** / {why}")
    if command.progress:
        lines.append(f"Now: {plain(command.progress)}")
    if line:
        lines.append(f"Way of its frame: {told(line)}")
    if command.cancel_reason is not None:
        reason = plain(command.cancel_reason) or "no reason given"
        lines.append(f"Cancelled by its caller: {reason}")
    if undoing.state is not CompensationState.NONE:
        lines.append(f"Compensation: **{undoing.state.value}**: {plain(undoing.reason)}")
    return "\n\n".join(lines)


def story(command: Command, frames: int, guard_until: datetime | None, line: str = "") -> str:
    """What a command's workflow knows of it, in Markdown. frames: how many it has tried to send."""
    lines = [details(command, line), f"Frames that it tried to send: {frames}"]
    if guard_until is not None:
        lines.append(f"Late evidence is acted on until: {guard_until:%Y-%m-%d %H:%M:%S} UTC")
    lines.append(
        "This is what the workflow itself knows, as of its newest look at the facts. "
        f"`evcommand explain {command.name}` tells each step, from the database."
    )
    return "\n\n".join(lines)
