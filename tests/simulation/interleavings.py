"""One hold, one station and everything that can happen to both, in any order: pure domain only.

A ReserveNow and the reservation that it makes are moved by the same rules as in their workflows;
what a gateway writes down is written down here. The station is honest about what it does, but its
words may be lost or late, it may restart and forget, refuse what it is asked, and let drivers use
what they hold. Time is in seconds since the beginning.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from domain.commands import transitions as changes
from domain.commands.judging import apply, guard_end, is_guarded, judge
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Facts
from domain.evidence.frames import ReservationFrame
from domain.evidence.sessions import Session
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, State
from domain.model.specs import IdToken, Kind, ReserveSpec
from domain.reservations import transitions as holds
from domain.reservations.facts import ReservationEvidence
from domain.reservations.next_step import ReservationAct, as_asked, next_step
from domain.reservations.observing import observe
from domain.reservations.reservation import Reservation, ReservationState

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)
TIMING = Timing(answer_timeout_s=10, effect_margin_s=5)
WIRE_ID = 7
ENDS_S = 300
LASTS_S = 2_400
YES = StationAnswer(Verdict.ACCEPTED, "Accepted")
NO = StationAnswer(Verdict.REJECTED, "Rejected")
TOKEN = IdToken("ISO14443", "****1234", "sealed", "token")


@dataclass
class Line:
    """Frames of one kind from one hand, and whether somebody still waits for the last answer."""

    frames: list[ReservationFrame] = field(default_factory=list)

    def put(self, frame: ReservationFrame) -> None:
        """A frame as it stands now."""
        self.frames = [frame if each.attempt == frame.attempt else each for each in self.frames]

    @property
    def known(self) -> tuple[ReservationFrame, ...]:
        """As the facts have it."""
        return tuple(self.frames)


class Interleaving:
    """One order of events, out of one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now_s = 0
        self.story: list[str] = []
        self.holds_until_s: int | None = None
        self.connected_s: int | None = 0
        self.boot_time: datetime | None = None
        self.uses: Session | None = None
        self.told: Session | None = None
        self.answers: list[tuple[int, Line, ReservationFrame, bool]] = []
        self.asks, self.cancels = Line(), Line()
        self.again, self.clears = Line(), Line()
        self.attempts = 0
        self.ended: list[Reservation] = []
        self._was_guarded = True
        self.command = _command()
        self.reservation = holds.requested(self.command, "r" * 24, "reservation/acme/r")

    def run(self) -> None:
        """Until nothing moves any more."""
        self._send(Kind.RESERVE_NOW, self.asks, ENDS_S)
        self._heard(changes.sent(self.command, self._now()))
        while self.now_s < LASTS_S:
            lively = self.now_s < ENDS_S + 60
            self.now_s += self.chance.choice((1, 1, 2, 5, 10, 30) if lively else (10, 30, 60))
            if lively:
                self._something_happens()
            elif self.connected_s is None:
                self._comes_back()
            self._answers_arrive()
            self._looks()

    # --- the station, and fate

    def _something_happens(self) -> None:
        what = self.chance.choices(
            ("nothing", "cancel", "use", "reboot", "leave", "return", "tell"),
            (40, 3, 3, 2, 3, 6, 6),
        )[0]
        if what == "cancel" and self.command.cancel_reason is None:
            self.story.append(f"{self.now_s} caller cancels")
            self._takes_back()
        elif what == "use" and self._is_held() and self.uses is None:
            self.story.append(f"{self.now_s} used")
            self.holds_until_s = None
            self.uses = Session(
                "tx", "9", self._now(), self._now(), evse_id=1, reservation_id=WIRE_ID
            )
        elif what == "reboot":
            self._reboots()
        elif what == "leave":
            self.connected_s = None
        elif what == "return" and self.connected_s is None:
            self._comes_back()
        elif what == "tell" and self.connected_s is not None:
            self._tells()

    def _tells(self) -> None:
        if self.uses is not None and self.told is None:
            self.told = replace(self.uses, received_time=self._now())

    def _reboots(self) -> None:
        if self.chance.random() < 0.6:
            self.story.append(f"{self.now_s} reboots and forgets")
            self.holds_until_s = None
        self.boot_time = self._now()
        self.connected_s = self.now_s

    def _comes_back(self) -> None:
        self.connected_s = self.now_s
        self._tells()

    def _is_held(self) -> bool:
        return self.holds_until_s is not None

    def _does(self, kind: Kind, until_s: int) -> StationAnswer:
        """What it does with a frame, and the answer that it gives."""
        if kind is Kind.CANCEL_RESERVATION:
            held, self.holds_until_s = self._is_held(), None
            return YES if held else NO
        if self.uses is not None or self.chance.random() < 0.2:
            return NO  # a repeat, too: it holds what it held
        self.holds_until_s = until_s
        return YES

    # --- our side

    def _send(self, kind: Kind, line: Line, until_s: int) -> None:
        self.attempts += 1
        frame = ReservationFrame(self.attempts, self._now())
        line.frames.append(frame)
        fate = self.chance.choices(("answered", "late", "lost", "unheard"), (6, 1, 1, 1))[0]
        if self.connected_s is None:
            fate = "unheard"
        self.story.append(f"{self.now_s} {kind.value} {self.attempts}: {fate}")
        answer = None if fate == "unheard" else self._does(kind, until_s)
        if answer is None or fate == "lost":
            after_s, done = self.chance.choice((1, 10)), replace(frame, over=True)
        else:
            after_s = self.chance.randint(12, 60) if fate == "late" else self.chance.randint(1, 5)
            done = replace(frame, over=True, answer=answer)
        if fate == "late":
            self.answers.append((self.now_s + 10, line, replace(frame, over=True), False))
        self.answers.append((self.now_s + after_s, line, done, fate == "late"))

    def _answers_arrive(self) -> None:
        due = sorted((one for one in self.answers if one[0] <= self.now_s), key=lambda one: one[0])
        self.answers = [one for one in self.answers if one[0] > self.now_s]
        for _, line, frame, _late in due:
            heard = replace(frame, answer_time=self._now() if frame.answer else None)
            line.put(heard)
            if line is self.asks:
                self._gateway_notes(heard)

    def _gateway_notes(self, frame: ReservationFrame) -> None:
        if frame.answer is not None:
            self._heard(changes.answered(self.command, frame.answer, self._now()))
        else:
            self._heard(changes.lost(self.command, "ANSWER_TIMEOUT", self._now()))

    def _heard(self, command: Command) -> None:
        self.command = command
        self._note(holds.follow_request(self.reservation, command, self._now()))

    def _note(self, reservation: Reservation) -> None:
        if reservation.ended and reservation.end_time != self.reservation.end_time:
            self.ended.append(reservation)
            self.story.append(f"{self.now_s} ends {reservation.state} {reservation.cause}")
        self.reservation = reservation

    def _takes_back(self) -> None:
        """As a broker does: what is asked for is taken back, what is held is cancelled."""
        if self.reservation.state is ReservationState.HELD:
            self._send(Kind.CANCEL_RESERVATION, self.clears, 0)
            self._note(holds.withdrawn(self.reservation, "no more", self._now()))
            return
        asked = changes.cancel_asked(self.command, "no more")
        self._heard(changes.cancelled(asked, self._now()))

    def _looks(self) -> None:
        """Both workflows look at the facts: they are woken by all that happens."""
        if self._guards():
            self._command_looks()
        known = self.reservation
        if known.state is ReservationState.HELD or known.ended:
            self._hold_looks()

    def _guards(self) -> bool:
        """Whether its workflow is still there; when the guard ends, it looks for the last time."""
        command = self.command
        if command.state is not State.DONE or not is_guarded(command):
            return command.state is not State.DONE
        last, self._was_guarded = self._was_guarded, self._now() < guard_end(command, TIMING, BEGIN)
        return last

    def _command_looks(self) -> None:
        facts = Facts(
            asks=self.asks.known,
            cancels=self.cancels.known,
            sessions=(self.told,) if self.told else (),
            connected_since=None if self.connected_s is None else _at(self.connected_s),
        )
        decision = judge(self.command, facts, TIMING, self._now())
        self._heard(apply(self.command, decision, self._now()))
        if decision.act is Act.SEND_AGAIN:
            self._send(Kind.RESERVE_NOW, self.asks, ENDS_S)
        elif decision.act is Act.UNDO and not any(one.pending for one in self.cancels.frames):
            self._send(Kind.CANCEL_RESERVATION, self.cancels, 0)

    def _hold_looks(self) -> None:
        facts = ReservationEvidence(
            holds=self.again.known,
            cancels=self.clears.known,
            attempts=self.attempts,
            sessions=(self.told,) if self.told else (),
            ready=self.connected_s is not None,
            boot_time=self.boot_time,
        )
        self._note(observe(self.reservation, facts, self._now()))
        step = next_step(self.reservation, facts, self._now())
        if step.act in {ReservationAct.HOLD, ReservationAct.CHANGE}:
            end = as_asked(self.reservation, step.act).expire_time
            self._send(Kind.RESERVE_NOW, self.again, int((end - BEGIN).total_seconds()))
        elif step.act is ReservationAct.CANCEL:
            self._send(Kind.CANCEL_RESERVATION, self.clears, 0)

    def _now(self) -> datetime:
        return _at(self.now_s)


def _at(seconds: int) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def _command() -> Command:
    spec = ReserveSpec(TOKEN, _at(ENDS_S), evse_id=1, reservation="r" * 24, wire_id=WIRE_ID)
    return Command(
        name="c1",
        tenant="acme",
        kind=Kind.RESERVE_NOW,
        station="CP1",
        state=State.QUEUED,
        create_time=BEGIN,
        not_after=_at(60),
        workflow_id="command/acme/c1",
        reserve=spec,
    )
