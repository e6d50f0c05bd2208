"""How a station gets a new password while it is in use, so that nothing locks it out.

From its begin to its end a rotation keeps two passwords good: the one that the station uses, and
the new one. The gateway writes down that it sends the new one, sends it, and writes down the
answer. A station that said yes comes back by itself with the new password; where one stays, its
socket is closed. The old password ends when the station has used the new one, and for no other
reason. The new one ends when the station refused it and certainly does not have it.

Whatever is cut (a gateway, an answer, the database), the rotation is where it was written last: it
is due again after a pause, with the same password. A frame without an answer leaves a doubt
whether the station has the password. With a doubt a refusal ends nothing.

`FOLLOWING` is the table of what may come after what.

Sources: OCPP 2.0.1 part 2, A01; OCPP 1.6 security whitepaper, A01.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from domain.model.answers import StationAnswer, Verdict

PAUSES = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
)
"""How long after each frame the next one is due, when the station has not used the password."""

MOST_SENDS = len(PAUSES) + 1
"""How often the password is sent. Then the rotation stays as it is until somebody asks anew."""

ANSWER_CHARS = 50
"""How much of the station's word for its answer is kept."""


class RotationState(StrEnum):
    """How far a rotation is.

    REQUESTED: nothing was sent yet. SENT: a frame was sent; its answer is missing, was an error, or
    was a no that ends nothing (see `Doubt`). ACCEPTED: the station said yes, and is to come back.
    RECONNECTING: its socket was closed, so that it comes back. REBOOT_REQUIRED: it said that it
    takes the password at its next restart. DONE: it used the new password; the old one has ended.
    REJECTED: it refused; the new one has ended.
    """

    REQUESTED = "REQUESTED"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    RECONNECTING = "RECONNECTING"
    REBOOT_REQUIRED = "REBOOT_REQUIRED"
    DONE = "DONE"
    REJECTED = "REJECTED"


FOLLOWING: Mapping[RotationState, frozenset[RotationState]] = {
    RotationState.REQUESTED: frozenset(
        {RotationState.SENT, RotationState.DONE, RotationState.REJECTED}
    ),
    RotationState.SENT: frozenset(
        {
            RotationState.ACCEPTED,
            RotationState.REBOOT_REQUIRED,
            RotationState.DONE,
            RotationState.REJECTED,
        }
    ),
    RotationState.ACCEPTED: frozenset({RotationState.RECONNECTING, RotationState.DONE}),
    RotationState.RECONNECTING: frozenset({RotationState.SENT, RotationState.DONE}),
    RotationState.REBOOT_REQUIRED: frozenset({RotationState.SENT, RotationState.DONE}),
    RotationState.DONE: frozenset(),
    RotationState.REJECTED: frozenset(),
}
"""Which states may follow each one; a state may also stay, with more frames or another answer."""

ENDS = frozenset(state for state, following in FOLLOWING.items() if not following)
"""The states that never change."""


class Doubt(IntEnum):
    """Why the station may have the new password, though it has not used it yet.

    NONE: it has not. UNANSWERED: an earlier frame has no clear answer. AGREED: it said yes.
    """

    NONE = 0
    UNANSWERED = 1
    AGREED = 2


DISPROVED = {Verdict.REJECTED: Doubt.NONE, Verdict.NOT_SUPPORTED: Doubt.UNANSWERED}
"""Up to which doubt a no proves that the station does not have the password.

A station that rejects a frame may reject a repeat of what it has. One that does not know the frame
has not taken an earlier one either. An error of the station's own proves nothing.
"""


class RotationStep(StrEnum):
    """What is to be done for a rotation now. CLOSE: the socket, so that the station comes back."""

    WAIT = "WAIT"
    SEND = "SEND"
    CLOSE = "CLOSE"


@dataclass(frozen=True)
class Rotation:
    """The rotation of one station's password, without the password.

    sends: frames since somebody last asked for it. answer: the station's last word for its answer,
    or why nothing could be sent. due_time: when something is to be done; None: nothing is.
    """

    state: RotationState
    request_time: datetime
    sends: int = 0
    doubt: Doubt = Doubt.NONE
    answer: str = ""
    sent_time: datetime | None = None
    answer_time: datetime | None = None
    end_time: datetime | None = None
    due_time: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether both passwords are good."""
        return self.state not in ENDS


def begun(now: datetime) -> Rotation:
    """A new rotation."""
    return Rotation(RotationState.REQUESTED, request_time=now, due_time=now)


def asked_again(rotation: Rotation, now: datetime) -> Rotation:
    """An open rotation that somebody asked for once more: it goes on at once, with fresh tries."""
    return replace(rotation, sends=0, due_time=now)


def next_step(rotation: Rotation, now: datetime) -> RotationStep:
    """What to do for a rotation whose station is connected here."""
    if not rotation.is_open or rotation.due_time is None or now < rotation.due_time:
        return RotationStep.WAIT
    return RotationStep.CLOSE if rotation.state is RotationState.ACCEPTED else RotationStep.SEND


def sent(rotation: Rotation, now: datetime) -> Rotation:
    """A frame is about to be written. Whatever comes then, it may have arrived."""
    unanswered = rotation.state is RotationState.SENT
    changed = replace(
        rotation,
        state=RotationState.SENT,
        sends=rotation.sends + 1,
        doubt=max(rotation.doubt, Doubt.UNANSWERED) if unanswered else rotation.doubt,
        sent_time=now,
    )
    return _due_later(changed, now)


def put_off(rotation: Rotation, now: datetime) -> Rotation:
    """The station did not come to its turn, so nothing was sent."""
    return replace(rotation, due_time=now + PAUSES[0])


def answered(
    rotation: Rotation, answer: StationAnswer, now: datetime, *, grace: timedelta
) -> Rotation:
    """The station answered the newest frame, whose answer was waited for.

    grace: how long a station that said yes has time to come back before its socket is closed.
    """
    verdict = answer.verdict
    word = answer.call_error.code if answer.call_error else answer.status or verdict.value
    told = replace(rotation, answer=word[:ANSWER_CHARS], answer_time=now)
    if verdict is Verdict.ACCEPTED:
        return replace(told, state=RotationState.ACCEPTED, doubt=Doubt.AGREED, due_time=now + grace)
    if verdict is Verdict.SCHEDULED:
        return replace(told, state=RotationState.REBOOT_REQUIRED, doubt=Doubt.AGREED, due_time=None)
    if rotation.doubt <= DISPROVED.get(verdict, -1):
        return replace(told, state=RotationState.REJECTED, end_time=now, due_time=None)
    return told


def unsendable(rotation: Rotation, why: str, now: datetime) -> Rotation:
    """This password is of no use to the station, or cannot be said to it: nothing is sent."""
    told = replace(rotation, answer=why, due_time=None)
    if rotation.state is not RotationState.REQUESTED:
        return told
    return replace(told, state=RotationState.REJECTED, end_time=now)


def closed(rotation: Rotation, now: datetime) -> Rotation:
    """The socket of a station that said yes is about to be closed."""
    return _due_later(replace(rotation, state=RotationState.RECONNECTING), now)


def used(rotation: Rotation, now: datetime) -> Rotation:
    """The station has used the new password."""
    return replace(rotation, state=RotationState.DONE, end_time=now, due_time=None)


def _due_later(rotation: Rotation, now: datetime) -> Rotation:
    """Due after the pause that follows this many sends; after the last one it is not due again."""
    following = max(rotation.sends, 1)
    due = now + PAUSES[following - 1] if following < MOST_SENDS else None
    return replace(rotation, due_time=due)
