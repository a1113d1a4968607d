"""Same seed, same bytes: in another process, and on a processor that can do less."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from greendc.core.facility import HOUR
from greendc.simulate import ready
from greendc.simulate.site import chunks
from greendc.simulate.traffic import Traffic
from greendc.simulate.writing import LogLines
from greendc.sources.writing import LogWriter
from tests.simulate import kit

PROJECT = Path(__file__).parents[2]
FEATURES = (
    "import numpy._core._multiarray_umath as m;"
    "print(*(f for f in m.__cpu_dispatch__ if m.__cpu_features__[f]))"
)


def digests() -> dict[str, str]:
    """A hash of six hours of each ready-made site, across two chunks."""
    found = {}
    for name in ready.NAMES:
        scenario, digest = ready.scenario(name), hashlib.sha256()
        for site in scenario.sites:
            for chunk in chunks(scenario, site, scenario.start - HOUR, scenario.start + 5 * HOUR):
                for columns in (chunk.powers, chunk.states, chunk.volumes):
                    for column, values in columns.items():
                        digest.update(column.encode() + np.asarray(values).tobytes())
        found[name] = digest.hexdigest()
    return found


def log_digest() -> str:
    """A hash of six hours' log of small devices with chance, faults and delays of all kinds."""
    rules = [
        {"points": ["*.util"], "kind": "register", "unit": "kWh", "resolution": 0.01, "class": 0.5},
        {"points": ["*.it_in"], "class": 1.0, "jitter": "5s", "style": "json_ms"},
        {"points": ["*.t_*"], "class": 0.5, "unit": "degF", "kind": "on_change", "resolution": 0.1},
        {
            "points": ["*.cool_*", "*.ups_*"],
            "kind": "mean_prev",
            "interval": "5min",
            "class": 2.0,
            "delay": "2s",
        },
    ]
    found = kit.scenario(rules, [kit.fault("clock_skew", "*.it_in", 30, 90, by=7)])
    traffic, file = Traffic(found, found.start, found.end), io.BytesIO()
    lines = LogLines(traffic.topics, traffic.forms, traffic.words)
    for messages in traffic.messages():
        lines.write(messages, LogWriter(file))
    assert file.tell() > 10_000
    return hashlib.sha256(file.getvalue()).hexdigest()


def child(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_processor_that_can_do_less_gives_the_same_bytes() -> None:
    code = (
        f"import json; from {__name__} import digests, log_digest;"
        "print(json.dumps([digests(), log_digest()]))"
    )
    features = child(FEATURES).strip()
    assert features, "this processor has nothing that could be switched off"
    assert json.loads(child(code, NPY_DISABLE_CPU_FEATURES=features)) == [digests(), log_digest()]
