"""The largest frames cost little, whatever they are full of: one frame never stops a gateway.

What a frame costs is counted, not timed: the calls that Python makes for it. A call takes between
50 and 200 ns, so that the limit here is below ten milliseconds.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from station_gateway.dialects import DIALECTS
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import CallReceived
from station_gateway.session.frames import FrameLimits
from station_gateway.settings import GatewaySettings

SETTINGS = GatewaySettings()
MOST_CALLS = 70_000
TIME = "2026-01-01T00:00:00Z"
REPORT = f'[2,"1","NotifyReport",{{"requestId":1,"generatedAt":"{TIME}","seqNo":0,"reportData":['
METER = f'[2,"1","MeterValues",{{"evseId":1,"meterValue":[{{"timestamp":"{TIME}","sampledValue":['
METER_16 = METER.replace("evseId", "connectorId")
STOP_16 = (
    f'[2,"1","StopTransaction",{{"transactionId":1,"meterStop":"1","timestamp":"{TIME}",'
    f'"transactionData":[{{"timestamp":"{TIME}","sampledValue":['
)
EVENT = (
    f'[2,"1","TransactionEvent",{{"eventType":"updated","timestamp":"{TIME}","seqNo":1,'
    f'"triggerReason":"x","transactionInfo":{{"transactionId":"a"}},'
    f'"meterValue":[{{"timestamp":"{TIME}","sampledValue":['
)
ENTRY = '{"component":{"name":"A"},"variable":{"name":"B"},"variableAttribute":[{"value":null}]}'

FRAMES = {
    "report of nulls": ("ocpp2.0.1", REPORT, "null", "]}]"),
    "report of null values": ("ocpp2.0.1", REPORT, ENTRY, "]}]"),
    "spaced report": ("ocpp2.0.1", " " + REPORT, ENTRY.replace("null", '"1"'), "]}]"),
    "digits": ("ocpp2.1", ' [2,"1","NotifyReport",{"a":[', "1", "]}]"),
    "objects": ("ocpp2.1", ' [2,"1","NotifyReport",{"a":[', '{"a":0}', "]}]"),
    "keys": ("ocpp2.1", ' [2,"1","NotifyReport",{"a":[', '{"a":0,"b":0,"c":{}}', "]}]"),
    "brackets in texts": ("ocpp2.1", ' [2,"1","NotifyReport",{"a":[', '"]["', "]}]"),
    "samples": ("ocpp2.0.1", METER, '{"value":"12 Wh","measurand":null}', "]}]}]"),
    "empty samples": ("ocpp2.0.1", METER, '{"value":""}', "]}]}]"),
    "null samples": ("ocpp2.0.1", METER, "null", "]}]}]"),
    "meter values": (
        "ocpp2.0.1",
        '[2,"1","MeterValues",{"evseId":1,"meterValue":[',
        '{"timestamp":"x","sampledValue":[{"value":"1"}]}',
        "]}]",
    ),
    "events": ("ocpp2.1", EVENT, '{"value":"1,5","measurand":null}', "]}]}]"),
    "1.6 samples": ("ocpp1.6", METER_16, '{"value":1,"unit":null}', "]}]}]"),
    "1.6 null samples": ("ocpp1.6", METER_16, "null", "]}]}]"),
    "1.6 end": ("ocpp1.6", STOP_16, '{"value":1}', "]}]}]"),
}
BROKEN = {
    "control characters": ("ocpp1.6", METER_16, '{"value":"\t1"}', "]}]}]"),
    "commas too many": ("ocpp1.6", METER_16, '{"value":"1",}', "]}]}]"),
}


def filled(head: str, unit: str, tail: str, size: int) -> str:
    count = (size - len(head) - len(tail)) // (len(unit) + 1)
    return head + ",".join([unit] * count) + tail


def calls_of(work: Callable[[], None]) -> int:
    """How many functions, of Python and of C, are called meanwhile."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def taking(subprotocol: str, text: str) -> Callable[[], None]:
    """Receives the text and reads its message."""
    dialect = DIALECTS[subprotocol]
    frame = FrameLimits(
        frame_bytes=SETTINGS.frame_bytes(dialect.CAPABILITIES),
        mend=True,
        mend_bytes=SETTINGS.mend_bytes,
    )

    def take() -> None:
        events = OcppSession(dialect, SessionLimits(frame=frame)).receive(text, 0.0)
        for event in events:
            if isinstance(event, CallReceived):
                dialect.read_call(event.action, event.payload, datetime.now(UTC))

    return take


@pytest.mark.parametrize(("subprotocol", "head", "unit", "tail"), FRAMES.values(), ids=FRAMES)
def test_the_largest_frame_costs_little(subprotocol: str, head: str, unit: str, tail: str) -> None:
    size = SETTINGS.frame_bytes(DIALECTS[subprotocol].CAPABILITIES)
    take = taking(subprotocol, filled(head, unit, tail, size))
    take()  # the schema is compiled once per process
    assert calls_of(take) < MOST_CALLS


@pytest.mark.parametrize(("subprotocol", "head", "unit", "tail"), BROKEN.values(), ids=BROKEN)
def test_the_largest_text_that_is_mended_costs_little(
    subprotocol: str, head: str, unit: str, tail: str
) -> None:
    take = taking(subprotocol, filled(head, unit, tail, SETTINGS.mend_bytes))
    take()
    assert calls_of(take) < MOST_CALLS
