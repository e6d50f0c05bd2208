"""The stage on which worlds are played."""

from collections.abc import Iterator

import pytest

from tests.simulation.world.stage import Stage, open_stage


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How fast worlds were played."""
    if Stage.worlds:
        speed = Stage.worlds / Stage.took_s
        terminalreporter.write_line(f"simulation: {Stage.worlds} worlds, {speed:.1f} a second")


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The stage of this run."""
    with open_stage() as opened:
        yield opened
