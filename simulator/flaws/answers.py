"""Flaws in how commands are answered. Questions (TriggerMessage, GetVariables ...) stay honest."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.dialects.messages import Answer, Refusal
from simulator.charger.model import Rebooting

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
    """Does otherwise with some commands, by their OCPP actions."""

    only: frozenset[str] = field(default=COMMANDS, kw_only=True)

    def __post_init__(self) -> None:
        """Says early that a command is none.

        Raises: ValueError.
        """
        if unknown := self.only - COMMANDS:
            raise ValueError(f"{', '.join(sorted(unknown))}: no command")

    async def answer(self, call: IncomingCall, inner: Answering) -> Answer | None:
        """Honest, but for the commands in question."""
        if call.action not in self.only:
            return await inner(call)
        return await self._flawed(call, inner)

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer | None:
        raise NotImplementedError


@dataclass(frozen=True)
class Silent(_AnswerFlaw):
    """Hears a command, does nothing, and never answers."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:  # noqa: ARG002
        return None


@dataclass(frozen=True)
class Mute(_AnswerFlaw):
    """Does what it is told, and never answers."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:
        answer = await inner(call)
        if answer is not None:
            call.station.carry_out(answer)


@dataclass(frozen=True)
class DoesNothing(_AnswerFlaw):
    """Says yes (Accepted, Unlocked), or the word that is given, and does nothing."""

    word: str = ""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer:  # noqa: ARG002
        yes = "Unlocked" if call.action == "UnlockConnector" else "Accepted"
        return Answer({"status": self.word or yes})


@dataclass(frozen=True)
class DropsBeforeAnswer(_AnswerFlaw):
    """Does what it is told, and loses its connection before it answers."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:
        answer = await inner(call)
        call.station.drop()
        if answer is not None:
            call.station.carry_out(answer)


@dataclass(frozen=True)
class RebootsInMidCommand(_AnswerFlaw):
    """Reboots when a command comes, before it did or answered anything."""

    async def _flawed(self, call: IncomingCall, inner: Answering) -> None:  # noqa: ARG002
        call.station.reboot("Watchdog")


@dataclass(frozen=True)
class Slow(_AnswerFlaw):
    """Takes its time: does what it is told, and answers, only after so many seconds."""

    seconds: float = 2.0

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer | None:
        await asyncio.sleep(self.seconds)
        return await inner(call)


@dataclass(frozen=True)
class Late(_AnswerFlaw):
    """Does what it is told at once; the answer comes when the back end has given up waiting."""

    seconds: float = 45.0

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer | None:
        answer = await inner(call)
        if answer is None:
            return None
        call.station.carry_out(answer)
        await asyncio.sleep(self.seconds)
        return Answer(answer.reply)


@dataclass(frozen=True)
class EventsBeforeAnswers(_AnswerFlaw):
    """Tells what happened before it answers; waits so many seconds for the back end to take it.

    A reset is warm then: BootNotification and the statuses come over the same connection, and
    before the answer.
    """

    seconds: float = 5.0

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer | None:
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
        return Answer(answer.reply)


@dataclass(frozen=True)
class UnknownStatusWord(_AnswerFlaw):
    """Does what it is told, and answers with a status that no standard has."""

    word: str = "Perhaps"

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer | None:
        answer = await inner(call)
        if answer is None or isinstance(answer.reply, Refusal):
            return answer
        return replace(answer, reply={**answer.reply, "status": self.word})


@dataclass(frozen=True)
class CallError(_AnswerFlaw):
    """Does nothing, and answers with a CALLERROR of this code."""

    code: str = "InternalError"

    async def _flawed(self, call: IncomingCall, inner: Answering) -> Answer:  # noqa: ARG002
        return Answer(Refusal(self.code, f"{call.action} failed here"))
