"""What is installed has the page in it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.web.kit import ROOT

NOT_PACKED = shutil.ignore_patterns("__pycache__")
PARTS = ("pyproject.toml", "README.md", "LICENSE")


def test_a_wheel_holds_every_file_of_the_page(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a build leaves files where it is made
    shutil.copytree(ROOT / "greendc", source / "greendc", ignore=NOT_PACKED)
    for part in PARTS:
        shutil.copy(ROOT / part, source)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        found = {name for name in packed.namelist() if name.startswith("greendc/web/static/")}
    static = ROOT / "greendc" / "web" / "static"
    assert found == {
        path.relative_to(ROOT).as_posix() for path in static.rglob("*") if path.is_file()
    }
    assert "greendc/web/static/vendor/echarts.LICENSE.txt" in found
