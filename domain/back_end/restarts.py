"""Resets of another back end (CSMS), and the restarts that may be due to them.

A station that gets two resets may restart once. So one boot after a reset of the back end and one
of ours proves neither.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.back_end.commands import LATEST_RESTART, PUT_OFF, TheirCommand
from domain.limits import BOOT_OWED
from domain.model.command import Outcome
from domain.model.outcomes import Cause, ending
from domain.ocpp_words import BootReason

_BY_RESET = frozenset({BootReason.REMOTE_RESET, BootReason.SCHEDULED_RESET})


@dataclass(frozen=True)
class ReportedBoot:
    """A boot that a station reported. reason: OCPP 2.x's word, "" on 1.6."""

    time: datetime
    reason: str = ""
    connection_id: str = ""


def may_have_restarted(
    reset: TheirCommand, since: datetime, until: datetime, evse_id: int | None = None
) -> bool:
    """Whether a restart between these times may be due to this reset of the back end.

    evse_id: of the EVSE that restarted; None: the whole station. A reset that a station has refused
    explains nothing, nor does one whose boot came before.
    """
    if reset.is_refused or reset.send_time >= until:
        return False
    if evse_id is not None and reset.evse_id not in {None, evse_id}:
        return False
    if reset.effect_time is not None and reset.effect_time < since:
        return False
    return since - reset.send_time <= (PUT_OFF if reset.is_put_off else BOOT_OWED)


def outcome_of_boot(reset: TheirCommand, boot: ReportedBoot, *, ours: bool) -> Outcome | None:
    """The outcome that a boot after this reset tells; None: the boot says nothing of it.

    ours: a reset of ours may have brought the boot as well.
    """
    if boot.reason == BootReason.TRIGGERED or reset.send_time >= boot.time:
        return None
    if reset.is_refused:
        is_soon = boot.time - reset.send_time < LATEST_RESTART
        return ending(Cause.EFFECT_NOT_EXCLUDED) if is_soon else None
    if not may_have_restarted(reset, boot.time, boot.time):
        return None
    proven = not ours and reset.evse_id is None and _is_in_order(reset, boot)
    return ending(Cause.STATION_RESTARTED if proven else Cause.RESTART_NOT_CONFIRMED)


def _is_in_order(reset: TheirCommand, boot: ReportedBoot) -> bool:
    """Whether the boot came as it does after a reset: agreed to, in time, and for that reason."""
    by_reset = boot.reason in _BY_RESET
    if not by_reset and boot.time - reset.send_time > LATEST_RESTART:
        return False
    if boot.connection_id != reset.connection_id:
        return reset.agreed or by_reset
    answered = reset.answer_time
    in_order = reset.agreed and answered is not None and boot.time > answered
    return in_order and (by_reset or boot.reason == "")
