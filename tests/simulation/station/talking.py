"""How the hostile station gets its own messages out: one after the other, again, twice, late."""

import asyncio
import json
from collections import deque
from typing import Any

from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.wire import Wire
from tests.simulation.station.speech import Message, Speech
from tests.simulation.station.tempers import Temper

ANSWER_PATIENCE_S = 25.0
"""How long it waits for the answer to a message of its own."""


class Talker:
    """The half of a station that speaks: a line of messages, and the one that is out."""

    def __init__(self, loop: VirtualLoop, chance: Chance, temper: Temper, speech: Speech) -> None:
        self.loop = loop
        self.chance = chance
        self.temper = temper
        self.speech = speech
        self.wire: Wire | None = None
        self.queue: deque[Message] = deque()
        self.is_booted = False
        self._awaits: tuple[str, asyncio.Future[dict[str, Any] | None]] | None = None
        self._news = asyncio.Event()
        self._numbers = 0

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
            done = await self._exchange(self.wire, message)
            if (done or not message.kept) and message in self.queue:
                self.queue.remove(message)

    async def _exchange(self, wire: Wire, message: Message) -> bool:
        if not message.message_id or self.chance.happens(0.5):
            self._numbers += 1
            message.message_id = f"s{self._numbers}"
        answer = self.loop.create_future()
        self._awaits = (message.message_id, answer)
        text = json.dumps([2, message.message_id, message.action, message.payload()])
        wire.up(text)
        if self.chance.happens(self.temper.doubles):
            wire.up(text)
        try:
            async with asyncio.timeout(ANSWER_PATIENCE_S):
                payload = await answer
        except TimeoutError:
            return False
        if payload is None:
            return False
        message.answered(payload)
        return True

    def answered(self, message_id: str, payload: dict[str, Any] | None) -> None:
        """An answer to the message that is out. None: a CALLERROR."""
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
        if awaited is not None and not awaited[1].done():
            awaited[1].set_result(None)
