"""One post over real sockets: TLS, names and addresses, limits, and what a failure is called."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.callbacks.client import Receivers
from broker.callbacks.names import Lookup
from broker.settings import BrokerSettings
from contract.callbacks import PostCallbackResult, PostStatus
from tests.support.certificates import NAME, Pki, pki
from tests.support.receiver import GARBAGE, HANG_UP, HUGE, SLOW, Answer, Receiver, receiving

LAB = BrokerSettings(callback_allow_private=True, callback_timeout_s=0.5)


async def to_loopback(host: str) -> list[str]:
    """By it every name leads here."""
    return ["127.0.0.1"]


async def nowhere(host: str) -> list[str]:
    """It knows no name."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def post(
    url: str, settings: BrokerSettings = LAB, lookup: Lookup = to_loopback
) -> PostCallbackResult:
    """One try."""
    receivers = Receivers(settings, lookup)
    try:
        return await receivers.post(url, {"content-type": "application/json"}, b'{"a":1}')
    finally:
        await receivers.close()


@asynccontextmanager
async def secure(made: Pki, name: str = NAME) -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver behind TLS, and the URL by which it is posted to."""
    async with receiving(tls=made.server) as receiver:
        yield receiver, f"https://{name}:{receiver.port}/hook?a=b"


def trusting(made: Pki) -> BrokerSettings:
    return BrokerSettings(
        callback_allow_private=True, callback_timeout_s=2, callback_ca_file=made.ca_file
    )


async def test_tls_is_checked_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    made = pki(tmp_path)
    async with secure(made) as (receiver, url):
        result = await post(url, trusting(made))
    assert (result.status, result.http_status) == (PostStatus.DELIVERED, 204)
    (arrived,) = receiver.posts
    assert (arrived.path, arrived.body) == ("/hook?a=b", '{"a":1}')
    assert arrived.headers["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize("fault", ["unknown CA", "other name", "expired"])
async def test_f28_bad_certificate_is_a_tls_failure_and_gets_no_post(
    tmp_path: Path, fault: str
) -> None:
    made = pki(tmp_path, days=-1 if fault == "expired" else 1)
    settings = LAB if fault == "unknown CA" else trusting(made)
    name = "another.example.com" if fault == "other name" else NAME
    async with secure(made, name) as (receiver, url):
        result = await post(url, settings)
    assert (result.status, result.cause) == (PostStatus.RETRY, "TLS_FAILED")
    assert receiver.posts == []


async def test_s17_name_that_leads_to_a_private_address_is_not_connected_to(
    tmp_path: Path,
) -> None:
    made = pki(tmp_path)
    async with secure(made) as (receiver, url):
        settings = BrokerSettings(callback_ca_file=made.ca_file)
        result = await post(url, settings)
    assert (result.status, result.cause) == (PostStatus.PARK, "ADDRESS_FORBIDDEN")
    assert "loopback" in result.reason
    assert receiver.posts == []


async def test_s17_a_name_is_resolved_once_and_what_was_looked_at_is_connected_to() -> None:
    asked: list[str] = []

    async def rebinding(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with receiving() as receiver:
        result = await post(f"http://{NAME}:{receiver.port}/", lookup=rebinding)
    assert result.status is PostStatus.DELIVERED
    assert asked == [NAME]


async def test_the_next_address_is_tried_when_one_does_not_listen() -> None:
    async def two(host: str) -> list[str]:
        return ["127.0.0.77", "127.0.0.1"]

    async with receiving() as receiver:
        result = await post(f"http://{NAME}:{receiver.port}/", lookup=two)
    assert result.status is PostStatus.DELIVERED


async def test_s17_redirect_is_not_followed() -> None:
    async with receiving() as target, receiving() as receiver:
        receiver.otherwise = Answer(307, {"location": target.url()})
        result = await post(receiver.url())
    assert (result.status, result.cause) == (PostStatus.PARK, "REDIRECTED")
    assert target.posts == []


async def test_s17_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    async with receiving() as receiver:
        assert (await post(receiver.url())).status is PostStatus.DELIVERED


async def test_s17_plain_http_is_refused_without_the_labs_setting() -> None:
    async with receiving() as receiver:
        result = await post(receiver.url(), BrokerSettings())
    assert (result.status, result.cause) == (PostStatus.PARK, "ADDRESS_INVALID")
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (SLOW, "NO_ANSWER"),
        (HUGE, "ANSWER_TOO_LARGE"),
        (GARBAGE, "BROKEN_ANSWER"),
        (HANG_UP, "BROKEN_ANSWER"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n"), "BROKEN_ANSWER"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"), "BROKEN_ANSWER"),
    ],
    ids=["slow", "huge", "garbage", "hang-up", "huge-head", "cut-off"],
)
async def test_f28_bad_answer_is_bounded_and_named(answer: Answer, cause: str) -> None:
    async with receiving() as receiver, asyncio.timeout(5):
        receiver.otherwise = answer
        assert (await post(receiver.url())).cause == cause


ENDLESS = Answer(
    raw=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    endless=b"400\r\n" + b"x" * 1024 + b"\r\n",
)
DRIPPING = Answer(raw=b"HTTP/1.1 200 OK\r\n", endless=b"a: b\r\n", pause_s=0.05)


@pytest.mark.parametrize(
    ("answer", "cause"), [(ENDLESS, "ANSWER_TOO_LARGE"), (DRIPPING, "NO_ANSWER")]
)
async def test_f28_endless_answer_is_cut_at_its_limit(answer: Answer, cause: str) -> None:
    async with receiving() as receiver, asyncio.timeout(5):
        receiver.otherwise = answer
        assert (await post(receiver.url())).cause == cause


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for file in ("missing.pem", "empty.pem"):
        with pytest.raises(ValueError, match="callback_ca_file"):
            Receivers(BrokerSettings(callback_ca_file=str(tmp_path / file)))


async def test_nobody_listens_and_unknown_names_are_unreachable() -> None:
    async with receiving() as receiver:
        url = receiver.url()
    refused = await post(url)
    unknown = await post("https://nowhere.example.com/", lookup=nowhere)
    assert {refused.cause, unknown.cause} == {"UNREACHABLE"}
    assert refused.status is unknown.status is PostStatus.RETRY
