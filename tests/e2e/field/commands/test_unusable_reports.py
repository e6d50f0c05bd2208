"""Reports that nobody can use, beside each command that waits: they are facts, and no silence."""

import asyncio
from typing import Any

import pytest

from tests.e2e.field.commands.asking import Outcome, start_action
from tests.e2e.field.crowd import calling
from tests.e2e.field.raw_station import Payload, RawStation, RefusedCall, event, raw_station
from tests.e2e.field.starting import DELAYS_MS, VERSIONS, accepts_starts, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e


async def reports_uselessly(station: RawStation) -> None:
    """A session is reported, and nothing tells where or which."""
    action, payload = "StartTransaction", dict[str, Any](meterStart=1)
    if station.subprotocol != "ocpp1.6":
        action, payload = "TransactionEvent", event("Started", 0, "RemoteStart", {})
    with pytest.raises(RefusedCall):
        await station.call(action, payload)


async def told_beside_it(system: System, version: str, delay_ms: int) -> tuple[str, str]:
    """What is told of a start that the station agrees to, before a report that is of no use."""
    identity = f"useless-{version}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, version) as station:
        answered, _ = accepts_starts(station, version)
        starting = calling(lambda: start(system, identity))
        await asyncio.wait_for(answered.wait(), 40)
        await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
        await reports_uselessly(station)
        outcome = (await starting).outcome
    return Outcome.Code.Name(outcome.code), outcome.cause


async def told_before_its_answer(system: System, version: str, delay_ms: int) -> tuple[str, str]:
    """The same, where the report comes before the station's yes."""
    identity = f"useless-first-{version}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, version) as station:

        async def agree(_: Payload) -> Payload:
            await reports_uselessly(station)
            await asyncio.sleep(delay_ms / 1000)  # of the station, before its answer
            return {"status": "Accepted"}

        station.answers_later(start_action(version), agree)
        outcome = (await calling(lambda: start(system, identity))).outcome
    return Outcome.Code.Name(outcome.code), outcome.cause


@pytest.mark.parametrize("tell", [told_beside_it, told_before_its_answer])
async def test_a_report_that_is_of_no_use_forbids_to_say_that_nothing_began(
    impatient: System, tell: Any
) -> None:
    cases = [(version, delay_ms) for version in VERSIONS for delay_ms in DELAYS_MS]
    told = await asyncio.gather(*(tell(impatient, *case) for case in cases))
    unknown = ("CODE_UNKNOWN", "REPORT_NOT_USABLE")
    assert dict(zip(cases, told, strict=True)) == dict.fromkeys(cases, unknown)
