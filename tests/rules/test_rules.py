"""An alert is finished when it has rule tests of all it should show, and a runbook heading."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from greendc.series import SERIES
from tests.servers.support import PROJECT, program

ALERTS = sorted((PROJECT / "dashboards" / "alerts").glob("*.yaml"))
TESTS = sorted(Path(__file__).parent.glob("*_test.yaml"))
RUNBOOK = (PROJECT / "dashboards" / "RUNBOOK.md").read_text()
PARTS = ("**Means.**", "**Look at.**", "**Do.**")
OWN = {"up", "ALERTS"}  # series that Prometheus itself has
NAME = re.compile(r"\b(?:greendc_\w+|up|ALERTS)\b")
INTERVAL = 1  # minutes between two evaluations in the rule tests

Rule = dict[str, Any]


def rules() -> Iterator[Rule]:
    for path in ALERTS:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


RULES = list(rules())
IDS = [rule["alert"] for rule in RULES]


def cases(alert: str) -> dict[str, Rule]:
    """Test groups of an alert by what they show."""
    found = {}
    for path in TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            name, _, shows = case["name"].partition(": ")
            if name == alert:
                found[shows] = case
    return found


def minutes(duration: str) -> int:
    """Whole minutes of 5h4m and the like."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", duration)
    assert found is not None, duration
    return 60 * int(found[1] or 0) + int(found[2] or 0)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(program("promtool")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_promtool_finds_nothing_wrong() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_do_what_their_tests_say() -> None:
    done = promtool("test", "rules", *TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_have_names_of_their_own() -> None:
    assert len(set(IDS)) == len(IDS)
    assert set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == set(IDS)


@pytest.mark.parametrize("alert", IDS)
def test_every_alert_is_shown_not_yet_now_over_and_without_data(alert: str) -> None:
    shown = cases(alert)
    whole = shown["not yet, now, recovery"]["alert_rule_test"]
    steps = [bool(step["exp_alerts"]) for step in whole if step["alertname"] == alert]
    assert [steps[0], steps[-1]] == [False, False]
    assert any(steps)
    # It fires at its first evaluation and not at the one before: `for` is as long as it says.
    times = [minutes(step["eval_time"]) for step in whole if step["alertname"] == alert]
    first = steps.index(True)
    assert times[first] - times[first - 1] == INTERVAL
    for step in whole:
        for expected in step["exp_alerts"]:
            assert expected["exp_annotations"]
    assert [s for s in shown["absent data"]["alert_rule_test"] if s["alertname"] == alert]


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_every_alert_has_a_page_of_the_runbook(rule: Rule) -> None:
    alert = rule["alert"]
    assert rule["annotations"]["runbook_url"] == f"RUNBOOK.md#{alert.lower()}"
    page = RUNBOOK.partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
    for part in PARTS:
        assert page.partition(part)[2].strip(), f"{alert}: {part}"
    assert rule["for"]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert {"summary", "description"} <= set(rule["annotations"])


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_rules_use_series_that_exist_and_hold_no_numbers(rule: Rule) -> None:
    expression = re.sub(r'"[^"]*"', "", rule["expr"])
    known = {series.name for series in SERIES} | OWN
    used = set(NAME.findall(expression))
    assert used
    assert used <= known
    durations = re.sub(r"\b\d+[smhdw]\b", "", expression)
    flags = re.sub(r"== [01](?=\s|$)", "", durations)
    assert re.findall(r"(?<![\w])\d[\d.e]*", flags) == []


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_rules_use_labels_that_their_series_have(rule: Rule) -> None:
    labels = {series.name: {*series.labels, "instance", "job"} for series in SERIES}
    for name, matchers in re.findall(r"\b(greendc_\w+)\{([^}]*)\}", rule["expr"]):
        given = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert given <= labels[name], name
