"""The naive shape as a server: gRPC handler, one workflow, one activity, one socket; no database.

`python -m bench.naive_shape TEMPORAL_ADDRESS` prints its gRPC port and its websocket port, and
serves until its standard input closes. The handler starts a workflow and waits for its result. The
activity writes the frame to a plain `websockets` socket and waits for the answer.
"""

import asyncio
import itertools
import json
import sys
from typing import Any

import grpc
import uvloop
from evcommand.v1 import remote_command_service_pb2 as pb
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.support.naive_command import NaiveCommand

QUEUE = "naive"


class NaiveSockets:
    """The connected stations, and the activity that sends frames to them."""

    def __init__(self) -> None:
        self._open: dict[str, ServerConnection] = {}
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    async def serve(self, connection: ServerConnection) -> None:
        """Reads answers until the socket closes."""
        assert connection.request is not None
        self._open[connection.request.path.rpartition("/")[2]] = connection
        async for text in connection:
            message = json.loads(text)
            if message[0] == 2:
                answer = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z"}
                await connection.send(json.dumps([3, message[1], {**answer, "interval": 300}]))
            elif (waiting := self._answers.pop(message[1], None)) is not None:
                waiting.set_result(message[2])

    @activity.defn(name="naive_send")
    async def send(self, station: str) -> str:
        """Writes the frame and waits for the answer."""
        number = str(next(self._numbers))
        self._answers[number] = asyncio.get_running_loop().create_future()
        payload = {"idTag": "ABCD1234", "connectorId": 1}
        await self._open[station].send(json.dumps([2, number, "RemoteStartTransaction", payload]))
        answer = await asyncio.wait_for(self._answers[number], 30)
        return str(answer["status"])


def handlers(client: Client) -> grpc.GenericRpcHandler:
    """StartSession of the same API: starts the workflow and waits for its result."""

    async def start_session(request: pb.StartSessionRequest, _: object) -> pb.StartSessionResponse:
        station = request.station.rpartition("/")[2]
        await client.execute_workflow(
            NaiveCommand.run, station, id=f"naive/{request.request_id}", task_queue=QUEUE
        )
        return pb.StartSessionResponse()

    method = grpc.unary_unary_rpc_method_handler(
        start_session,
        request_deserializer=pb.StartSessionRequest.FromString,
        response_serializer=pb.StartSessionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(
        "evcommand.v1.RemoteCommandService", {"StartSession": method}
    )


async def _main(address: str) -> None:
    client = await Client.connect(address)
    sockets = NaiveSockets()
    grpc_server = grpc.aio.server()
    grpc_server.add_generic_rpc_handlers((handlers(client),))
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    await grpc_server.start()
    async with (
        serve(sockets.serve, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as stations,
        Worker(client, task_queue=QUEUE, workflows=[NaiveCommand], activities=[sockets.send]),
    ):
        print(port, next(iter(stations.sockets)).getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await grpc_server.stop(1)


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1]))
