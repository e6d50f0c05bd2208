"""The container image: what goes in, what stays out, and as whom it runs."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from entrypoints.cli import main
from entrypoints.options import variable_of
from entrypoints.settings import Settings, split_address
from tests.unit.deploy.dockerfile import stages_of
from tests.unit.docs.pages import ROOT

BUILD, LAST = stages_of(ROOT / "Dockerfile")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
NEEDED_TO_BUILD = {
    *("requirements.lock", "requirements-build.lock", "pyproject.toml", "README.md", "LICENSE")
}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|(^|_)KEY")


def copied() -> set[str]:
    """What the build takes from the checkout."""
    return {word for each in BUILD.all("COPY") for word in each.words[:-1]}


def test_the_base_is_pinned_and_slim() -> None:
    for stage in (BUILD, LAST):
        assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", stage.base)


def test_the_base_can_be_named_by_its_digest() -> None:
    assert re.search(r"^FROM \$\{PYTHON_IMAGE\}$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_exactly_the_packages_that_run_are_copied() -> None:
    assert copied() == NEEDED_TO_BUILD | set(PACKAGES)


def test_nothing_else_of_the_checkout_reaches_the_builder() -> None:
    first, *allowed = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    assert {line[1:] for line in allowed if line.startswith("!")} == copied()
    kept_out = {line for line in allowed if not line.startswith("!")}
    assert kept_out == {"**/__pycache__", "**/*.sqlite*", "**/*.pem", "**/*.key"}


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [
        part for each in BUILD.all("RUN") for part in each.rest.split("&&") if "pip install" in part
    ]
    locked = [part for part in installs if "--require-hashes" in part]
    assert len(locked) == 2
    assert all("--only-binary :all:" in part and "--no-deps" in part for part in locked)
    rest = [part for part in installs if part not in locked]
    assert len(rest) == 1
    assert "--no-index" in rest[0] and "--no-deps" in rest[0]


def test_the_lock_of_the_build_is_a_part_of_the_lock_of_the_tests() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))

    build = pins("requirements-build.lock")
    assert build < pins("requirements-dev.lock")
    wanted = {re.split(r"[>=]", each)[0] for each in PROJECT["build-system"]["requires"]}
    assert wanted <= {pin.partition("==")[0] for pin in build}
    assert PROJECT["dependency-groups"]["build"] == sorted(PROJECT["build-system"]["requires"])


def test_the_last_stage_takes_only_what_was_built_and_has_no_installer() -> None:
    assert [each.words[0] for each in LAST.all("COPY")] == [f"--from={BUILD.name}"]
    run = " ".join(each.rest for each in LAST.all("RUN"))
    assert "pip uninstall --yes pip" in run
    assert not re.search(r"apt|pip install|curl|wget|chmod|ADD", run)


def test_it_runs_as_a_user_without_rights_by_number() -> None:
    user, _, group = LAST.one("USER").rest.partition(":")
    assert int(user) >= 10_000 and int(group) >= 10_000
    after = [each.name for each in LAST.instructions]
    assert "RUN" not in after[after.index("USER") :]


def test_a_read_only_root_suffices() -> None:
    assert LAST.variables()["PYTHONDONTWRITEBYTECODE"] == "1"
    assert any("compileall" in each.rest for each in BUILD.all("RUN"))


def test_its_variables_are_settings_and_its_metrics_stay_on_loopback() -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    ours = {
        name: value for name, value in LAST.variables().items() if name.startswith("EVCOMMAND_")
    }
    assert set(ours) <= known
    host, port = split_address(ours["EVCOMMAND_METRICS_LISTEN"])
    assert host == "127.0.0.1"
    fields = Settings.model_fields
    ports = {split_address(fields[name].default)[1] for name in ("grpc_listen", "ocpp_listen")}
    assert {int(word) for word in LAST.one("EXPOSE").words} == ports | {port}


def test_no_secret_is_built_in() -> None:
    names = [name for stage in (BUILD, LAST) for name in stage.variables()]
    arguments = [each.rest for stage in (BUILD, LAST) for each in stage.all("ARG")]
    assert [name for name in (*names, *arguments) if SECRET.search(name)] == []


def test_its_commands_are_those_of_the_program() -> None:
    (program,) = LAST.one("ENTRYPOINT").words
    assert program in PROJECT["project"]["scripts"]
    health = LAST.one("HEALTHCHECK").rest
    assert re.search(r'CMD \["evcommand", "health"\]$', health)
    assert "health" in main.commands
    assert LAST.one("STOPSIGNAL").rest == "SIGTERM"


@pytest.mark.parametrize("label", ["title", "source", "licenses", "version", "revision"])
def test_it_says_what_it_is(label: str) -> None:
    text = " ".join(each.rest for each in LAST.all("LABEL"))
    assert f"org.opencontainers.image.{label}=" in text


def test_what_is_copied_builds_a_package_that_runs(tmp_path: Path) -> None:
    context, unpacked = tmp_path / "context", tmp_path / "unpacked"
    for name in copied():
        source, target = ROOT / name, context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=context, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        package.extractall(unpacked)
    listing = ["git", "ls-files", "--cached", "--", *PACKAGES]
    committed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    files = {name.removeprefix("protos/gen/") for name in committed.stdout.split()}
    assert {name for name in files if not (unpacked / name).is_file()} == set()
    program = "import entrypoints.cli as cli; print(cli.__file__); cli.main(['settings'])"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout.startswith(str(unpacked))
    assert "EVCOMMAND_GRPC_LISTEN=" in ran.stdout
