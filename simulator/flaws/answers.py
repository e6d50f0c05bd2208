"""Flaws in the answers to commands.

Questions (TriggerMessage, GetVariables ...) are answered honestly: a back end that doubts an answer
must be able to find out the truth.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.charger.model import Rebooting
from simulator.dialects.messages import CallAnswer, CallErrorReply

COMMANDS = frozenset(
    {
        "RemoteStartTransaction",
        "RequestStartTransaction",
        "RemoteStopTransaction",
        "RequestStopTransaction",
        "UnlockConnector",
        "Reset",
        "ReserveNow",
        "CancelReservation",
    }
)


@dataclass(frozen=True)
class _AnswerFlaw(Behaviour):
    """A flaw in the answers to some commands. only: their OCPP actions."""

    only: frozenset[str] = field(default=COMMANDS, kw_only=True)

    def __post_init__(self) -> None:
        """Checks the actions when the flaw is made.

        Raises: ValueError when one of them is no command.
        """
        if unknown := self.only - COMMANDS:
            raise ValueError(f"{', '.join(sorted(unknown))}: no command")

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """The flawed answer for the chosen commands; the honest answer for the others."""
        if call.action not in self.only:
            return await inner(call)
        return await self._flawed(call, inner)

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        raise NotImplementedError


@dataclass(frozen=True)
class Silent(_AnswerFlaw):
    """Does nothing, and never answers."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:  # noqa: ARG002
        return None


@dataclass(frozen=True)
class Mute(_AnswerFlaw):
    """Carries the command out, and never answers."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:
        answer = await inner(call)
        if answer is not None:
            call.station.carry_out(answer)


@dataclass(frozen=True)
class DoesNothing(_AnswerFlaw):
    """Answers Accepted (or Unlocked), or with the given word, and does nothing."""

    word: str = ""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer:  # noqa: ARG002
        yes = "Unlocked" if call.action == "UnlockConnector" else "Accepted"
        return CallAnswer({"status": self.word or yes})


@dataclass(frozen=True)
class DropsBeforeAnswer(_AnswerFlaw):
    """Carries the command out, and loses its connection before it answers."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:
        answer = await inner(call)
        call.station.drop()
        if answer is not None:
            call.station.carry_out(answer)


@dataclass(frozen=True)
class RebootsInMidCommand(_AnswerFlaw):
    """Reboots when a command arrives, before it does or answers anything."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:  # noqa: ARG002
        call.station.reboot("Watchdog")


@dataclass(frozen=True)
class Slow(_AnswerFlaw):
    """Carries the command out, and answers, only after so many seconds."""

    seconds: float = 2.0

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        await asyncio.sleep(self.seconds)
        return await inner(call)


@dataclass(frozen=True)
class Late(_AnswerFlaw):
    """Carries the command out at once, and answers only after so many seconds.

    By default the back end has given up waiting by then.
    """

    seconds: float = 45.0

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        answer = await inner(call)
        if answer is None:
            return None
        call.station.carry_out(answer)
        await asyncio.sleep(self.seconds)
        return CallAnswer(answer.reply)


@dataclass(frozen=True)
class EventsBeforeAnswers(_AnswerFlaw):
    """Reports the effects of a command before it answers the command.

    It waits at most so many seconds until the back end has answered the reports. After a reset it
    sends BootNotification and the statuses over the same connection, before the answer.
    """

    seconds: float = 5.0

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        answer = await inner(call)
        if answer is None:
            return None
        station = call.station
        reboots = [event for event in answer.events if isinstance(event, Rebooting)]
        station.carry_out(
            replace(answer, events=[each for each in answer.events if each not in reboots])
        )
        for event in reboots:
            station.restart_warm(event)
        with suppress(TimeoutError):
            await station.delivered(self.seconds)
        return CallAnswer(answer.reply)


@dataclass(frozen=True)
class UnknownStatusWord(_AnswerFlaw):
    """Carries the command out, and answers with a status that OCPP does not define."""

    word: str = "Perhaps"

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        answer = await inner(call)
        if answer is None or isinstance(answer.reply, CallErrorReply):
            return answer
        return replace(answer, reply={**answer.reply, "status": self.word})


@dataclass(frozen=True)
class AnswersCallError(_AnswerFlaw):
    """Does nothing, and answers with a CALLERROR of this code."""

    code: str = "InternalError"

    async def _flawed(self, call: IncomingCall, inner: Answering) -> CallAnswer:  # noqa: ARG002
        return CallAnswer(CallErrorReply(self.code, f"{call.action} failed here"))
