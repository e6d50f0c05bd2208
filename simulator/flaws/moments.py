"""Flaws of order: what comes too late, what a no means, and what is lost on the way."""

import asyncio
from dataclasses import dataclass, replace

from simulator.behaviour import Answering, Behaviour, Frame, IncomingCall
from simulator.charger.model import Rebooting
from simulator.dialects.messages import CallAnswer, CallErrorReply, Payload

_CALL = 2
_STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})
_WORDS = frozenset({"Rejected"})


@dataclass(frozen=True)
class LateToken(Behaviour):
    """Answers a start at once, and reports what comes of it only after so many seconds.

    With the cable first on 2.x, the session is open and named in the answer, and its token and our
    remoteStartId follow.
    """

    seconds: float = 1.0

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """The honest answer; its consequences come later."""
        answer = await inner(call)
        if answer is None or call.action not in _STARTS:
            return answer
        call.station.spawn(_later(call, answer, self.seconds))
        return CallAnswer(answer.reply)


@dataclass(frozen=True)
class RefusesAndBegins(Behaviour):
    """Refuses a start with this word or CALLERROR, and half a second later begins all the same."""

    word: str = "Rejected"

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """The refusal; the session comes later."""
        answer = await inner(call)
        if answer is None or call.action not in _STARTS:
            return answer
        call.station.spawn(_later(call, answer, _HALF_A_SECOND))
        if self.word in _WORDS:
            return CallAnswer({"status": self.word})
        return CallAnswer(CallErrorReply(self.word, f"{call.action} failed here"))


_HALF_A_SECOND = 0.5


async def _later(call: IncomingCall, answer: CallAnswer, seconds: float) -> None:
    await asyncio.sleep(seconds)
    call.station.carry_out(answer)


@dataclass(frozen=True)
class RestartsWarm(Behaviour):
    """Restarts without closing its connection: ends its sessions, and boots on the same socket."""

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """The honest answer; the restart keeps the connection."""
        answer = await inner(call)
        if answer is None:
            return None
        reboots = [event for event in answer.events if isinstance(event, Rebooting)]
        for event in reboots:
            call.station.spawn(_restart_warm(call, event))
        others = [event for event in answer.events if event not in reboots]
        return replace(answer, events=others)


async def _restart_warm(call: IncomingCall, event: Rebooting) -> None:
    await asyncio.sleep(call.station.config.reboot_s)
    call.station.restart_warm(replace(event, boot_reason="PowerUp"))


@dataclass(frozen=True)
class LosesAnswers(Behaviour):
    """Loses its first so many connections with the answer to the report that a session began.

    It reports the session again on the next one.
    """

    times: int = 1

    def takes_answer(self, connections: int, action: str, sent: Payload) -> bool:
        """Not the answer to a begin, as long as there are connections to lose."""
        begins = action == "StartTransaction" or sent.get("eventType") == "Started"
        return not begins or connections > self.times


@dataclass(frozen=True)
class SkipsBoot(Behaviour):
    """Connects without a BootNotification, as if the back end knew it already."""

    boots = False


@dataclass(frozen=True)
class ForgetsSessions(Behaviour):
    """Loses its sessions in a power cut: nobody ever reports that they have ended."""

    reports_power_cuts = False


@dataclass(frozen=True)
class FewMessageIds(Behaviour):
    """Numbers its messages with so few ids that each comes again soon."""

    count: int = 3

    def message_id(self, number: int, usual: str) -> str:  # noqa: ARG002
        """One of the few."""
        return str(number % self.count + 1)


@dataclass(frozen=True)
class OneBreath(Behaviour):
    """Writes a Heartbeat right behind each of its messages, with the same id."""

    def written(self, frame: Frame) -> list[Frame]:
        """The message, and the Heartbeat."""
        if frame[0] != _CALL or frame[2] == "Heartbeat":
            return [frame]
        return [frame, [_CALL, frame[1], "Heartbeat", {}]]
