"""What all tests share: hypothesis profiles, real servers, and no silent leaving out."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from greendc.masking import Mask, masked
from tests.servers.support import Mosquitto

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("search", deadline=None, database=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


LEFT_OUT = "left_out"


class NothingLeftOut:
    """Turns every skipped, expected-to-fail or deselected test into a failed run."""

    def __init__(self) -> None:
        self.left_out: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped, or that was allowed to fail."""
        if report.skipped or hasattr(report, "wasxfail"):
            self.left_out.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that was skipped as a whole."""
        if report.skipped:
            self.left_out.append(report.nodeid)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note tests that a command line option took out."""
        self.left_out.extend(item.nodeid for item in items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run before the summary is written; one of several processes tells the first."""
        if self.left_out:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[LEFT_OUT] = self.left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what another process has left out."""
        told = getattr(node, "workeroutput", {}).get(LEFT_OUT, ())
        self.left_out.extend(nodeid for nodeid in told if nodeid not in self.left_out)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests that were left out."""
        for nodeid in self.left_out:
            terminalreporter.write_line(f"LEFT OUT, which fails the run: {nodeid}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Allow nothing to be left out where CI=true."""
    if os.environ.get("CI") == "true":
        config.pluginmanager.register(NothingLeftOut())


@pytest.fixture(autouse=True)
def _mask_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test know the secrets of another: the mask is one for the process."""
    for name, nothing in vars(Mask()).items():
        monkeypatch.setattr(masked, name, nothing)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto with the configuration that the project ships."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker
