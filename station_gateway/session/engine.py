"""The session engine: one station, one connection, the rules of OCPP-J, and no I/O.

Each side may have one CALL outstanding, and the two directions are independent of each other
(OCPP 2.0.1 part 4 section 4.1.1). So a session is two small state machines that share a socket.

    ours      idle --call()--> out --answer--> idle            AnswerReceived
                                |---time----> idle             AnswerMissing(TIMEOUT), id remembered
                                '---socket--> closed           AnswerMissing(CONNECTION_LOST)
    theirs    idle --CALL--> in hand --reply()--> idle, or the next CALL that waits

- An answer is handled when it arrives, also while we still prepare our answer to a CALL of the
  station.
- An answer that comes after its timeout is matched by its id and reported as late: it is evidence.
- A second answer under the same id changes nothing; where it says something else, it is evidence.
- A report (`Dialect.ONE_EFFECT`) that comes twice, the same text under the same id, has one effect
  and gets the same answer. The same id with another text is another CALL; so is all else.
- A CALL that comes before our answer to the CALL before waits. A station that lets too many wait is
  disconnected.
- A frame that cannot be read gets the CALLERROR that its version asks for. It never ends the
  session.

How to drive it: pass each message to `receive`, act on the events, write `data_to_send` after every
call of any method, call `check_timeouts` at `next_deadline`, and call `connection_lost` when the
socket is gone. After `connection_lost` or a `Closing` the session is over: later replies are
dropped silently, and frames of the old socket have no effect.

Times are monotonic seconds. Containers are made when they are first needed, so that an idle station
costs one slotted object.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from domain.model.answers import CallError
from station_gateway.dialects.interface import Dialect, PayloadViolation
from station_gateway.dialects.messages import Payload, Unreadable
from station_gateway.session import frames, refusals
from station_gateway.session.events import (
    MESSAGE_TOO_BIG,
    POLICY_VIOLATION,
    AnswerMissing,
    AnswerReceived,
    AnswerRefused,
    CallInFlight,
    CallReceived,
    Closing,
    Event,
    FrameRefused,
    Missing,
    SendReceived,
    SessionOver,
)
from station_gateway.session.frames import DecodedFrame, Fault, FrameError, FrameLimits, MessageId
from station_gateway.session.in_flight import CallOfOurs, CallOfTheirs
from station_gateway.session.repeats import HeardAnswers, RememberedAnswers


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What one session may hold in memory.

    queued_calls: CALLs, and repeats of CALLs, that may wait for our answer to the one in hand.
    remembered_answers: answers that are kept for reports that come again.
    remembered_s: for how long; a report that comes again later is handled anew.
    overdue_calls: CALLs of ours whose late answer is still recognised.
    heard_answers: answers of the station that another one under the same id is compared with.
    """

    frame: FrameLimits = field(default_factory=FrameLimits)
    queued_calls: int = 16
    remembered_answers: int = 4
    remembered_s: float = 300.0
    overdue_calls: int = 16
    heard_answers: int = 4


