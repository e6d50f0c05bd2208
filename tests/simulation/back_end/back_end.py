"""A back end (CSMS) with a mind of its own, behind the gateways of a world.

It serves its station as another vendor's would: it answers boots and meters, judges tokens, gives
ids. And it commands the station itself, at any moment, also what a caller of ours asks for just
then. It may be slow, silent, or gone for a while.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.back_end.answers import Answers, Payload
from tests.simulation.back_end.tempers import LONGEST_S, BackEndTemper
from tests.simulation.back_end.wishes import Wish, Wishes
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.processes import Process
from tests.simulation.servers.wire import Wire

GIVES_UP_S = 30.0
"""How long one that is patient waits for an answer of the station."""

STEP_S = 3.0
MARK = "theirs-"
"""With this begin the message ids of its CALLs."""


@dataclass(frozen=True)
class Pair:
    """The two connections of one relayed socket."""

    station: Wire
    back_end: Wire


@dataclass
class BackEndRecord:
    """What it knows of itself, for the rules. calls: the ids of its CALLs."""

    temper: BackEndTemper
    pairs: list[Pair] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)


class BackEnd:
    """The back end of one station."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        temper: BackEndTemper,
        tell: Callable[[str, str], None],
        *,
        version: str,
        evses: int,
    ) -> None:
        self.record = BackEndRecord(temper)
        self._loop = loop
        self._chance = chance
        self._temper = temper
        self._tell = tell
        self._answers = Answers(chance, temper, loop.utc_now)
        self._wishes = Wishes(chance, loop, version, evses, self._answers)
        self._wire: Wire | None = None
        self._out: str | None = None
        self._away_until_s = 0.0
        self._numbers = 0
        self._busy_until_s: dict[str, float] = {}

    # --- its connections

    def dial(self, gateway: Process, station: Wire) -> Wire | None:
        """A gateway connects as the station. None: it is not reached."""
        if self._loop.time() < self._away_until_s:
            return None
        self._wire = Wire(self._loop, self._chance, self, gateway, latency_s=0.03)
        self._out = None
        self.record.pairs.append(Pair(station, self._wire))
        return self._wire

    def hung_up(self, wire: Wire) -> None:
        """See `wire.StationEnd`."""
        if wire is self._wire:
            self._wire = None

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        quiet = self._chance.happens(self._temper.half_open)
        self._away_until_s = self._loop.time() + self._chance.between(0, self._temper.away_s)
        self._tell("back end", "drops its connection" + (", unseen by the gateway" * quiet))
        wire.cut(gateway_after_s=None if quiet else 0.05, station_after_s=None)

    async def live(self) -> None:
        """Be a back end, for ever."""
        self._loop.create_task(self._wants())
        while True:
            await asyncio.sleep(STEP_S)
            every_s = self._temper.drops_every_s
            if every_s and self._chance.happens(STEP_S / every_s):
                self._drop()

    # --- what the station says

    def heard(self, wire: Wire, text: str) -> None:
        """See `wire.StationEnd`."""
        try:
            frame = json.loads(text, strict=False)
            kind, message_id = frame[0], frame[1]
        except (ValueError, LookupError, TypeError):
            return
        if kind == 2 and len(frame) > 3 and isinstance(frame[3], dict):
            self._answer(wire, message_id, self._answers.to(frame[2], frame[3]))
        elif message_id == self._out:
            self._out = None

    def _answer(self, wire: Wire, message_id: str, payload: Payload) -> None:
        if self._chance.happens(self._temper.silent):
            return
        late = self._chance.happens(self._temper.late)
        after_s = self._chance.between(0.0, LONGEST_S) if late else self._chance.latency(0.05)
        text = json.dumps([3, message_id, payload])
        # A station may use an id for two messages in one breath: they are answered in their order.
        earliest_s = self._busy_until_s.get(message_id, 0.0) + 1e-6
        at_s = max(earliest_s, self._loop.time() + after_s)
        self._busy_until_s[message_id] = at_s
        self._loop.call_at(at_s, lambda: wire.up(text))

    # --- what it wants

    async def _wants(self) -> None:
        for _ in range(self._temper.wishes):
            pause_s = self._chance.pick((0.0, 1.0, 10.0, 40.0))
            await asyncio.sleep(pause_s * self._chance.between(0.5, 1.5))
            until_s = self._loop.time() + GIVES_UP_S
            while self._out and self._temper.is_patient and self._loop.time() < until_s:
                await asyncio.sleep(0.5)
            self._call(self._wishes.any())

    def overhears(self, token: str, evse: int | None) -> None:
        """A caller of ours asks for this start. It may ask for the same at the same moment."""
        if self._chance.happens(self._temper.follows):
            after_s = self._chance.pick((0.0, 0.3, 3.0)) * self._chance.between(0.1, 2.0)
            self._loop.call_later(after_s, lambda: self._call(self._wishes.start(token, evse)))

    def _call(self, wish: Wish) -> None:
        if self._wire is None:
            return
        self._numbers += 1
        action, payload = wish
        message_id = f"{MARK}{self._numbers}"
        self._out = message_id
        self.record.calls.add(message_id)
        self._tell("back end", f"asks {message_id} {action} {payload}")
        self._wire.up(json.dumps([2, message_id, action, payload]))
