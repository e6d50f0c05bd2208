"""The Helm chart, rendered by helm itself, beside the program that it starts."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoints.processes import ALL_ROLES
from entrypoints.settings import split_address
from tests.e2e.toolchains import BUILD_LIMIT_S, CHECKOUT, go_install
from tests.support.certificates import station_certificate
from tests.unit.deploy.surroundings import (
    check_beyond_loopback,
    started_with,
    unknown_variables,
)

pytestmark = pytest.mark.timeout(BUILD_LIMIT_S)

CHART = CHECKOUT / "deploy/helm/evcommand"
HELM = "helm.sh/helm/v3/cmd/helm@v3.18.6"
ROLES = [role.value for role in ALL_ROLES]
PATHS = {"/live", "/ready"}
KEY_DIGEST = "operator:" + 64 * "0"

FULL: dict[str, Any] = {
    "image": {"repository": "registry.example.com/evcommand", "digest": f"sha256:{64 * 'a'}"},
    "imagePullSecrets": [{"name": "registry"}],
    "temporal": {
        "address": "temporal.example.com:7233",
        "ui": "https://temporal.example.com",
        "tls": {"existingSecret": "temporal-tls", "serverName": "temporal.internal"},
    },
    "metrics": {"port": 9500, "serviceMonitor": {"enabled": True, "labels": {"release": "p"}}},
    "stopLimitSeconds": 200,
    "settings": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"},
    "broker": {
        "port": 6000,
        "tls": {"clientCa": True},
        "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
        "settings": {"EVCOMMAND_BROKER_MAX_CALLS": "100", "EVCOMMAND_LOG_LEVEL": "DEBUG"},
        "autoscaling": {"enabled": True},
        "nodeSelector": {"pool": "a"},
    },
    "worker": {"autoscaling": {"enabled": True}, "podDisruptionBudget": {"minAvailable": 1}},
    "gateway": {
        "port": 9443,
        "tls": {"secondExistingSecret": "rsa"},
        "service": {"type": "LoadBalancer"},
        "autoscaling": {"enabled": True, "queueDepth": 50},
        "tolerations": [{"operator": "Exists"}],
    },
    "networkPolicy": {
        "grpcFrom": [{"podSelector": {"matchLabels": {"app": "client"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "extraEgress": [{"ports": [{"port": 4317}]}],
    },
}
TERMINATED = {"gateway": {"tls": {"existingSecret": "", "terminated": True}}}
ALL_VALUES = {"default": {}, "full": FULL, "tls ended by a proxy": TERMINATED}

Rendered = list[dict[str, Any]]


@pytest.fixture(scope="module")
def helm() -> Path:
    """helm, built by `go install`."""
    return go_install(HELM)


def said(helm: Path, command: str, values: dict[str, Any], folder: Path) -> tuple[int, str]:
    """The exit code of helm, and what it printed."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    words = {
        "lint": ["lint", "--strict", str(CHART)],
        "template": ["template", "demo", str(CHART), "--kube-version", "1.31.0"],
    }[command]
    ran = subprocess.run(
        [str(helm), *words, "--values", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.returncode, ran.stdout if ran.returncode == 0 else ran.stdout + ran.stderr


@pytest.fixture(scope="module", params=ALL_VALUES, ids=lambda name: str(name).replace(" ", "-"))
def rendered(
    request: pytest.FixtureRequest, helm: Path, tmp_path_factory: pytest.TempPathFactory
) -> Rendered:
    """What helm makes of the chart with some values."""
    code, text = said(helm, "template", ALL_VALUES[request.param], tmp_path_factory.mktemp("helm"))
    assert code == 0, text
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(rendered: Rendered, kind: str) -> dict[str, dict[str, Any]]:
    """Things of one kind by the end of their names."""
    return {
        each["metadata"]["name"].removeprefix("demo-evcommand-"): each
        for each in rendered
        if each["kind"] == kind
    }


def pods(rendered: Rendered) -> dict[str, dict[str, Any]]:
    """The pod of each role."""
    found = of_kind(rendered, "Deployment")
    assert sorted(found) == sorted(ROLES)
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


def environment(pod: dict[str, Any]) -> dict[str, str]:
    (container,) = pod["containers"]
    names = [each["name"] for each in container["env"]]
    assert len(set(names)) == len(names)
    return {each["name"]: each["value"] for each in container["env"]}


def secrets_in(folder: Path) -> None:
    """The files that the chart's Secrets have, in the folders where it mounts them."""
    certificate, key = station_certificate(folder, "ec")
    files = {
        "database/url": b"postgresql://evcommand:secret@database/evcommand",
        "metrics/token": b"token",
        "callers/api-keys": KEY_DIGEST.encode(),
    }
    for place in ("grpc", "ocpp", "ocpp-second", "temporal"):
        files[f"{place}/tls.crt"] = files[f"{place}/ca.crt"] = certificate.read_bytes()
        files[f"{place}/tls.key"] = key.read_bytes()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("values", ALL_VALUES)
def test_helm_finds_no_fault(values: str, helm: Path, tmp_path: Path) -> None:
    code, text = said(helm, "lint", ALL_VALUES[values], tmp_path)
    assert code == 0, text


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {"LOG_LEVEL": "DEBUG"}},
        {"settings": {"EVCOMMAND_BROKER_MAX_CALLS": 100}},
        {"brokers": {}},
        {"gateway": {"tls": {"existingSecret": ""}}},
        {"database": {"existingSecret": ""}},
        {"metrics": {"port": 0}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong: dict[str, Any], helm: Path, tmp_path: Path) -> None:
    assert said(helm, "template", wrong, tmp_path)[0] != 0


def test_every_variable_is_a_setting(rendered: Rendered) -> None:
    for pod in pods(rendered).values():
        assert unknown_variables(set(environment(pod))) == set()


def test_a_process_starts_with_its_settings_and_is_open_to_no_stranger(
    rendered: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets_in(tmp_path)
    for role, pod in pods(rendered).items():
        (container,) = pod["containers"]
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        variables = environment(pod)
        for value in variables.values():
            if value.startswith("/"):
                assert str(Path(value).parent) in mounts
        here = {
            name: value.replace("/etc/evcommand", str(tmp_path))
            for name, value in variables.items()
        }
        with monkeypatch.context() as patch:
            settings, target = started_with(here, patch)
        check_beyond_loopback(settings)
        assert target.namespace == "evcommand"
        assert container["args"] == [role]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert ports["metrics"] == split_address(settings.metrics_listen)[1]
        if role == "broker":
            assert ports["grpc"] == split_address(settings.grpc_listen)[1]
        if role == "gateway":
            assert ports["ocpp"] == split_address(settings.ocpp_listen)[1]
        grace_s = pod["terminationGracePeriodSeconds"]
        stop = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
        pause_s = int(stop[1]) if stop else 0
        assert grace_s > pause_s + settings.stop_limit_s
        assert settings.stop_limit_s > settings.gateway().drain_timeout_s


def test_probes_ask_what_the_process_serves(rendered: Rendered) -> None:
    served = (CHECKOUT / "telemetry/metrics_server.py").read_text()
    for pod in pods(rendered).values():
        (container,) = pod["containers"]
        probes = [container[name]["httpGet"] for name in ("livenessProbe", "startupProbe")]
        assert {probe["path"] for probe in probes} == {"/live"}
        ready = container["readinessProbe"]["httpGet"]
        assert ready["path"] == "/ready"
        assert {probe["port"] for probe in (*probes, ready)} == {"metrics"}
    assert all(f'"{path}"' in served for path in PATHS)


def test_a_pod_has_no_rights_and_writes_only_to_its_scratch(rendered: Rendered) -> None:
    for pod in pods(rendered).values():
        (container,) = pod["containers"]
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10_000
        assert pod["automountServiceAccountToken"] is False
        writable = {
            mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")
        }
        assert writable == {"/tmp"}


def test_no_secret_is_made_or_written_into_a_variable(rendered: Rendered) -> None:
    assert of_kind(rendered, "Secret") == {}
    for pod in pods(rendered).values():
        assert not [name for name in environment(pod) if name.endswith(("_URL", "_KEYS"))]
        volumes = {each["name"]: each for each in pod["volumes"] if "secret" in each}
        assert {each["secret"]["defaultMode"] for each in volumes.values()} == {0o440}
        assert {"database", "metrics"} <= set(volumes)


def test_services_and_policies_lead_to_ports_of_the_pods(rendered: Rendered) -> None:
    open_ports = {
        role: {each["name"]: each["containerPort"] for each in pod["containers"][0]["ports"]}
        for role, pod in pods(rendered).items()
    }
    services = of_kind(rendered, "Service")
    assert sorted(services) == ["broker", "gateway", "metrics"]
    for service in services.values():
        selector, (port,) = service["spec"]["selector"], service["spec"]["ports"]
        roles = [selector.get("app.kubernetes.io/component")]
        for role in ROLES if roles == [None] else roles:
            assert open_ports[role][port["targetPort"]] == port["port"]
    policies = of_kind(rendered, "NetworkPolicy")
    assert sorted(policies) == sorted(ROLES)
    for role, policy in policies.items():
        spec = policy["spec"]
        assert spec["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == role
        assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
        for rule in spec["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= set(open_ports[role].values())


def test_metrics_are_reached_only_from_where_they_are_allowed(rendered: Rendered) -> None:
    for role, policy in of_kind(rendered, "NetworkPolicy").items():
        metrics = pods(rendered)[role]["containers"][0]["ports"]
        port = next(each["containerPort"] for each in metrics if each["name"] == "metrics")
        rules = [
            rule
            for rule in policy["spec"]["ingress"]
            if port in {each["port"] for each in rule["ports"]}
        ]
        assert all(rule["from"] for rule in rules)


def test_a_budget_keeps_one_of_each_and_scaling_rules_the_replicas(rendered: Rendered) -> None:
    budgets = of_kind(rendered, "PodDisruptionBudget")
    assert sorted(budgets) == sorted(ROLES)
    for budget in budgets.values():
        (limit,) = {"minAvailable", "maxUnavailable"} & set(budget["spec"])
        assert budget["spec"][limit] == 1
    scalers = of_kind(rendered, "HorizontalPodAutoscaler")
    for name, deployment in of_kind(rendered, "Deployment").items():
        assert ("replicas" in deployment["spec"]) is (name not in scalers)
        strategy = deployment["spec"]["strategy"]["rollingUpdate"]
        assert strategy["maxUnavailable"] == 0
    for name, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == f"demo-evcommand-{name}"


def test_the_queue_scales_gateways_by_a_metric_that_exists(helm: Path, tmp_path: Path) -> None:
    code, text = said(helm, "template", FULL, tmp_path)
    assert code == 0, text
    scalers = of_kind(
        [each for each in yaml.safe_load_all(text) if each], "HorizontalPodAutoscaler"
    )
    named = [
        metric["pods"]["metric"]["name"]
        for metric in scalers["gateway"]["spec"]["metrics"]
        if metric["type"] == "Pods"
    ]
    assert named == ["evcommand_queue_depth"]
    assert '"evcommand_queue_depth"' in (CHECKOUT / "telemetry/metrics.py").read_text()


def test_prometheus_shows_the_token_to_every_pod(helm: Path, tmp_path: Path) -> None:
    code, text = said(helm, "template", FULL, tmp_path)
    assert code == 0, text
    monitors = [each for each in yaml.safe_load_all(text) if each["kind"] == "ServiceMonitor"]
    ((endpoint,),) = [each["spec"]["endpoints"] for each in monitors]
    assert (endpoint["port"], endpoint["path"]) == ("metrics", "/metrics")
    assert endpoint["authorization"]["credentials"] == {
        "name": "evcommand-metrics",
        "key": "token",
    }


def test_the_chart_is_of_the_version_of_the_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (CHECKOUT / "pyproject.toml").read_text()
    assert f'version = "{chart["appVersion"]}"' in project