class OcppSession:
    """One connection of one station."""

    __slots__ = (
        "_answers",
        "_dialect",
        "_heard",
        "_in_hand",
        "_limits",
        "_now",
        "_out",
        "_over",
        "_overdue",
        "_pending",
        "_waiting",
    )

    def __init__(self, dialect: Dialect, limits: SessionLimits) -> None:
        self._dialect = dialect
        self._limits = limits
        self._over = False
        self._out: list[str] = []
        self._pending: CallOfOurs | None = None
        self._overdue: dict[str, str] | None = None
        self._in_hand: CallOfTheirs | None = None
        self._waiting: deque[CallOfTheirs] | None = None
        self._answers: RememberedAnswers | None = None
        self._heard: HeardAnswers | None = None
        self._now = 0.0

    # --- the state

    @property
    def busy(self) -> bool:
        """Whether a CALL of ours is outstanding."""
        return self._pending is not None

    @property
    def idle(self) -> bool:
        """Whether no CALL waits for its answer, in either direction."""
        return self._pending is None and self._in_hand is None

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        return self._over

    def next_deadline(self) -> float | None:
        """When `check_timeouts` has something to do; None while no CALL of ours is out."""
        return None if self._pending is None else self._pending.deadline

    def data_to_send(self) -> list[str]:
        """Text frames to write, in order. Each is handed out once."""
        if not self._out:
            return []
        out, self._out = self._out, []
        return out

    # --- our direction

    def call(
        self, message_id: str, action: str, payload: Payload, now: float, timeout_s: float
    ) -> None:
        """Send a CALL. An event tells its answer later, or that there is none.

        Raises:
            CallInFlight: another CALL is outstanding; wait for its event.
            SessionOver: nothing was sent.
        """
        if self._over:
            raise SessionOver
        if self._pending is not None:
            raise CallInFlight
        self._out.append(frames.encode_call(message_id, action, payload))
        self._pending = CallOfOurs(message_id, action, now + timeout_s)

    def check_timeouts(self, now: float) -> list[Event]:
        """Give up the outstanding CALL when its time is over. Its late answer is still matched."""
        pending = self._pending
        if pending is None or now < pending.deadline:
            return []
        self._pending = None
        if self._overdue is None:
            self._overdue = {}
        self._overdue[pending.message_id] = pending.action
        if len(self._overdue) > self._limits.overdue_calls:
            del self._overdue[next(iter(self._overdue))]
        return [AnswerMissing(pending.message_id, pending.action, Missing.TIMEOUT)]

    def connection_lost(self) -> list[Event]:
        """The socket is gone: the outstanding CALL fails at once, and all else is forgotten."""
        pending = self._pending
        self._end()
        self._out = []
        if pending is None:
            return []
        return [AnswerMissing(pending.message_id, pending.action, Missing.CONNECTION_LOST)]

    # --- their direction

    def reply(self, message_id: MessageId, payload: Payload) -> list[Event]:
        """Answer the CALL in hand. Returns the next CALL when one waited.

        Raises:
            LookupError: this CALL is not in hand (answered twice: a bug of the caller).
        """
        try:
            frame = frames.encode_result(message_id, payload)
        except TypeError:
            refused = FrameRefused("unencodable_reply", "our reply is not JSON")
            return [refused, *self.reply_error(message_id, self._dialect.ERRORS.internal)]
        return self._answer(message_id, frame, remember=True)

    def reply_error(
        self,
        message_id: MessageId,
        code: str,
        description: str = "",
        details: dict[str, Any] | None = None,
    ) -> list[Event]:
        """Answer the CALL in hand with a CALLERROR. Returns and raises as `reply`.

        The answer is not remembered: the CALL had no effect, so a repeat of it is tried anew.
        """
        frame = frames.encode_error(message_id, code, description, details)
        return self._answer(message_id, frame, remember=False)

    def abandon(self, message_id: MessageId) -> list[Event]:
        """Give the CALL in hand no answer, so that the station keeps it and repeats it.

        The repeat is a new CALL. Returns and raises as `reply`.
        """
        if self._over:
            return []
        self._check_in_hand(message_id)
        return self._next_waiting()

    def _answer(self, message_id: MessageId, frame: str, *, remember: bool) -> list[Event]:
        if self._over:
            return []
        theirs = self._check_in_hand(message_id)
        self._out.append(frame)
        if theirs.repeats:
            self._out.extend([frame] * theirs.repeats)
        if remember and theirs.fingerprint is not None:
            self._remember(theirs.fingerprint, frame)
        return self._next_waiting()

    def _check_in_hand(self, message_id: MessageId) -> CallOfTheirs:
        theirs = self._in_hand
        if theirs is None or theirs.call.message_id != message_id:
            raise LookupError("this CALL is not in hand")
        return theirs

    def _next_waiting(self) -> list[Event]:
        if not self._waiting:
            self._in_hand = None
            return []
        self._in_hand = self._waiting.popleft()
        return [self._in_hand.call]

    def _remember(self, fingerprint: int, frame: str) -> None:
        if self._answers is None:
            limits = self._limits
            self._answers = RememberedAnswers(limits.remembered_answers, limits.remembered_s)
        self._answers.keep(fingerprint, frame, self._now)

    # --- reading

    def receive(self, data: str | bytes, now: float) -> list[Event]:
        """Take one websocket message: `str` of a text frame, `bytes` of a binary one.

        Never raises, whatever the station sends. An answer counts as in time until
        `check_timeouts` gave its CALL up: `now` decides only how long an answer of ours is
        remembered, so that a stalled process does not turn answers that wait in the socket into
        late ones.
        """
        if self._over:
            return []
        self._now = now
        try:
            frame = frames.decode(data, self._limits.frame)
        except FrameError as error:
            return self._refuse(error, data)
        kind = frame.type_number
        if kind == frames.CALL:
            one_effect = frame.action in self._dialect.ONE_EFFECT
            return self._call_received(frame, hash(data) if one_effect else None)
        if kind <= frames.CALL_ERROR:
            return self._answer_received(frame)
        if not self._dialect.CAPABILITIES.extended_frames:
            unknown = FrameError(Fault.TYPE_NUMBER, "unknown message type", kind, frame.message_id)
            return self._refuse(unknown, data)
        if kind == frames.SEND:
            return self._send_received(frame)
        return [AnswerRefused(frame.message_id, CallError(*(frame.error or ())))]

    def _call_received(self, frame: DecodedFrame, fingerprint: int | None) -> list[Event]:
        message_id = frame.message_id
        # The order matters: a repeat is recognised before anything is checked or counted, so that
        # it has no second effect and no other answer than the first.
        if fingerprint is not None:
            twin = self._find_unanswered(fingerprint)
            if twin is not None:
                if self._too_many_wait():
                    return self._close(POLICY_VIOLATION, "too many messages before our answer")
                twin.repeats += 1
                return [FrameRefused("duplicate_call")]
            answer = self._answers.find(fingerprint, self._now) if self._answers else None
            if answer is not None:
                self._out.append(answer)
                return [FrameRefused("duplicate_call")]
        mends = refusals.checked(self._dialect, frame, mend=self._limits.frame.mend)
        if isinstance(mends, PayloadViolation):
            self._send_error(message_id, mends.code, mends.description)
            return [refusals.refused_call(mends, frame, self._dialect)]
        theirs = CallOfTheirs(
            CallReceived(message_id, frame.action, frame.body, mends), fingerprint
        )
        if self._in_hand is None:
            self._in_hand = theirs
            return [theirs.call]
        if self._too_many_wait():
            return self._close(POLICY_VIOLATION, "too many messages before our answer")
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(theirs)
        return []

    def _find_unanswered(self, fingerprint: int) -> CallOfTheirs | None:
        unanswered: list[CallOfTheirs | None] = [self._in_hand, *(self._waiting or ())]
        for theirs in unanswered:
            if theirs is not None and theirs.fingerprint == fingerprint:
                return theirs
        return None

    def _too_many_wait(self) -> bool:
        held = sum(1 + theirs.repeats for theirs in self._waiting or ())
        held += 0 if self._in_hand is None else self._in_hand.repeats
        return held >= self._limits.queued_calls

    def _answer_received(self, frame: DecodedFrame) -> list[Event]:
        message_id = str(frame.message_id)
        action, late = self._take_ours(message_id)
        if action is None:
            return [refusals.unexpected_answer(frame, self._heard)]
        self._keep_heard(action, frame)
        if frame.error is not None:
            return [AnswerReceived(message_id, action, CallError(*frame.error), late)]
        mend = self._limits.frame.mend
        mends = refusals.checked_answer(self._dialect, action, frame.body, mend=mend)
        if not isinstance(mends, PayloadViolation):
            return [AnswerReceived(message_id, action, frame.body, late, mends)]
        self._refuse_answer(message_id, mends.code, mends.description)
        return [AnswerReceived(message_id, action, Unreadable(mends.description), late)]

    def _keep_heard(self, action: str, frame: DecodedFrame) -> None:
        if self._heard is None:
            self._heard = HeardAnswers(self._limits.heard_answers)
        self._heard.keep(action, frame)

    def _take_ours(self, message_id: str) -> tuple[str | None, bool]:
        """Take out our CALL with this id. Returns its action and whether it was given up before."""
        pending = self._pending
        if pending is not None and pending.message_id == message_id:
            self._pending = None
            return pending.action, False
        if self._overdue:
            return self._overdue.pop(message_id, None), True
        return None, False

    def _send_received(self, frame: DecodedFrame) -> list[Event]:
        violation = self._dialect.check_send(frame.action, frame.body)
        if violation is not None:
            return [refusals.refused_call(violation, frame, self._dialect)]
        return [SendReceived(frame.message_id, frame.action, frame.body)]

    # --- refusing

    def _refuse(self, error: FrameError, data: str | bytes) -> list[Event]:
        """Answer a frame that cannot be used, as its version asks. An answer is never answered."""
        if error.fault is Fault.OVERSIZE:
            oversize = refusals.refused_text(error, data, self._dialect, "oversize")
            return self._close(MESSAGE_TOO_BIG, error.reason, oversize)
        if error.type_number in (frames.CALL_RESULT, frames.CALL_ERROR):
            return self._unreadable_answer(error)
        answer = refusals.answer_to(error, self._dialect)
        if answer is not None:
            self._send_error(*answer, error.reason)
        reason = "unknown_type" if error.fault is Fault.TYPE_NUMBER else "unreadable"
        return [refusals.refused_text(error, data, self._dialect, reason)]

    def _unreadable_answer(self, error: FrameError) -> list[Event]:
        message_id = str(error.message_id)
        action, late = self._take_ours(message_id)
        if action is None:
            return [FrameRefused("unreadable", error.reason)]
        if error.type_number == frames.CALL_RESULT:
            self._refuse_answer(message_id, self._dialect.ERRORS.format, error.reason)
        return [AnswerReceived(message_id, action, Unreadable(error.reason), late)]

    def _refuse_answer(self, message_id: str, code: str, reason: str) -> None:
        """Tell the station that its CALLRESULT is of no use, where its version has such a frame."""
        if self._dialect.CAPABILITIES.extended_frames:
            self._out.append(frames.encode_result_error(message_id, code, reason))

    def _send_error(self, message_id: MessageId, code: str, description: str) -> None:
        self._out.append(frames.encode_error(message_id, code, description))

    def _close(self, code: int, reason: str, refused: FrameRefused | None = None) -> list[Event]:
        replies, lost = self._out, self.connection_lost()
        self._out = replies  # answers that are ready go out before the close frame
        refused = refused or FrameRefused("queue_overflow", reason)
        return [*lost, refused, Closing(code, reason)]

    def _end(self) -> None:
        self._over = True
        self._pending = self._in_hand = None
        self._overdue = self._waiting = self._answers = self._heard = None
