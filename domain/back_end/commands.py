"""The commands of another back end (CSMS): what its own answer says, and what may be due to it.

Nobody here can ask a station what became of them, and none of them is repeated. So their outcomes
are told from the answer and from what the station reports by itself. Where both do not prove it,
the outcome is UNKNOWN: a wrong answer is worse than none.

The same holds the other way round. What a command of the back end may have brought is no proof for
a command of ours.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.commands.reserve_now import reserve_refusal
from domain.limits import BOOT_OWED
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Outcome
from domain.model.outcomes import Cause, ending, refusal
from domain.model.specs import Kind
from domain.ocpp_words import BootReason, UnlockAnswer

PUT_OFF = timedelta(days=7)
"""How long a reset that the station has put off may still come."""

LATEST_EFFECT = {
    Kind.START_SESSION: timedelta(minutes=10),
    Kind.STOP_SESSION: timedelta(minutes=5),
    Kind.UNLOCK_CONNECTOR: timedelta(minutes=1),
    Kind.RESET: timedelta(minutes=10),
    Kind.RESERVE_NOW: timedelta(minutes=1),
    Kind.CANCEL_RESERVATION: timedelta(minutes=1),
}
"""How long after it was passed on the end of a command may still be told. Then it is UNKNOWN."""

BY_REPORT = frozenset({Kind.START_SESSION, Kind.STOP_SESSION, Kind.RESET})
"""The kinds of which a yes is no effect yet: a report of the station has to follow."""

_AFTER_YES = {
    Kind.UNLOCK_CONNECTOR: Cause.CONNECTOR_UNLOCKED,
    Kind.RESERVE_NOW: Cause.RESERVED,
    Kind.CANCEL_RESERVATION: Cause.RESERVATION_CANCELLED,
}
_UNPROVEN = {
    Kind.START_SESSION: Cause.START_NOT_EXCLUDED,
    Kind.STOP_SESSION: Cause.STOP_NOT_CONFIRMED,
    Kind.RESET: Cause.RESTART_NOT_CONFIRMED,
}
_BY_RESET = frozenset({BootReason.REMOTE_RESET, BootReason.SCHEDULED_RESET})


@dataclass(frozen=True)
class TheirCommand:
    """A command of another back end. send_time: when it was passed on. Times are ours.

    connection_id: of the station's socket. named_id: of the transaction that is to stop.
    number: of the reservation, or the remote start id of a start (OCPP 2.x).
    effect_time: when a report of the station decided what came of it.
    """

    kind: Kind
    send_time: datetime
    connection_id: str = ""
    evse_id: int | None = None
    named_id: str = ""
    number: int | None = None
    answer: StationAnswer | None = None
    answer_time: datetime | None = None
    effect_time: datetime | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the station answered it with a no that it would say again."""
        return self.answer is not None and self.answer.verdict.is_lasting_no

    @property
    def agreed(self) -> bool:
        """Whether the station answered it with yes."""
        return self.answer is not None and self.answer.verdict.is_yes

    @property
    def is_put_off(self) -> bool:
        """Whether the station agreed, and said that it waits with it."""
        return self.answer is not None and self.answer.verdict is Verdict.SCHEDULED


@dataclass(frozen=True)
class ReportedBoot:
    """A boot that a station reported. reason: OCPP 2.x's word, "" on 1.6."""

    time: datetime
    reason: str = ""
    connection_id: str = ""


def outcome_of_their_answer(kind: Kind, answer: StationAnswer) -> Outcome | None:
    """The outcome that the answer alone tells; None: a report has to follow."""
    if answer.verdict is Verdict.UNREADABLE:
        return ending(Cause.ANSWER_UNREADABLE)
    if answer.is_error:
        return ending(Cause.STATION_ERROR)  # it may have acted all the same
    if answer.verdict.is_yes:
        return None if kind in BY_REPORT else ending(_AFTER_YES[kind])
    if kind is Kind.RESERVE_NOW:
        return reserve_refusal(answer)
    if answer.status == UnlockAnswer.UNLOCK_FAILED:
        return ending(Cause.UNLOCK_FAILED)
    return refusal(answer)


def undecided_outcome(
    kind: Kind, *, answered: bool, put_off: bool, age: timedelta
) -> Outcome | None:
    """The outcome of a command that nothing has decided so far; None: it is not over yet.

    age: how long ago it was passed on.
    """
    if age < (PUT_OFF if put_off else LATEST_EFFECT[kind]):
        return None
    return ending(_UNPROVEN.get(kind, Cause.ANSWER_TIMEOUT) if answered else Cause.ANSWER_TIMEOUT)


# --- resets


def may_have_restarted(
    reset: TheirCommand, since: datetime, until: datetime, evse_id: int | None = None
) -> bool:
    """Whether a restart between these times may be due to this reset of the back end.

    evse_id: of the EVSE that restarted; None: the whole station. A reset that a station has refused
    explains nothing, nor does one whose boot came before.
    """
    if reset.kind is not Kind.RESET or reset.is_refused or reset.send_time >= until:
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
        is_soon = boot.time - reset.send_time < LATEST_EFFECT[Kind.RESET]
        return ending(Cause.EFFECT_NOT_EXCLUDED) if is_soon else None
    if not may_have_restarted(reset, boot.time, boot.time):
        return None
    proven = not ours and reset.evse_id is None and _is_in_order(reset, boot)
    return ending(Cause.STATION_RESTARTED if proven else Cause.RESTART_NOT_CONFIRMED)


def _is_in_order(reset: TheirCommand, boot: ReportedBoot) -> bool:
    """Whether the boot came as it does after a reset: agreed to, in time, and for that reason."""
    by_reset = boot.reason in _BY_RESET
    if not by_reset and boot.time - reset.send_time > LATEST_EFFECT[Kind.RESET]:
        return False
    if boot.connection_id != reset.connection_id:
        return reset.agreed or by_reset
    answered = reset.answer_time
    in_order = reset.agreed and answered is not None and boot.time > answered
    return in_order and (by_reset or boot.reason == "")
