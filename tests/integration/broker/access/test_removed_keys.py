"""A key that is not in the settings any longer gets no more posts."""

import pytest
from evcommand.v1 import callback_service_pb2 as pb
from temporalio.client import Client

from broker.callbacks.client import Receivers
from broker.callbacks.posting import CallbackPoster
from broker.settings import ApiKey, BrokerSettings
from contract.callbacks import PostCallbackInput, PostStatus
from domain.callbacks import NewsKind
from fleet.keys import load_sealer
from journal.clock import system_clock
from tests.integration.broker.test_callbacks import desks
from tests.support.benches.broker_house import House
from tests.support.receiver import receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_key_that_was_taken_out_of_the_settings_is_told_of_no_command_any_longer(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        await desk.rotate()
        command = await desk.start(station, receiver.url())
        told = await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)
        post = PostCallbackInput(
            "default",
            command.name.split("/")[1],
            told.sequence,
            told.name.split("/")[1],
            NewsKind.OUTCOME,
        )
        others = BrokerSettings(api_keys=(ApiKey("other", "d" * 64),), callback_allow_private=True)
        receivers = Receivers(others)
        sealer = await load_sealer(house.db)
        poster = CallbackPoster(house.db, sealer, receivers, others, clock=system_clock)
        result = await poster.post_callback(post)
        await receivers.close()
        assert (result.status, result.cause) == (PostStatus.RETRY, "NOT_ALLOWED")
    assert len(receiver.posts) == 1
