"""The command line says what is wrong and what to do, and never shows a secret."""

import hashlib
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from broker.settings import ORDINARY, Right
from entrypoints.cli import main


@pytest.fixture(autouse=True)
def _no_temporal_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml")


def evcommand(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, words, env=environment)


def test_help_names_every_command() -> None:
    words = {"up", "proxy", "broker", "worker", "gateway", "station", "demo", "api-key"}
    words |= {"explain", "report", "settings"}
    assert words <= set(evcommand("--help").output.split())


def test_a_process_without_temporal_says_how_to_name_one() -> None:
    result = evcommand("broker")
    assert result.exit_code == 3
    assert "TEMPORAL_ADDRESS" in result.output


def test_an_unreachable_temporal_is_named_with_the_remedy(tmp_path: object) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        database = f"sqlite:///{tmp_path}/x.sqlite"
        where = ["--temporal-address", address, "--database-url", database]
        result = evcommand("worker", *where, "--startup-timeout-s", "0.1")
    assert result.exit_code == 3
    assert address in result.output
    assert "--temporal-address" in result.output


def test_a_broker_that_cannot_be_asked_is_named_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = evcommand("explain", "0b9c4f0e-6a0e-4a5f-9d0c-1f4f5d1f3a01", "--address", address)
    assert result.exit_code == 3
    assert address in result.output and "--address" in result.output


def test_a_certificate_that_is_not_there_is_named() -> None:
    result = evcommand("explain", "x", "--ca", "/nowhere/ca.pem")
    assert result.exit_code == 3
    assert "/nowhere/ca.pem" in result.output and "--ca" in result.output


def test_a_proxy_needs_to_know_the_back_end() -> None:
    result = evcommand("proxy")
    assert result.exit_code == 2
    assert "--upstream" in result.output


def test_an_api_key_is_shown_once_and_configured_by_its_digest() -> None:
    lines = evcommand("api-key", "ops@acme").output.splitlines()
    key, setting = lines[1].strip(), lines[3].strip()
    assert setting == f"ops@acme:{hashlib.sha256(key.encode()).hexdigest()}"
    assert len(key) >= 40


def test_the_help_for_api_keys_names_every_right_and_first_those_of_a_key_without_any() -> None:
    said = " ".join(evcommand("api-key", "--help").output.split())
    words = said.partition("Rights: ")[2].partition(" (as")[0].split(", ")
    assert set(words) == {right.value for right in Right}
    assert set(words[:8]) == {right.value for right in ORDINARY}


def test_an_api_key_for_an_unusable_name_is_refused() -> None:
    assert evcommand("api-key", "no spaces").exit_code == 2


def test_the_settings_are_listed_without_the_databases_password() -> None:
    url = "postgresql://operator:swordfish@db/evcommand"
    output = evcommand("settings", EVCOMMAND_DATABASE_URL=url).output
    assert "swordfish" not in output
    assert "* EVCOMMAND_DATABASE_URL=postgresql://operator:***@db/evcommand" in output


def test_the_simulated_station_takes_its_password_from_a_file_not_from_a_flag() -> None:
    assert "--password " not in evcommand("station", "--help").output
    assert "--password-file" in evcommand("station", "--help").output


def test_a_flaw_that_nobody_knows_is_refused_with_those_that_there_are() -> None:
    result = evcommand("station", "--id", "CP-1", "--url", "ws://127.0.0.1:1", "--flaw", "moody")
    assert result.exit_code == 2
    assert "moody" in result.output
    assert "late" in result.output


def test_metrics_beyond_loopback_need_a_token(tmp_path: Path) -> None:
    nobody = ["--temporal-address", "127.0.0.1:1", "--startup-timeout-s", "0.1"]
    database = ["--database-url", f"sqlite:///{tmp_path}/x.sqlite"]
    open_to_all = ["worker", *nobody, *database, "--metrics-listen", "0.0.0.0:0"]
    refused = evcommand(*open_to_all)
    assert refused.exit_code == 3
    assert "--metrics-token-file" in refused.output
    (tmp_path / "token").write_text("a-token")
    taken = evcommand(*open_to_all, "--metrics-token-file", str(tmp_path / "token"))
    assert "--temporal-address" in taken.output  # it came further: Temporal is not there


@pytest.mark.parametrize("setting", ["database-url-file", "metrics-token-file"])
def test_a_file_of_a_secret_that_is_not_there_is_named(setting: str, tmp_path: Path) -> None:
    nobody = ["--temporal-address", "127.0.0.1:1", "--data-dir", str(tmp_path)]
    words = ["worker", *nobody, "--metrics-listen", "127.0.0.1:0", f"--{setting}", "/nowhere/x"]
    result = evcommand(*words)
    assert result.exit_code == 3
    assert "/nowhere/x" in result.output and f"--{setting}" in result.output
