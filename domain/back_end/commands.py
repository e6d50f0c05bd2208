"""The commands of another back end (CSMS): what its own answer says, and what may be due to it.

Nobody here can ask a station what became of them, and none of them is repeated. So their outcomes
are told from the answer and from what the station reports by itself. Where both do not prove it,
the outcome is UNKNOWN: a wrong answer is worse than none.

The same holds the other way round. What a command of the back end may have brought is no proof for
a command of ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.commands.reserve_now import reserve_refusal
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Outcome
from domain.model.outcomes import Cause, ending, refusal
from domain.model.specs import Kind
from domain.ocpp_words import UnlockAnswer

PUT_OFF = timedelta(days=7)
"""How long a reset that the station has put off may still come."""


@dataclass(frozen=True)
class TheirRules:
    """How the end of a command of one kind is told.

    latest: how long after it was passed on its end may still be told; then it is UNKNOWN.
    after_yes: what a yes proves; None: a report of the station has to follow.
    unproven: the cause when no report has followed. refusal: the outcome of a no.
    """

    latest: timedelta = timedelta(minutes=1)
    after_yes: Cause | None = None
    unproven: Cause = Cause.EFFECT_NOT_EXCLUDED
    refusal: Callable[[StationAnswer], Outcome] = refusal


def _unlock_refusal(answer: StationAnswer) -> Outcome:
    failed = answer.status == UnlockAnswer.UNLOCK_FAILED
    return ending(Cause.UNLOCK_FAILED) if failed else refusal(answer)


LATEST_RESTART = timedelta(minutes=10)
LATEST_START = timedelta(minutes=10)
LATEST_STOP = timedelta(minutes=5)
"""How long after it was passed on the effect of a command may be told as its own."""

_ANY = TheirRules()
_RULES = {
    Kind.START_SESSION: TheirRules(LATEST_START, unproven=Cause.START_NOT_EXCLUDED),
    Kind.STOP_SESSION: TheirRules(LATEST_STOP, unproven=Cause.STOP_NOT_CONFIRMED),
    Kind.UNLOCK_CONNECTOR: TheirRules(after_yes=Cause.CONNECTOR_UNLOCKED, refusal=_unlock_refusal),
    Kind.RESET: TheirRules(LATEST_RESTART, unproven=Cause.RESTART_NOT_CONFIRMED),
    Kind.RESERVE_NOW: TheirRules(after_yes=Cause.RESERVED, refusal=reserve_refusal),
    Kind.CANCEL_RESERVATION: TheirRules(after_yes=Cause.RESERVATION_CANCELLED),
}


def rules_of_theirs(kind: Kind) -> TheirRules:
    """The rules of a kind. One without a row is never told as done."""
    return _RULES.get(kind, _ANY)


@dataclass(frozen=True)
class TheirCommand:
    """A command of another back end. send_time: when it was passed on. Times are ours.

    connection_id: of the station's socket. named_id: of the transaction that is to stop.
    number: of the reservation, or the remote start id of a start (OCPP 2.x).
    effect_time: when a report of the station decided what came of it.
    mode: OCPP's word for how to reset. expire_time: of a reservation.
    """

    kind: Kind
    send_time: datetime
    connection_id: str = ""
    evse_id: int | None = None
    named_id: str = ""
    number: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    answer: StationAnswer | None = None
    answer_time: datetime | None = None
    effect_time: datetime | None = None
    mode: str = ""
    expire_time: datetime | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the station answered it with a no that it would say again."""
        return self.answer is not None and self.answer.verdict.is_lasting_no

    @property
    def did_nothing(self) -> bool:
        """Whether the station's answer says that it has not acted. Without one nobody knows."""
        answer = self.answer
        return answer is not None and answer.verdict.is_no and not answer.is_error

    @property
    def agreed(self) -> bool:
        """Whether the station answered it with yes."""
        return self.answer is not None and self.answer.verdict.is_yes

    @property
    def is_put_off(self) -> bool:
        """Whether the station agreed, and said that it waits with it."""
        return self.answer is not None and self.answer.verdict is Verdict.SCHEDULED


def outcome_of_their_answer(kind: Kind, answer: StationAnswer) -> Outcome | None:
    """The outcome that the answer alone tells; None: a report has to follow."""
    if answer.verdict is Verdict.UNREADABLE:
        return ending(Cause.ANSWER_UNREADABLE)
    if answer.is_error:
        return ending(Cause.STATION_ERROR)  # it may have acted all the same
    rules = rules_of_theirs(kind)
    if answer.verdict.is_no:
        return rules.refusal(answer)
    return None if rules.after_yes is None else ending(rules.after_yes)


def undecided_outcome(
    kind: Kind, *, answered: bool, put_off: bool, age: timedelta
) -> Outcome | None:
    """The outcome of a command that nothing has decided so far; None: it is not over yet.

    age: how long ago it was passed on.
    """
    rules = rules_of_theirs(kind)
    if age < (PUT_OFF if put_off else rules.latest):
        return None
    return ending(rules.unproven if answered else Cause.ANSWER_TIMEOUT)
