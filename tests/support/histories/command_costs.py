"""The commands of the cost card: each function plays one command and returns what it cost."""

from temporalio.client import Client
from temporalio.worker import Worker

from domain.model.answers import StationAnswer, Verdict
from domain.model.command import WaitFor
from tests.support.benches.command_bench import Bench, rejected
from tests.support.histories.costs import Cost, cost_of
from tests.support.naive_command import NaiveCommand, naive_send
from tests.support.scripted_gateway import accepted, answers

_UNLOCKED = StationAnswer(Verdict.ACCEPTED, "Unlocked")


async def start(bench: Bench) -> Cost:
    """A start whose session begins."""
    bench.gateway.plays = [answers(accepted())]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.session_starts()
    return await cost_of(bench.handle(command))


async def stop(bench: Bench) -> Cost:
    """A stop whose session ends."""
    session = await bench.session_starts()
    bench.gateway.plays = [answers(accepted())]
    command = await bench.stop_command(session.ocpp_transaction_id)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.session_ends(session)
    return await cost_of(bench.handle(command))


async def refused_start(bench: Bench) -> Cost:
    """A start that ends with the station's answer."""
    bench.gateway.plays = [answers(rejected())]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.OUTCOME)
    return await cost_of(bench.handle(command))


async def unlock(bench: Bench) -> Cost:
    """An unlock that ends with the station's answer."""
    bench.gateway.plays = [answers(_UNLOCKED)]
    command = await bench.unlock_command()
    await bench.submit(command, WaitFor.OUTCOME)
    return await cost_of(bench.handle(command))


async def unlock_stop_first(bench: Bench) -> Cost:
    """An unlock that stops the session first and sees its end."""
    session = await bench.session_starts()
    bench.gateway.plays = [answers(accepted()), answers(_UNLOCKED)]
    command = await bench.unlock_command(stop_first=True)
    await bench.submit(command)
    await bench.until(command, lambda c: c.progress.startswith("Stopping"))
    await bench.session_ends(session)
    return await cost_of(bench.handle(command))


async def reset(bench: Bench) -> Cost:
    """A reset to the boot, and to the report of the station's connector."""
    await bench.connector("Available")
    bench.gateway.plays = [answers(accepted())]
    command = await bench.reset_command()
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.disconnect()
    await bench.connect(boot=None)
    await bench.boots()
    await bench.connector("Available")
    return await cost_of(bench.handle(command))


async def naive(client: Client, queue: str) -> Cost:
    """The naive shape, on a task queue (and with a workflow id) of its own."""
    async with Worker(client, task_queue=queue, workflows=[NaiveCommand], activities=[naive_send]):
        handle = await client.start_workflow(NaiveCommand.run, "CP1", id=queue, task_queue=queue)
        return await cost_of(handle)
