"""The numbers of a fleet after traffic that is known exactly."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from prometheus_client.parser import text_string_to_metric_families

from fleet import wakeups
from fleet.database import Database
from tests.e2e.telemetry.house import Story, Watched
from tests.e2e.telemetry.metrics_page import MetricsPage
from tests.support.stations.scripted_station import ScriptedStation, connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SUBMITTED = options_pb.WaitFor.WAIT_FOR_SUBMITTED
START, STOP = "START_SESSION", "STOP_SESSION"
WAIT_S = 15.0

NUMBERS = [
    (3, "evcommand_commands_total", {}),
    (1, "evcommand_commands_total", {"kind": START, "outcome": "SUCCEEDED"}),
    (1, "evcommand_commands_total", {"kind": STOP, "outcome": "SUCCEEDED"}),
    (1, "evcommand_commands_total", {"outcome": "NOT_SENT", "cause": "STATION_OFFLINE"}),
    (0, "evcommand_outcomes_raised_total", {}),
    (1, "evcommand_answer_seconds_count", {"kind": START}),
    (1, "evcommand_answer_seconds_count", {"kind": STOP}),
    (1, "evcommand_effect_seconds_count", {"kind": START}),
    (1, "evcommand_effect_seconds_count", {"kind": STOP}),
    (2, "evcommand_rpcs_total", {"method": "StartSession", "code": "OK"}),
    (1, "evcommand_rpcs_total", {"method": "StopSession", "code": "OK"}),
    (2, "evcommand_rpc_seconds_count", {"method": "StartSession"}),
    (1, "evcommand_refused_handshakes_total", {"reason": "wrong_credentials"}),
    (1, "evcommand_connected_stations", {"version": "1.6"}),
    (1, "evcommand_frames_total", {"direction": "out", "action": "RemoteStartTransaction"}),
    (1, "evcommand_frames_total", {"direction": "in", "action": "StartTransaction"}),
    (0, "evcommand_bad_frames_total", {}),
    (0, "evcommand_queue_depth", {}),
    (0, "evcommand_dropped_logs_total", {}),
    (0, "evcommand_dropped_spans_total", {}),
]


@asynccontextmanager
async def scripted_station(watched: Watched) -> AsyncIterator[tuple[str, ScriptedStation]]:
    """A booted station whose frames the test decides."""
    name, password = f"CP-{uuid.uuid4().hex[:8]}", watched.secrets.password
    await watched.desk.register(name, password)
    async with connected(f"{watched.fleet.ocpp_url}/{name}", password) as station:
        await station.boot()
        yield name, station


async def page_when(watched: Watched, holds: Callable[[MetricsPage], bool]) -> MetricsPage:
    """The metrics as soon as it holds of them."""
    async with asyncio.timeout(WAIT_S):
        while not holds(page := await watched.joined_pages()):
            await asyncio.sleep(0.05)
    return page


@pytest.mark.parametrize(("expected", "name", "labels"), NUMBERS)
async def test_the_numbers_of_a_session_are_exact(
    story: Story, expected: float, name: str, labels: dict[str, str]
) -> None:
    assert story.after.value(name, **labels) - story.before.value(name, **labels) == expected


async def test_latencies_are_seconds(story: Story) -> None:
    took = story.after.value("evcommand_effect_seconds_sum", kind=START)
    took -= story.before.value("evcommand_effect_seconds_sum", kind=START)
    assert 0 < took < 10


async def test_no_label_holds_an_id(watched: Watched, story: Story) -> None:
    page = await watched.joined_pages()
    labels = {
        value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
        for value in sample.labels.values()
    }
    command = story.started.name.removeprefix("commands/")
    assert not [label for label in labels if story.station in label or command in label]


async def test_a_command_in_line_is_counted_while_it_waits(watched: Watched, story: Story) -> None:
    async with scripted_station(watched) as (name, station):
        for _ in range(2):
            await watched.desk.start(name, watched.secrets.token, wait_for=SUBMITTED)
        first, _ = await station.called("RemoteStartTransaction")
        await page_when(watched, lambda page: page.value("evcommand_queue_depth") == 1)
        await station.answer(first, {"status": "Rejected"})
        second, _ = await station.called("RemoteStartTransaction")
        await station.answer(second, {"status": "Rejected"})
        await page_when(watched, lambda page: page.value("evcommand_queue_depth") == 0)


async def test_bad_frames_are_counted(watched: Watched, story: Story) -> None:
    before = (await watched.joined_pages()).value("evcommand_bad_frames_total")
    async with scripted_station(watched) as (_, station):
        await station.send("this is not OCPP")
        await page_when(
            watched, lambda page: page.value("evcommand_bad_frames_total") == before + 1
        )


async def test_refused_calls_are_counted(watched: Watched) -> None:
    def refused(page: MetricsPage) -> float:
        return page.value("evcommand_rpcs_total", method="GetCommand", code="UNAUTHENTICATED")

    before = refused(await watched.joined_pages())
    with pytest.raises(grpc.aio.AioRpcError):
        await watched.desk.commands.GetCommand(pb.GetCommandRequest(name="commands/x"))
    assert refused(await watched.joined_pages()) == before + 1


async def test_a_wake_up_that_a_dead_process_left_is_repeated_and_counted(
    watched: Watched, story: Story
) -> None:
    before = (await watched.joined_pages()).value("evcommand_wakeups_repeated_total")
    db = await Database.open(f"sqlite:///{watched.home / 'fleet.sqlite'}", migrate=False)
    left = datetime.now(UTC) - timedelta(minutes=1)
    async with db.write() as tx:
        await wakeups.add(tx, "command/default/long-gone", "transaction", left)
    await db.close()
    await page_when(watched, lambda page: page.value("evcommand_wakeups_repeated_total") > before)
