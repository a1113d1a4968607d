"""Under CI=true a test that is left out fails the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.support import PROJECT

GOOD = "def test_good():\n    pass\n"
LEFT_OUT = {
    "skip": "import pytest\n@pytest.mark.skip\ndef test_left():\n    pass\n",
    "skip_inside": "import pytest\ndef test_left():\n    pytest.skip('no server')\n",
    "module": "import pytest\npytest.importorskip('no_such_module_anywhere')\n",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_left():\n    assert False\n",
    "xpass": "import pytest\n@pytest.mark.xfail(strict=False)\ndef test_left():\n    pass\n",
}


def run(folder: Path, ci: str, *options: str) -> subprocess.CompletedProcess[str]:
    pytest_here = (sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", os.devnull)
    return subprocess.run(
        [*pytest_here, f"--rootdir={folder}", *options, str(folder)],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("processes", [0, 2])
@pytest.mark.parametrize("way", LEFT_OUT)
def test_a_test_left_out_fails_the_run(tmp_path: Path, way: str, processes: int) -> None:
    (tmp_path / "test_good.py").write_text(GOOD)
    (tmp_path / "test_left.py").write_text(LEFT_OUT[way])
    result = run(tmp_path, "true", f"--numprocesses={processes}")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "LEFT OUT" in result.stdout
    assert "test_left.py" in result.stdout


@pytest.mark.parametrize("processes", [0, 2])
def test_a_deselected_test_fails_the_run(tmp_path: Path, processes: int) -> None:
    (tmp_path / "test_good.py").write_text(GOOD + "def test_other():\n    pass\n")
    result = run(tmp_path, "true", "-k", "not other", f"--numprocesses={processes}")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert result.stdout.count("LEFT OUT") == 1


def test_a_complete_run_passes(tmp_path: Path) -> None:
    (tmp_path / "test_good.py").write_text(GOOD)
    assert run(tmp_path, "true").returncode == pytest.ExitCode.OK


def test_elsewhere_a_developer_may_leave_out(tmp_path: Path) -> None:
    (tmp_path / "test_good.py").write_text(GOOD)
    (tmp_path / "test_left.py").write_text(LEFT_OUT["skip"])
    assert run(tmp_path, "").returncode == pytest.ExitCode.OK
