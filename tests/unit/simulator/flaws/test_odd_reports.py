"""Reports that are true and look odd, and reports that name the wrong thing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.config import Cable
from simulator.dialects.messages import parse_time
from simulator.flaws import (
    BeginsTwice,
    ConnectorZero,
    EndsBeforeStart,
    NamesReservation,
    NoToken,
    OddFields,
    OddText,
    WrongTag,
)
from simulator.oddities.fields import ODD_FIELDS, odd_payload
from simulator.oddities.texts import ODD_TEXTS
from tests.unit.simulator.stations import (
    EVERY,
    NEWER,
    charges,
    connected,
    hears_session,
    start,
    stop_call,
)

ROOT = Path(__file__).resolve().parents[4]
FIRST: dict[str, Any] = {"cable": Cable.FIRST}
V16_START = {
    "connectorId": 1,
    "idTag": "04AB",
    "meterStart": 1000,
    "timestamp": "2030-01-01T00:00:00Z",
}
V16_STOP = {
    "transactionId": 4,
    "idTag": "04AB",
    "meterStop": 1010,
    "timestamp": "2030-01-01T00:00:00Z",
}
V16_METER = {
    "connectorId": 1,
    "transactionId": 4,
    "meterValue": [{"sampledValue": [{"value": "1"}]}],
}
EVENT = {
    "timestamp": "2030-01-01T00:00:00Z",
    "triggerReason": "RemoteStart",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "t1", "stoppedReason": "Remote"},
    "idToken": {"idToken": "04AB", "type": "ISO14443"},
    "evse": {"id": 1},
}
SAMPLES = {"StartTransaction": V16_START, "StopTransaction": V16_STOP, "MeterValues": V16_METER}


def sample_of(name: str) -> dict[str, Any]:
    odd = ODD_FIELDS[name]
    return SAMPLES.get(odd.action) or {"eventType": odd.event or "Updated", **EVENT}


@pytest.mark.parametrize("name", ODD_FIELDS)
def test_each_odd_field_changes_its_own_message_and_no_other(name: str) -> None:
    payload = sample_of(name)
    assert odd_payload(name, ODD_FIELDS[name].action, payload) != payload
    assert odd_payload(name, "Heartbeat", payload) is payload
    assert payload == sample_of(name)


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_each_odd_text_keeps_what_the_frame_says(name: str) -> None:
    text = json.dumps([2, "1", "StartTransaction", V16_START], separators=(",", ":"))
    odd = ODD_TEXTS[name](text)
    assert odd != text
    assert "StartTransaction" in odd


@pytest.mark.parametrize("name", [*ODD_FIELDS, *ODD_TEXTS])
def test_each_oddity_is_documented(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "simulator.md").read_text()


async def test_a_start_may_have_odd_fields() -> None:
    odd = OddFields(frozenset({"start-without-timestamp", "start-unit-meter"}))
    async with connected("1.6", odd, lawful=False, **FIRST) as (system, _station):
        await start(system, "1.6")
        begun = await hears_session(system, "1.6")
    assert "timestamp" not in begun
    assert str(begun["meterStart"]).endswith(" kWh")


@EVERY
async def test_a_report_may_be_written_in_an_odd_way(version: str) -> None:
    async with connected(version, OddText("key-twice"), lawful=False, **FIRST) as (system, station):
        await charges(system, station)
        await hears_session(system, version)


def test_only_reports_are_written_in_an_odd_way() -> None:
    flaw = OddText("bom")
    assert flaw.spelled([2, "1", "StartTransaction", {}], "[]").startswith("\ufeff")
    assert flaw.spelled([2, "1", "Heartbeat", {}], "[]") == "[]"


@pytest.mark.parametrize("make", [lambda: OddFields(frozenset({"x"})), lambda: OddText("x")])
def test_an_unknown_oddity_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="none of"):
        make()


@EVERY
async def test_an_end_may_be_before_its_start(version: str) -> None:
    async with connected(version, EndsBeforeStart(660.0), **FIRST) as (system, station):
        await charges(system, station)
        await system.ask(*stop_call(station))
        if version == "1.6":
            ended = await system.hears("StopTransaction")
        else:
            ended = await system.hears("TransactionEvent", eventType="Ended")
    assert parse_time(ended["timestamp"]) < datetime.now(UTC) - timedelta(minutes=10)


@NEWER
async def test_a_token_may_never_be_told(version: str) -> None:
    async with connected(version, NoToken(), **FIRST) as (system, station):
        await charges(system, station)
        assert not any("idToken" in payload for _, payload in system.calls)


@EVERY
async def test_a_session_may_be_reported_under_another_tag(version: str) -> None:
    async with connected(version, WrongTag("NOBODY"), **FIRST) as (system, station):
        await charges(system, station)
        begun = await hears_session(system, version)
    assert "NOBODY" in str(begun)


@EVERY
async def test_a_session_may_be_on_connector_zero(version: str) -> None:
    async with connected(version, ConnectorZero(), **FIRST) as (system, station):
        await charges(system, station)
        begun = await hears_session(system, version)
    assert 0 in {begun.get("connectorId"), begun.get("evse", {}).get("id")}


@EVERY
async def test_a_session_may_name_a_reservation_that_is_not_its_own(version: str) -> None:
    async with connected(version, NamesReservation(77), **FIRST) as (system, station):
        await charges(system, station)
        assert (await hears_session(system, version))["reservationId"] == 77


@EVERY
async def test_a_session_may_begin_twice(version: str) -> None:
    async with connected(version, BeginsTwice(), **FIRST) as (system, station):
        await charges(system, station)
        first, second = (
            await hears_session(system, version),
            await hears_session(system, version, 2),
        )
    names = [one.get("transactionInfo", {}).get("transactionId") for one in (first, second)]
    assert names == [None, None] or names[0] != names[1]
