"""`evcommand health` says by its exit code whether the process of this machine is well."""

import socket

import pytest
from click.testing import CliRunner, Result

from entrypoints.cli import main
from entrypoints.commands.health import local_address
from telemetry.health import Health
from telemetry.metrics_server import serving_metrics


class Answers(Health):
    """The health of a process that says what the test wants."""

    def __init__(self, *, alive: bool, ready: bool) -> None:
        self._is_alive, self._is_ready = alive, ready

    def alive(self) -> bool:
        return self._is_alive

    def ready(self) -> bool:
        return self._is_ready


def health(*words: str, listen: str) -> Result:
    return CliRunner().invoke(main, ["health", *words], env={"EVCOMMAND_METRICS_LISTEN": listen})


@pytest.mark.parametrize(
    ("alive", "ready", "words", "code"),
    [
        (True, True, (), 0),
        (True, False, (), 1),
        (True, False, ("--live",), 0),
        (False, False, ("--live",), 1),
    ],
)
def test_the_exit_code_is_what_the_process_says(
    alive: bool, ready: bool, words: tuple[str, ...], code: int
) -> None:
    with serving_metrics("127.0.0.1", 0, health=Answers(alive=alive, ready=ready)) as port:
        assert health(*words, listen=f"0.0.0.0:{port}").exit_code == code


def test_a_process_that_does_not_answer_is_not_well() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = health(listen=f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.exit_code == 1


@pytest.mark.parametrize("listen", ["", "9464"])
def test_without_an_endpoint_the_variable_is_named(listen: str) -> None:
    result = health(listen=listen)
    assert result.exit_code == 3
    assert "EVCOMMAND_METRICS_LISTEN" in result.output


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        ("0.0.0.0:9464", ("127.0.0.1", 9464)),
        ("[::]:9464", ("::1", 9464)),
        ("10.0.0.7:9464", ("10.0.0.7", 9464)),
    ],
)
def test_a_listener_on_all_addresses_is_asked_on_loopback(
    listen: str, asked: tuple[str, int]
) -> None:
    assert local_address(listen) == asked
