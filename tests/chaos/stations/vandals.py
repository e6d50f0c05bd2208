"""Sockets of people who are no stations: garbage, floods, and a stranger with a wrong password."""

import asyncio
import random
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.support.stations.scripted_station import basic

_GARBAGE: tuple[str | bytes, ...] = (
    "",
    "[",
    "null",
    '[2,"x"]',
    '[9,"x","Heartbeat",{}]',
    '[2,"x","BootNotification",{}]',
    '[2,"x","Nonsense",{"a":NaN}]',
    '[3,"never-asked",{}]',
    "[" * 200,
    b"\xff\xfe\x00",
    '[2,"y","Heartbeat",{}]' + " " * 70_000,
)
_FLOOD = '[2,"z","Heartbeat",{}]'
_FLOOD_MESSAGES = 300
_MISDEED_S = 5.0
VICTIM = "HONEST-1"
"""The station that a stranger says he is."""


async def vandals(seed: int, door: str, intruders: list[str]) -> None:
    """Goes on for ever, one misdeed after the other; every socket is one that nobody misses.

    intruders: gets the name of the station as which a stranger was let in.
    """
    dice = random.Random(f"vandals/{seed}")
    while True:
        misdeed = dice.choice((_garbage, _flood, _half_open, _stranger))
        with suppress(OSError, TimeoutError, WebSocketException):
            async with asyncio.timeout(_MISDEED_S):
                await misdeed(dice, door)
                if misdeed is _stranger:
                    intruders.append(VICTIM)
        await asyncio.sleep(dice.uniform(0.5, 2.0))


async def _garbage(dice: random.Random, door: str) -> None:
    async with connect(f"{door}/VANDAL-1", subprotocols=[Subprotocol("ocpp1.6")]) as socket:
        for text in dice.sample(_GARBAGE, 5):
            await socket.send(text)
            await asyncio.sleep(0.05)


async def _flood(_dice: random.Random, door: str) -> None:
    async with connect(f"{door}/VANDAL-2", subprotocols=[Subprotocol("ocpp2.0.1")]) as socket:
        for _ in range(_FLOOD_MESSAGES):
            await socket.send(_FLOOD)


async def _half_open(_dice: random.Random, door: str) -> None:
    host, _, port = door.removeprefix("ws://").partition("/")[0].partition(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET /ocpp/VANDAL-3 HTTP/1.1\r\n")
        await asyncio.sleep(2)
    finally:
        writer.transport.abort()


async def _stranger(_dice: random.Random, door: str) -> None:
    """Knows the name of an honest station, and not its password."""
    headers = basic(VICTIM, "no-password-of-its")
    async with connect(
        f"{door}/{VICTIM}",
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers=headers,
    ):
        return
