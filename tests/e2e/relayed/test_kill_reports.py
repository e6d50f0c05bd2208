"""kill -9 of the gateway, of the back end and of stations in every phase of a relayed session.

The judges are the recordings at both raw sockets, and the same day without us: the back end hears
whatever it would hear on a direct connection, as the same text, and so does the station. What our
gateway took with it is a doubt.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from fleet import reports, transactions
from tests.e2e.relayed.conftest import Relayed
from tests.support.relay.csms import Csms
from tests.support.relay.telling_station import PHASES, TellingStation
from tests.support.stations.scripted_station import eventually, found

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

VERSIONS = ("1.6", "2.0.1")
KNOWN_S = 20.0
UNHEARD, HEARD, ANSWERED = MOMENTS = ("unheard", "heard", "answered")
"""Of the report of a phase when it happens: not read by the back end yet, read, answered."""

Fault = Callable[[list[TellingStation]], Awaitable[None]]


class Day:
    """One station, up to and from a moment in the phase in which something is killed."""

    def __init__(self, url: str, csms: Csms, version: str, phase: str) -> None:
        self.station = TellingStation(f"CP-{uuid.uuid4().hex[:8]}", url, version)
        self.phase = phase
        self._csms = csms
        self._telling: asyncio.Task[None] | None = None

    async def until(self, moment: str) -> None:
        """Tell all that comes before the moment."""
        station, csms = self.station, self._csms
        place = PHASES.index(self.phase)
        for phase in PHASES[:place]:
            await station.tell(phase)
        await station.come_back()
        if moment == UNHEARD:
            csms.go_deaf(station.id)
        if moment != ANSWERED:
            csms.held.add((station.id, station.id_of(self.phase)))
        self._telling = asyncio.create_task(station.tell(self.phase))
        if moment == UNHEARD:
            await eventually(lambda: any(self._is_report(text) for text in station.sent))
        elif moment == HEARD:
            await eventually(lambda: any(map(self._is_report, csms.heard[station.id])))
        else:
            await self._telling

    def _is_report(self, text: str) -> bool:
        return bool(json.loads(text)[1] == self.station.id_of(self.phase))

    async def go_on(self) -> None:
        """Tell the rest."""
        assert self._telling is not None
        await self._telling
        for phase in PHASES[PHASES.index(self.phase) + 1 :]:
            await self.station.tell(phase)
        await self.station.come_back()  # whoever holds it next knows what may be lost
        await self.station.leave()

    def never_heard(self) -> set[str]:
        """The reports that the back end has not got."""
        heard = set(self._csms.heard[self.station.id])
        return {phase for phase in PHASES if self.station.text(phase) not in heard}

    def passed_unchanged(self) -> None:
        """Each side got nothing but what the other side has said."""
        station, csms = self.station, self._csms
        assert set(csms.heard[station.id]) <= set(station.sent)
        assert set(station.got) <= set(csms.said[station.id])


async def play(
    url: str, csms: Csms, moment: str, fault: Fault, phases: Iterable[str] = PHASES
) -> dict[tuple[str, str], Day]:
    """Stations of both versions are each in another phase when it happens."""
    days = {(v, phase): Day(url, csms, v, phase) for v in VERSIONS for phase in phases}
    await asyncio.gather(*(day.until(moment) for day in days.values()))
    csms.held.clear()
    await fault([day.station for day in days.values()])
    await asyncio.gather(*(day.go_on() for day in days.values()))
    return days


def faults(relayed: Relayed, csms: Csms) -> dict[str, tuple[Fault, Fault]]:
    """What happens through us, and what happens to a direct connection then, by the victim."""

    async def gateway_dies(_stations: list[TellingStation]) -> None:
        await relayed.fleet.crash("gateway")
        await relayed.fleet.recover("gateway")

    async def connections_break(_stations: list[TellingStation]) -> None:
        csms.cut()

    async def back_end_dies(_stations: list[TellingStation]) -> None:
        await csms.die()
        await csms.live()

    async def stations_die(stations: list[TellingStation]) -> None:
        for station in stations:
            station.cut_power()

    return {
        "gateway": (gateway_dies, connections_break),
        "back end": (back_end_dies, back_end_dies),
        "station": (stations_die, stations_die),
    }


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", ["gateway", "back end", "station"])
async def test_the_back_end_hears_all_that_it_would_hear_without_us(
    relayed: Relayed, victim: str, moment: str
) -> None:
    csms = relayed.csms
    ours, direct = faults(relayed, csms)[victim]
    began = datetime.now(UTC) - timedelta(seconds=1)
    without_us = await play(csms.url, csms, moment, direct)
    through_us = await play(relayed.fleet.ocpp_url, csms, moment, ours)
    for at, day in through_us.items():
        assert day.never_heard() <= without_us[at].never_heard(), at
        day.passed_unchanged()
    lost = victim == "gateway"  # it may have taken copies with it
    told = (day.station for day in through_us.values())
    await asyncio.gather(*(is_known(relayed, each, began, may_doubt=lost) for each in told))


async def is_known(
    relayed: Relayed, station: TellingStation, since: datetime, *, may_doubt: bool
) -> None:
    """Our fleet has the whole session as it was told, or knows that it does not know all."""

    async def look() -> bool:
        async with relayed.db.read() as tx:
            doubts = await reports.untaken_since(tx, station.id, since)
            told = await transactions.list_page(tx, tenant="default", station=station.id, limit=10)
        assert may_doubt or not doubts, doubts
        ended = [(each.ocpp_transaction_id, each.state) for each in told]
        return bool(doubts) or ended == [(str(station.number), "ENDED")]

    await found(look, KNOWN_S)
