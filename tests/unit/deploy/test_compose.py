"""The fleet of deploy/compose: its files exist, its settings hold, nothing is open to strangers."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from entrypoints.processes import ALL_ROLES
from entrypoints.settings import split_address
from fleet.engine.engines import driver_url
from tests.unit.deploy.surroundings import (
    check_beyond_loopback,
    started_with,
    unknown_variables,
)
from tests.unit.docs.pages import ROOT

FOLDER = ROOT / "deploy/compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"].startswith("evcommand:")}
PROMETHEUS: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
NEEDS_LOOPBACK = {"temporal-ui", "prometheus", "grafana"}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of secrets that make-secrets makes."""
    folder = tmp_path_factory.mktemp("compose")
    script = folder / "make-secrets"
    script.write_text((FOLDER / "make-secrets").read_text())
    command = ["sh", str(script), "evcommand.example.com"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder / "secrets"


def with_secrets(environment: dict[str, str], secrets: Path) -> dict[str, str]:
    return {
        name: value.replace("/run/secrets", str(secrets)) for name, value in environment.items()
    }


def test_there_are_two_of_each_process() -> None:
    commands = [each["command"] for each in OURS.values()]
    assert sorted(commands) == sorted([[role.value] for role in ALL_ROLES] * 2)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_process_is_a_setting(name: str) -> None:
    assert unknown_variables(set(OURS[name]["environment"])) == set()


@pytest.mark.parametrize("name", OURS)
def test_a_process_starts_with_its_settings_and_is_open_to_no_stranger(
    name: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = with_secrets(OURS[name]["environment"], secrets)
    settings, target = started_with(environment, monkeypatch)
    check_beyond_loopback(settings)
    assert (target.address, target.namespace) == ("temporal:7233", "evcommand")
    assert SERVICES["temporal"]["environment"]["DEFAULT_NAMESPACE"] == target.namespace
    url = driver_url(make_url(settings.database))
    assert (url.host, url.database) == ("postgresql", "evcommand")
    assert url.password == (secrets / "evcommand_database_password").read_text().strip()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_secrets_that_it_reads_and_no_others(name: str) -> None:
    read = set(re.findall(r"/run/secrets/(\w+)", str(SERVICES[name])))
    if name == "postgresql":
        script = (FOLDER / "postgresql-init.sh").read_text()
        read |= set(re.findall(r"\$\(secret (\w+)\)", script))
    if name == "prometheus":
        read |= set(re.findall(r"/run/secrets/(\w+)", str(PROMETHEUS)))
    assert set(SERVICES[name].get("secrets", ())) == read


def test_every_secret_is_made_and_none_is_committed(secrets: Path) -> None:
    files = {name: Path(each["file"]) for name, each in COMPOSE["secrets"].items()}
    assert {name: str(file) for name, file in files.items()} == {
        name: f"secrets/{name}" for name in files
    }
    assert {name for name in files if not (secrets / name).read_text().strip()} == set()
    assert "/deploy/compose/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    inline = re.findall(r"(?i)(?:password|pwd|token|key): *(\S+)", str(COMPOSE["services"]))
    assert inline == []


def test_secrets_that_are_there_stay(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    subprocess.run(["sh", str(secrets.parent / "make-secrets")], check=True, capture_output=True)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700


def test_only_brokers_and_gateways_are_reached_from_elsewhere() -> None:
    ports = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    loopback = {
        name for name, each in ports.items() if all(port.startswith("127.0.0.1:") for port in each)
    }
    assert loopback == NEEDS_LOOPBACK
    assert {OURS[name]["command"][0] for name in set(ports) - loopback} == {"broker", "gateway"}
    published = [port.split(":")[-2] for each in ports.values() for port in each]
    assert len(set(published)) == len(published)


@pytest.mark.parametrize("name", [name for name, each in OURS.items() if "ports" in each])
def test_a_published_port_is_the_one_that_the_process_listens_on(name: str) -> None:
    environment = OURS[name]["environment"]
    listen = environment.get("EVCOMMAND_GRPC_LISTEN") or environment["EVCOMMAND_OCPP_LISTEN"]
    (published,) = OURS[name]["ports"]
    assert int(published.split(":")[-1]) == split_address(listen)[1]


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_that_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (FOLDER / source).is_file()
            assert rest.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.search(r":(v?\d+\.\d+(\.\d+)?[\w.-]*|\$\{EVCOMMAND_VERSION:-\d+\.\d+\.\d+\})$", image)


@pytest.mark.parametrize("name", OURS)
def test_a_process_can_drain_and_cannot_write_or_gain_rights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = OURS[name]
    settings, _ = started_with({"TEMPORAL_ADDRESS": "temporal:7233"}, monkeypatch)
    assert int(service["stop_grace_period"].removesuffix("s")) > settings.stop_limit_s
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_prometheus_scrapes_every_process_and_has_the_rules() -> None:
    (job,) = PROMETHEUS["scrape_configs"]
    expected = {
        f"{name}:{split_address(each['environment']['EVCOMMAND_METRICS_LISTEN'])[1]}"
        for name, each in OURS.items()
    }
    assert set(job["static_configs"][0]["targets"]) == expected
    mounted = {volume.split(":")[1] for volume in SERVICES["prometheus"]["volumes"]}
    assert set(PROMETHEUS["rule_files"]) <= mounted
    rules = {f"../{file.name}" for file in (ROOT / "deploy").glob("*.yml")}
    assert rules == {
        volume.split(":")[0]
        for volume in SERVICES["prometheus"]["volumes"]
        if volume.startswith("../")
    }


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    sources = yaml.safe_load((FOLDER / "grafana/datasources.yml").read_text())["datasources"]
    assert [source["url"] for source in sources] == ["http://prometheus:9090"]
    (provider,) = yaml.safe_load((FOLDER / "grafana/dashboards.yml").read_text())["providers"]
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    dashboard = Path(mounted["../grafana-dashboard.json"])
    assert str(dashboard.parent) == provider["options"]["path"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == str(dashboard)
    assert {Path(path).name for path in mounted if path.startswith("./")} == {
        file.name for file in (FOLDER / "grafana").iterdir()
    }
