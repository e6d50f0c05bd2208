"""How the hostile station gets its own messages out: one after the other, again, twice, late."""

import asyncio
import json
from collections import deque
from typing import Any

from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.wire import Wire
from tests.simulation.station.field.words import FieldWords
from tests.simulation.station.speech import Message, Speech
from tests.simulation.station.tempers import Temper

ANSWER_PATIENCE_S = 25.0
"""How long it waits for the answer to a message of its own."""

ARRIVES_S = 0.5
"""After so long a message that was written is at the gateway, if the connection still holds."""


class Talker:
    """The half of a station that speaks: a line of messages, and the one that is out."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        temper: Temper,
        speech: Speech,
        words: FieldWords,
    ) -> None:
        self.loop = loop
        self.words = words
        self.chance = chance
        self.temper = temper
        self.speech = speech
        self.wire: Wire | None = None
        self.queue: deque[Message] = deque()
        self.is_booted = False
        self._awaits: tuple[str, asyncio.Future[dict[str, Any] | None]] | None = None
        self._news = asyncio.Event()
        self._numbers = 0
        self._not_ours: dict[str, int] = {}

    def say(self, message: Message) -> None:
        """Put a message in line."""
        if message.kept or self.wire is not None:
            self.queue.append(message)
            self._news.set()

    def status(self, evse: int, status: str) -> None:
        """Report a connector's status."""
        self.say(self.speech.status(evse, status))

    async def talk(self) -> None:
        while True:
            if not self.queue or self.wire is None:
                self._news.clear()
                await self._news.wait()
                continue
            message = self.queue[0]
            if self.is_booted:
                await asyncio.sleep(self.chance.between(0.0, self.temper.lag_s))
            if self.wire is None or not self.queue or self.queue[0] is not message:
                continue
            wire = self.wire
            done = await self._exchange(wire, message)
            if not done and message.kept and self.wire is wire:
                message.tries += 1
                await asyncio.sleep(self.words.pause_s(message.tries))
            given_up = self.words.gives_up(message.tries)
            if (done or not message.kept or given_up) and message in self.queue:
                self.queue.remove(message)

    async def _exchange(self, wire: Wire, message: Message) -> bool:
        if not message.message_id or self.chance.happens(0.5):
            self._numbers += 1
            message.message_id = self.words.message_id(self._numbers)
        answer = self.loop.create_future()
        self._awaits = (message.message_id, answer)
        text = self.words.text(message.message_id, message.action, message.payload())
        if message.session is not None and self.words.breathes():
            self._not_ours[message.message_id] = 1
            wire.up(json.dumps([2, message.message_id, "Heartbeat", {}]))
        wire.up(text)
        self._is_under_way(wire, message)
        if self.chance.happens(self.temper.doubles):
            wire.up(text)
        try:
            async with asyncio.timeout(ANSWER_PATIENCE_S):
                payload = await answer
        except TimeoutError:
            return False
        return payload is not None and self._is_taken(message, payload)

    def _is_taken(self, message: Message, payload: dict[str, Any]) -> bool:
        """What the answer says. One that is no answer to the question is none."""
        if message.tells == "begin" and not message.lost and self.words.loses_answer():
            message.lost = True
            self.lose(message)
            return False
        try:
            message.answered(payload)
        except KeyError:
            self.wrong_answer(message, payload)
            return False
        return True

    def lose(self, message: Message) -> None:
        """The answer to this message is lost, and the connection with it."""
        raise NotImplementedError

    def wrong_answer(self, message: Message, payload: dict[str, Any]) -> None:
        """The answer to this message is the answer to something else."""
        raise NotImplementedError

    def _is_under_way(self, wire: Wire, message: Message) -> None:
        """Note when a report got through to a gateway that lives."""
        session, tells, at = message.session, message.tells, self.loop.utc_now()
        if session is None or not tells or getattr(session, f"{tells}_told") is not None:
            return

        def arrived() -> None:
            if wire.holds and wire.gateway.alive and getattr(session, f"{tells}_told") is None:
                setattr(session, f"{tells}_told", at)

        self.loop.call_later(ARRIVES_S, arrived)

    def answered(self, message_id: str, payload: dict[str, Any] | None) -> None:
        """An answer to the message that is out. None: a CALLERROR."""
        if self._not_ours.pop(message_id, 0):
            return
        if self._awaits is not None and self._awaits[0] == message_id:
            answer = self._awaits[1]
            if not answer.done():
                answer.set_result(payload)

    def connected(self) -> None:
        """What waits may go out."""
        self._news.set()

    def nothing_comes(self) -> None:
        """The connection is gone, and the answer with it."""
        awaited, self._awaits = self._awaits, None
        self._not_ours.clear()
        if awaited is not None and not awaited[1].done():
            awaited[1].set_result(None)
