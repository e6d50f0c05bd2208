"""A gateway in front of another back end (CSMS), both on free ports."""

from collections.abc import AsyncIterator

import pytest

from tests.support.benches.gateway_bench import Bench
from tests.support.relay.away_back_end import AwayBackEnd
from tests.support.relay.back_end import BackEnd


@pytest.fixture
async def back_end() -> AsyncIterator[BackEnd]:
    """A back end that speaks each version."""
    async with BackEnd().running("ocpp2.1", "ocpp2.0.1", "ocpp1.6") as running:
        yield running


@pytest.fixture
async def relay(bench: Bench, back_end: BackEnd) -> Bench:
    """The gateway, which relays every station to the back end and observes."""
    await bench.restart(upstream_url=back_end.url)
    return bench


@pytest.fixture
async def behind() -> AsyncIterator[AwayBackEnd]:
    """A back end that can be away."""
    made = AwayBackEnd()
    await made.open()
    yield made
    await made.leave()
