"""Microseconds of CPU to read and answer one message of a station, beside the `ocpp` package.

Ours is the whole pure path: text, checks, schema, message, reply, text. Stock is
`ChargePoint.route_message` with a handler that answers at once and a connection that only keeps the
frame. Stock is measured with its default (schemas in a thread) and without threads. All run in this
process, in turns, on the same frames. Figures are medians of the turns: CPU time of all threads.

    python -m bench message-cost
"""

import itertools
import json
import logging
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ocpp.messages
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call_result as result16
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call_result as result201

from bench.report import Figure
from station_gateway.dialects import v16, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Authorization, Confirmation, TokenVerdict
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import CallReceived

TURNS = 7
CHEAPER = 30
OURS_PER_TURN = 5_000
STOCK_PER_TURN = 150
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Case:
    """One message: its version, its action, and the payload of a real station."""

    dialect: Dialect
    action: str
    payload: dict[str, Any]


CASES = (
    Case(v16, "Heartbeat", {}),
    Case(
        v16,
        "StatusNotification",
        {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": TIME},
    ),
    Case(
        v16,
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": 7,
            "meterValue": [
                {
                    "timestamp": TIME,
                    "sampledValue": [
                        {
                            "value": "12345",
                            "context": "Sample.Periodic",
                            "measurand": "Energy.Active.Import.Register",
                            "location": "Outlet",
                            "unit": "Wh",
                        },
                        {"value": "7200", "measurand": "Power.Active.Import", "unit": "W"},
                        {"value": "16.1", "measurand": "Current.Import", "phase": "L1"},
                    ],
                }
            ],
        },
    ),
    Case(
        v201,
        "TransactionEvent",
        {
            "eventType": "Updated",
            "timestamp": TIME,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": 3,
            "transactionInfo": {"transactionId": "3d6f-1", "chargingState": "Charging"},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": "04A2B3C4", "type": "ISO14443"},
            "meterValue": [
                {
                    "timestamp": TIME,
                    "sampledValue": [
                        {
                            "value": 12345.5,
                            "context": "Sample.Periodic",
                            "measurand": "Energy.Active.Import.Register",
                            "unitOfMeasure": {"unit": "Wh"},
                        },
                        {"value": 7200, "measurand": "Power.Active.Import"},
                    ],
                }
            ],
        },
    ),
)


class _Kept:
    """A connection that keeps the last frame instead of sending it."""

    def __init__(self) -> None:
        self.frame = ""

    async def send(self, frame: str) -> None:
        self.frame = frame


class Stock16(ChargePoint16):  # type: ignore[misc]
    """A stock handler that answers at once."""

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def heartbeat(self) -> Any:
        return result16.Heartbeat(current_time=TIME)

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def status(self, **_: Any) -> Any:
        return result16.StatusNotification()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def meter(self, **_: Any) -> Any:
        return result16.MeterValues()


class Stock201(ChargePoint201):  # type: ignore[misc]
    """A stock handler that answers at once."""

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    def event(self, **_: Any) -> Any:
        return result201.TransactionEvent(id_token_info=IdTagInfo(status="Accepted"))


def frames(case: Case) -> Iterator[str]:
    """The same message again and again, each time with its own message id."""
    payload = json.dumps(case.payload, separators=(",", ":"))
    return (f'[2,"{number}","{case.action}",{payload}]' for number in itertools.count(1))


def ours(case: Case) -> Callable[[str], str]:
    """Our function from a frame to the frame that answers it."""
    session = OcppSession(case.dialect, SessionLimits())
    confirmation = Confirmation(NOW, Authorization(TokenVerdict.ACCEPTED))

    def answer(frame: str) -> str:
        (event,) = session.receive(frame, 0.0)
        if not isinstance(event, CallReceived):
            raise TypeError(event)
        message = case.dialect.read_call(event.action, event.payload, NOW)
        session.reply(event.message_id, case.dialect.reply(message, confirmation))
        return session.data_to_send()[0]

    return answer


def stock(case: Case) -> Callable[[str], Awaitable[str]]:
    """The same function of the `ocpp` package."""
    connection = _Kept()
    kind = Stock16 if case.dialect is v16 else Stock201
    point = kind("bench", connection)

    async def answer(frame: str) -> str:
        await point.route_message(frame)
        return connection.frame

    return answer


def _time_ours(answer: Callable[[str], str], source: Iterator[str]) -> float:
    batch = list(itertools.islice(source, OURS_PER_TURN))
    began = time.process_time()
    for frame in batch:
        answer(frame)
    return (time.process_time() - began) / len(batch) * 1e6


async def _time_stock(
    answer: Callable[[str], Awaitable[str]], source: Iterator[str], *, threads: bool
) -> float:
    ocpp.messages.ASYNC_VALIDATION = threads
    batch = list(itertools.islice(source, STOCK_PER_TURN))
    began = time.process_time()
    for frame in batch:
        await answer(frame)
    return (time.process_time() - began) / len(batch) * 1e6


async def measure_case(case: Case) -> Figure:
    """Measures all three in turns. Raises: RuntimeError when an answer is no CALLRESULT."""
    our_answer, stock_answer, source = ours(case), stock(case), frames(case)
    for reply in (our_answer(next(source)), await stock_answer(next(source))):
        if not reply.startswith("[3,"):
            raise RuntimeError(reply)
    own, plain, threadless = [], [], []
    for _ in range(TURNS):
        own.append(_time_ours(our_answer, source))
        plain.append(await _time_stock(stock_answer, source, threads=True))
        threadless.append(await _time_stock(stock_answer, source, threads=False))
    own_us, stock_us = statistics.median(own), statistics.median(plain)
    return Figure(
        f"message_cost_{case.action}",
        round(own_us, 1),
        round(stock_us, 1),
        "us of CPU",
        target=f"{CHEAPER} times cheaper",
        ok=stock_us / own_us >= CHEAPER,
        details={
            "version": case.dialect.VERSION,
            "stock_threadless": round(statistics.median(threadless), 1),
            "times_cheaper": round(stock_us / own_us, 1),
        },
    )


async def measure() -> None:
    """Prints one line per message."""
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)
    for case in CASES:
        (await measure_case(case)).report()
