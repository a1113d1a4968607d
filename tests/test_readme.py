"""The README shows what really happens."""

import re
import shlex
from pathlib import Path

import pytest

from greendc.cli import main

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
SCREEN = 50  # lines
LEFT_OUT = "..."


def shown(language: str) -> list[str]:
    """Contents of the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[list[str], list[str]]]:
    """Each command of the console blocks, with the output that is shown."""
    out: list[tuple[list[str], list[str]]] = []
    for block in shown("console"):
        for text in re.split(r"^\$ greendc ", block, flags=re.MULTILINE)[1:]:
            command, *output = text.splitlines()
            out.append((shlex.split(command), output))
    return out


def as_pattern(lines: list[str]) -> str:
    """Output with any lines at all where some are left out."""
    parts = [r"(?:.*\n)*?" if x.strip() == LEFT_OUT else re.escape(x) + r"\n" for x in lines]
    return "".join(parts)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the commands find the project's files and may write."""
    for name in ("config", "sensors"):
        (tmp_path / name).symlink_to(PROJECT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_print_what_is_shown(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(commands()) == 2
    for command, output in commands():
        assert main(command) == 0
        printed = capsys.readouterr().out
        assert re.fullmatch(as_pattern(output), printed), (command, printed)
    main(["export", "-c", "config/zih-lzr.yaml", "--data", str(project / "ledger")])
    (figure,) = shown("json")
    assert figure in capsys.readouterr().out


def test_the_map_is_true_and_near_the_top() -> None:
    before, _, after = README.partition("## Map")
    assert len(before.splitlines()) <= 2 * SCREEN
    rows = after.split("```")[1].splitlines()
    folder = Path()
    for row in filter(None, rows):
        name = row.split()[0]
        if not row.startswith(" "):
            folder = Path(name)
            assert (PROJECT / name).is_dir(), name
        else:
            assert (PROJECT / folder / name).exists(), name
