"""A tenant that reads much makes its own calls wait, and nobody else's."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from broker.access.caller import Caller
from broker.auth import set_current_caller
from broker.reading.read_turns import ReadTurns

AT_ONCE = 2
WAIT_S = 10.0


class House:
    """A server whose methods wait until they are let go. `begun`: by method and tenant."""

    def __init__(self, at_once: int) -> None:
        self.turns = ReadTurns(at_once)
        self.let_go = asyncio.Event()
        self.begun: Counter[tuple[str, str]] = Counter()
        self.address = ""

    def handler(self, method: str) -> Any:
        async def serve(request: bytes, _context: Any) -> bytes:
            self.begun[method, request.decode()] += 1
            await self.let_go.wait()
            return request

        return grpc.unary_unary_rpc_method_handler(serve)

    async def call(self, method: str, tenant: str, caller: str = "desk") -> bytes:
        async with grpc.aio.insecure_channel(self.address) as channel:
            stub: Any = channel.unary_unary(f"/evcommand.v1.Things/{method}")
            metadata = (("tenant", tenant), ("caller", caller))
            answer: bytes = await stub(tenant.encode(), metadata=metadata, timeout=WAIT_S)
            return answer

    async def until_begun(self, method: str, tenant: str, calls: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while self.begun[method, tenant] < calls:
                await asyncio.sleep(0.005)


class Naming(grpc.aio.ServerInterceptor):
    """Says who calls, as `broker.calls` does: within the call."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        metadata = dict(handler_call_details.invocation_metadata)

        async def serve(request: Any, context: Any) -> Any:
            set_current_caller(Caller(str(metadata["caller"]), str(metadata["tenant"])))
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(serve)


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    house = House(getattr(request, "param", AT_ONCE))
    server = grpc.aio.server(interceptors=[Naming(), house.turns])
    methods = {name: house.handler(name) for name in ("ListThings", "StartThing")}
    generic = grpc.method_handlers_generic_handler("evcommand.v1.Things", methods)
    server.add_generic_rpc_handlers((generic,))
    house.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield house
    await server.stop(None)


async def asked(house: House, *calls: tuple[str, str], caller: str = "desk") -> list[Any]:
    return [asyncio.create_task(house.call(*call, caller)) for call in calls]


async def test_reads_of_one_tenant_wait_for_each_other_and_those_of_another_do_not(
    house: House,
) -> None:
    many = await asked(house, *[("ListThings", "north")] * 6)
    await house.until_begun("ListThings", "north", AT_ONCE)
    other = await asked(house, ("ListThings", "south"))
    await house.until_begun("ListThings", "south", 1)
    assert house.begun["ListThings", "north"] == AT_ONCE
    house.let_go.set()
    assert await asyncio.gather(*many, *other) == [b"north"] * 6 + [b"south"]
    assert house.turns.tenants == 0


async def test_a_change_waits_for_no_read(house: House) -> None:
    reads = await asked(house, *[("ListThings", "north")] * 3)
    await house.until_begun("ListThings", "north", AT_ONCE)
    changes = await asked(house, *[("StartThing", "north")] * 3)
    await house.until_begun("StartThing", "north", 3)
    house.let_go.set()
    await asyncio.gather(*reads, *changes)


async def test_who_goes_away_while_it_waits_keeps_no_turn(house: House) -> None:
    first = await asked(house, *[("ListThings", "north")] * AT_ONCE)
    await house.until_begun("ListThings", "north", AT_ONCE)
    for gone in await asked(house, *[("ListThings", "north")] * 3):
        await asyncio.sleep(0)
        gone.cancel()
    house.let_go.set()
    await asyncio.gather(*first)
    assert await house.call("ListThings", "north") == b"north"
    async with asyncio.timeout(WAIT_S):
        while house.turns.tenants:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("house", "caller"), [(AT_ONCE, ""), (0, "desk")], indirect=["house"])
async def test_without_a_credential_or_a_limit_there_are_no_turns(
    house: House, caller: str
) -> None:
    calls = await asked(house, *[("ListThings", "default")] * 4, caller=caller)
    await house.until_begun("ListThings", "default", 4)
    house.let_go.set()
    await asyncio.gather(*calls)
