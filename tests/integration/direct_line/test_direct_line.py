"""The direct line over real gRPC: who may use it, and what goes wrong without harm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from contract.line import KEY_METADATA, OFFER_PATH, OfferInput, key_of, written
from domain.model.ways import LineUse
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.commands.runs import Runs
from station_gateway.line import DirectLine, LineFailed
from station_gateway.settings import GatewaySettings, UnsafeStationListener
from tests.support.certificates import pki
from tests.support.stations.scripted_station import eventually
from tests.unit.station_gateway.commands.test_runs import frame
from workflows.activities.lines import DirectLines
from workflows.activities.offers import Offered
from workflows.settings import WorkerSettings

KEY = "the-key-of-the-fleet"
Call = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
SENT = SendFrameResult(SendStatus.NO_ANSWER, "ANSWER_TIMEOUT", revision=3, message_id="m1")


class Gateway:
    """What stands behind the line. It answers at once, unless it is silent or fails."""

    def __init__(self) -> None:
        self.got: list[SendFrameInput] = []
        self.silent = False
        self.fails: Exception | None = None

    async def send(self, request: SendFrameInput) -> SendFrameResult:
        """One frame."""
        self.got.append(request)
        if self.fails is not None:
            raise self.fails
        if self.silent:
            await asyncio.Event().wait()
        return SENT


@asynccontextmanager
async def served(gateway: Gateway, **settings: Any) -> AsyncIterator[DirectLine]:
    runs = Runs(gateway.send, lambda *_: None)
    line = DirectLine(runs, GatewaySettings(**settings), gateway="gw1", key=KEY)
    await line.start()
    try:
        yield line
    finally:
        await line.stop()


@asynccontextmanager
async def worker(
    *, key: str = KEY, wait_s: float = 1.5, **settings: Any
) -> AsyncIterator[DirectLines]:
    lines = DirectLines(WorkerSettings(direct_wait_s=wait_s, **settings), key=key)
    try:
        yield lines
    finally:
        await lines.close()


async def test_a_frame_and_its_result_cross_the_line_whole() -> None:
    gateway = Gateway()
    async with served(gateway) as line, worker() as lines:
        assert await lines.offer("gw1", line.address, frame()) == Offered(LineUse.USED, SENT)
    assert gateway.got == [frame(line="USED")]


async def test_a_silent_station_holds_the_worker_no_longer_than_the_named_time() -> None:
    gateway = Gateway()
    gateway.silent = True
    async with served(gateway) as line, worker(wait_s=0.05) as lines, asyncio.timeout(5.0):
        assert await lines.offer("gw1", line.address, frame()) == Offered(LineUse.PENDING)


async def test_beyond_its_places_the_decision_that_has_waited_longest_goes_on() -> None:
    gateway = Gateway()
    gateway.silent = True
    async with served(gateway) as line, worker(wait_s=30.0, max_workflow_tasks=3) as lines:
        waiting = []
        for attempt in (1, 2, 3):
            offer = lines.offer("gw1", line.address, frame(attempt=attempt))
            waiting.append(asyncio.create_task(offer))
            while len(gateway.got) < attempt:  # its frame is at the station
                await asyncio.sleep(0)
        async with asyncio.timeout(5.0):
            assert await waiting[0] == Offered(LineUse.CROWDED)
        assert not waiting[1].done() and not waiting[2].done()
        gateway.silent = False
        async with asyncio.timeout(5.0):
            fast = await lines.offer("gw1", line.address, frame("c2", station="CP2"))
            assert fast == Offered(LineUse.USED, SENT)
            assert await waiting[1] == Offered(LineUse.CROWDED)
        waiting[2].cancel()
        await asyncio.wait({waiting[2]})


async def test_a_place_that_was_left_is_free() -> None:
    async with served(Gateway()) as line, worker(max_workflow_tasks=1) as lines:
        for attempt in range(5):
            sent = await lines.offer("gw1", line.address, frame(attempt=attempt))
            assert sent == Offered(LineUse.USED, SENT)


async def test_who_does_not_show_the_key_of_the_fleet_sends_nothing() -> None:
    gateway = Gateway()
    async with served(gateway) as line:
        for key in ("", "another-key", KEY.upper(), KEY[:-1], f"{KEY} "):
            async with worker(key=key) as lines:
                assert await lines.offer("gw1", line.address, frame()) == Offered(
                    LineUse.KEY_REFUSED
                )
        async with grpc.aio.insecure_channel(line.address) as channel:
            call: Call = channel.unary_unary(OFFER_PATH)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(written(OfferInput("gw1", frame(), 1.0)))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert gateway.got == []


async def test_a_gateway_that_took_over_an_address_sends_nothing_for_another_one() -> None:
    gateway = Gateway()
    async with served(gateway) as line, worker() as lines:
        assert await lines.offer("gw0", line.address, frame()) == Offered(LineUse.OTHER_GATEWAY)
    assert gateway.got == []


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"gateway": "gw1"}', b'{"frame": 1, "gateway": 2}'],
)
async def test_what_is_no_offer_is_refused(data: bytes) -> None:
    gateway = Gateway()
    async with served(gateway) as line, grpc.aio.insecure_channel(line.address) as channel:
        call: Call = channel.unary_unary(OFFER_PATH)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(data, metadata=((KEY_METADATA, key_of(KEY)),))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert gateway.got == []


async def test_an_offer_that_is_too_large_is_refused() -> None:
    async with served(Gateway()) as line, grpc.aio.insecure_channel(line.address) as channel:
        call: Call = channel.unary_unary(OFFER_PATH)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b" " * 100_000, metadata=((KEY_METADATA, key_of(KEY)),))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_line_that_cannot_be_reached_says_nothing_of_the_frame() -> None:
    async with served(Gateway()) as line:
        address = line.address
    async with worker() as lines, asyncio.timeout(5.0):
        assert await lines.offer("gw1", address, frame()) == Offered(LineUse.UNREACHABLE)
        assert await lines.offer("gw1", "", frame()) == Offered(LineUse.NO_LINE)


async def test_a_gateway_without_its_database_says_nothing_of_the_frame() -> None:
    gateway = Gateway()
    gateway.fails = DatabaseUnavailable("gone")
    async with served(gateway) as line, worker() as lines:
        assert await lines.offer("gw1", line.address, frame()) == Offered(LineUse.UNREACHABLE)
        async with grpc.aio.insecure_channel(line.address) as channel:
            call: Call = channel.unary_unary(OFFER_PATH)
            offer = written(OfferInput("gw1", frame(), 1.0))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(offer, metadata=((KEY_METADATA, key_of(KEY)),))
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_worker_that_is_told_to_use_the_queue_offers_nothing() -> None:
    gateway = Gateway()
    async with served(gateway) as line, worker(wait_s=0.0) as lines:
        assert await lines.offer("gw1", line.address, frame()) == Offered(LineUse.TURNED_OFF)
    assert gateway.got == []


async def test_a_line_that_is_turned_off_has_no_address() -> None:
    async with served(Gateway(), line_listen="") as line:
        assert line.address == ""


async def test_an_address_that_is_taken_is_told() -> None:
    async with served(Gateway()) as line:
        with pytest.raises(LineFailed, match="direct line"):
            async with served(Gateway(), line_listen=line.address):
                raise AssertionError("served twice")


def test_beyond_loopback_the_line_needs_mutual_tls() -> None:
    with pytest.raises(UnsafeStationListener, match="mutual TLS"):
        GatewaySettings(line_listen="0.0.0.0:7000").check()
    with pytest.raises(ValueError, match="all three"):
        GatewaySettings(line_certificate="a.pem").check()
    GatewaySettings(
        line_listen="0.0.0.0:7000", line_certificate="a", line_key="b", line_ca="c"
    ).check()


async def test_with_mutual_tls_only_workers_with_a_certificate_are_heard(tmp_path: Path) -> None:
    for name in ("localhost", "worker", "strange"):
        pki(tmp_path, name)
    gateway = Gateway()
    tls = _tls(tmp_path, "localhost", "worker")
    async with served(gateway, line_listen="localhost:0", **tls) as line:
        async with worker(**_tls(tmp_path, "worker", "localhost")) as lines:
            assert await lines.offer("gw1", line.address, frame()) == Offered(LineUse.USED, SENT)
        for files in (_tls(tmp_path, "strange", "localhost"), {}):
            async with worker(**files) as lines:
                refused = await lines.offer("gw1", line.address, frame(attempt=2))
                assert refused == Offered(LineUse.UNREACHABLE)
    assert [each.attempt for each in gateway.got] == [1]


async def test_renewed_certificates_of_the_line_are_taken_without_a_restart(tmp_path: Path) -> None:
    for name in ("localhost", "worker"):
        pki(tmp_path, name)
    gateway = Gateway()
    tls = _tls(tmp_path, "localhost", "worker")
    async with served(gateway, line_listen="localhost:0", **tls) as line:
        pki(tmp_path, "worker")  # it renews its own certificate, and waits for the line to know it
        assert line.certificates is not None
        line.certificates.look()
        async with worker(**_tls(tmp_path, "worker", "localhost")) as lines:
            refused = await lines.offer("gw1", line.address, frame())
            assert refused == Offered(LineUse.UNREACHABLE)
        pki(tmp_path, "localhost")
        for _ in range(2):
            line.certificates.look()
        async with worker(**_tls(tmp_path, "worker", "localhost")) as lines:
            taken = await lines.offer("gw1", line.address, frame(attempt=2))
            assert taken == Offered(LineUse.USED, SENT)
    assert [each.attempt for each in gateway.got] == [2]


async def test_renewed_certificates_of_a_worker_are_taken_without_a_restart(tmp_path: Path) -> None:
    """Both ends renew theirs; the line that the worker had open before is of no use then."""
    for name in ("localhost", "worker"):
        pki(tmp_path, name)
    gateway = Gateway()
    tls = _tls(tmp_path, "localhost", "worker")
    async with worker(**_tls(tmp_path, "worker", "localhost")) as lines:
        async with served(gateway, line_listen="localhost:0", **tls) as line:
            before = await lines.offer("gw1", line.address, frame())
            assert before == Offered(LineUse.USED, SENT)
        for name in ("localhost", "worker"):
            pki(tmp_path, name)
        assert lines.certificates is not None
        for _ in range(2):
            lines.certificates.look()
        async with served(gateway, line_listen=line.address, **tls) as line:
            after = await lines.offer("gw1", line.address, frame(attempt=2))
            assert after == Offered(LineUse.USED, SENT)
    assert [each.attempt for each in gateway.got] == [1, 2]


async def test_a_frame_that_is_out_is_answered_over_the_line_that_it_went_over(
    tmp_path: Path,
) -> None:
    for name in ("localhost", "worker"):
        pki(tmp_path, name)
    gateway = Gateway()
    gateway.silent = True
    tls = _tls(tmp_path, "localhost", "worker")
    async with (
        served(gateway, line_listen="localhost:0", **tls) as line,
        worker(wait_s=0.5, **_tls(tmp_path, "worker", "localhost")) as lines,
    ):
        out = asyncio.create_task(lines.offer("gw1", line.address, frame()))
        await eventually(lambda: len(gateway.got) == 1)
        pki(tmp_path, "worker")
        assert lines.certificates is not None
        for _ in range(2):
            lines.certificates.look()
        assert await lines.offer("gw1", line.address, frame(attempt=2)) == Offered(
            LineUse.UNREACHABLE  # the gateway does not know the new one yet
        )
        assert await out == Offered(LineUse.PENDING)


def _tls(folder: Path, own: str, other: str) -> dict[str, Any]:
    """The files of who has the certificate `own` and trusts the certificate `other`."""
    return {
        "line_certificate": str(folder / f"{own}.pem"),
        "line_key": str(folder / f"{own}.key"),
        "line_ca": str(folder / f"{other}.pem"),
    }
