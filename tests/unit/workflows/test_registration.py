"""A server refuses search attributes for a while after it was told about them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.registration import ATTRIBUTES, search_attributes_work


@dataclass
class Server:
    """Answers a query with a status; None: it takes it."""

    answer: RPCStatusCode | None
    asked: str = ""

    async def count_workflows(self, query: str, *, rpc_timeout: timedelta) -> None:
        self.asked = query
        if self.answer is not None:
            raise RPCError("no", self.answer, b"")


async def works(server: Server) -> bool:
    return await search_attributes_work(cast(Client, server))


async def test_attributes_work_when_a_query_with_all_of_them_is_taken() -> None:
    server = Server(None)
    assert await works(server)
    assert all(name in server.asked for name in ATTRIBUTES)


async def test_attributes_do_not_work_while_the_server_does_not_know_them() -> None:
    assert not await works(Server(RPCStatusCode.INVALID_ARGUMENT))


async def test_a_server_that_cannot_search_is_not_waited_for() -> None:
    assert await works(Server(RPCStatusCode.UNIMPLEMENTED))


async def test_a_server_that_is_down_says_nothing_about_them() -> None:
    with pytest.raises(RPCError):
        await works(Server(RPCStatusCode.UNAVAILABLE))
