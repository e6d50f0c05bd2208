"""kill -9 of the gateway, of the back end and of stations in every phase of a command of ours.

Stations in all phases meet one kill. Afterwards one half of them begins the session that it was
asked for, and the other half never does. Whatever was lost: no outcome says what did not happen,
and no station was asked twice.
"""

import asyncio
import uuid
from typing import Any

import pytest

from fleet import transactions
from tests.e2e.relayed.conftest import Relayed
from tests.support.client import Client, Command, OfflinePolicy, WaitFor, code_of
from tests.support.relay.telling_station import STARTS, TOKEN, TellingStation
from tests.support.stations.scripted_station import eventually, found

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

VERSIONS = ("1.6", "2.0.1")
QUEUED, SENT, ANSWERED, TOLD, SEEN = "queued", "sent", "answered", "told", "seen"
"""Where the command stands: behind a CALL of the back end; at the station; accepted; the session
is told to the back end, which has not answered; the effect is seen."""

BEFORE_THE_EFFECT = (QUEUED, SENT, ANSWERED)


class Start:
    """One station, and our start at it. begins: whether it ever begins the session."""

    def __init__(self, relayed: Relayed, client: Client, version: str, phase: str, begins: bool):
        self.station = TellingStation(f"CP-{uuid.uuid4().hex[:8]}", relayed.fleet.ocpp_url, version)
        self.phase, self.begins = phase, begins
        self._csms, self._db = relayed.csms, relayed.db
        self._client = client
        self._command = Command()
        self._telling: asyncio.Task[None] | None = None

    async def until(self) -> None:
        """Have the command come to its phase."""
        station, client = self.station, self._client
        await station.tell("boot")
        await client.station_is_ready(station.id)
        if self.phase == QUEUED:
            await self._csms.ask(station.id, "theirs", "DataTransfer", {"vendorId": "x"})
            assert (await self.station.next_call())[2] == "DataTransfer"
        waits = OfflinePolicy.OFFLINE_POLICY_WAIT
        self._command = await client.start(
            station.id, wait_for=WaitFor.WAIT_FOR_SUBMITTED, offline_policy=waits, token=TOKEN
        )
        if self.phase == QUEUED:
            return
        call = await self._hears()
        if self.phase == SENT:
            return
        await station.answer(call, {"status": "Accepted"})
        await client.answered(self._command.name)
        if self.phase == ANSWERED:
            return
        if self.phase == TOLD:
            self._csms.held.add((station.id, station.id_of("start")))
        self._telling = asyncio.create_task(station.tell("start"))
        if self.phase == TOLD:
            await eventually(lambda: len(self._csms.heard[station.id]) > 1)
        else:
            await self._telling
            await client.done(self._command.name)

    async def go_on(self) -> None:
        """Do what an honest station does that has come back."""
        station = self.station
        await station.come_back()
        if self.phase == QUEUED:
            await station.answer(await self._hears(), {"status": "Accepted"})
        if self._telling is not None:
            await self._telling
        elif self.begins:
            await station.tell("start")

    async def told_the_truth(self) -> None:
        """The outcome is one that may be said of what has happened."""
        ended = await self._client.done(self._command.name)
        place = (self.station.version, self.phase, self.begins)
        assert self.station.asked_to_start == 1, place
        code = code_of(ended)
        if self.begins:
            assert code in {"SUCCEEDED", "UNKNOWN"}, (place, ended)
        else:
            assert code in {"NO_EFFECT", "UNKNOWN"}, (place, ended)
        if code == "SUCCEEDED":
            await self._has_its_session(ended)
        await self.station.leave()

    async def _has_its_session(self, ended: Command) -> None:
        """The session of the outcome has its id as soon as the back end has given it."""
        name = ended.outcome.session.transaction.rpartition("/")[2]

        async def look() -> bool:
            async with self._db.read() as tx:
                session = await transactions.get(tx, name=name)
            return session is not None and session.ocpp_transaction_id == str(self.station.number)

        await found(look)

    async def _hears(self) -> list[Any]:
        call = await self.station.next_call()
        assert call[2] == STARTS[self.station.version]
        return call


async def kill(relayed: Relayed, victim: str, starts: list[Start]) -> None:
    """kill -9, and what an orchestrator does then."""
    if victim == "gateway":
        await relayed.fleet.crash("gateway")
        await relayed.fleet.recover("gateway")
    elif victim == "back end":
        await relayed.csms.die()
        await relayed.csms.live()
    else:
        for start in starts:
            start.station.cut_power()


@pytest.mark.parametrize("victim", ["gateway", "back end", "station"])
async def test_no_command_lies_whatever_is_killed_while_it_runs(
    relayed: Relayed, client: Client, victim: str
) -> None:
    phases = [(phase, False) for phase in BEFORE_THE_EFFECT]
    phases += [(phase, True) for phase in (*BEFORE_THE_EFFECT, TOLD, SEEN)]
    starts = [Start(relayed, client, v, *phase) for v in VERSIONS for phase in phases]
    await asyncio.gather(*(start.until() for start in starts))
    relayed.csms.held.clear()
    await kill(relayed, victim, starts)
    await asyncio.gather(*(start.go_on() for start in starts))
    await asyncio.gather(*(start.told_the_truth() for start in starts))
