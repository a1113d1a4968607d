"""Dockerfile and compose file: well-formed, as closed as they say, and their pieces tried."""

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from compose_spec import PyOptions
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.plant import Plant
from tests.servers.support import HOST, PROJECT, Mosquitto, accepts, free_port, program

DOCKERFILE = PROJECT / "Dockerfile"
COMPOSE = PROJECT / "config" / "compose"
BIN = Path(sys.executable).parent


def composed() -> dict[str, Any]:
    text = (COMPOSE / "compose.yaml").read_text()
    spec = PyOptions()
    spec.apply_merge = True
    return dict(json.loads(spec.from_yaml(text).to_json()))


SERVICES: dict[str, dict[str, Any]] = composed()["services"]


def test_the_linter_finds_nothing_in_the_dockerfile(tmp_path: Path) -> None:
    assert subprocess.run([BIN / "hadolint", DOCKERFILE], check=False).returncode == 0
    bad = tmp_path / "Dockerfile"
    bad.write_text(DOCKERFILE.read_text().replace(":3.11.14-slim-bookworm", ""))
    assert (
        subprocess.run([BIN / "hadolint", bad], check=False, stdout=subprocess.DEVNULL).returncode
        == 1
    )


def test_the_final_stage_has_no_build_tools_and_no_rights() -> None:
    build, final = DOCKERFILE.read_text().split("\nFROM ")[1:3]
    assert "pip uninstall --yes pip setuptools wheel" in final
    assert "pip install" not in final.replace("pip uninstall", "")
    assert "--require-hashes" in build
    lines = final.splitlines()
    assert "USER 10001:10001" in lines
    assert lines.index("USER 10001:10001") > max(i for i, s in enumerate(lines) if "RUN" in s)


def test_everything_that_is_copied_gets_into_the_context() -> None:
    kept = [s[1:] for s in (PROJECT / ".dockerignore").read_text().splitlines() if s[:1] == "!"]
    copied = re.findall(r"^COPY (?:--chmod=\d+ )?(\S+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert sorted(kept) == sorted(copied)
    assert all((PROJECT / name).exists() for name in copied)


def test_what_a_daemon_needs_is_locked_with_hashes_and_as_tested() -> None:
    locks = [(PROJECT / f"requirements{part}.lock").read_text() for part in ("-run", "")]
    run, all_ = (set(re.findall(r"^([\w.-]+==\S+)", text, re.MULTILINE)) for text in locks)
    assert run < all_
    entries = re.split(r"^(?=[\w.-]+==)", locks[0], flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    wanted = re.findall(
        r'^    "([\w-]+)>=',
        (PROJECT / "pyproject.toml").read_text().split("[dependency-groups]")[0],
        re.MULTILINE,
    )
    assert {name.lower() for name in wanted} <= {entry.partition("==")[0] for entry in run}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    ports = [json.dumps(port) for port in service["ports"]]
    assert ports
    assert all("127.0.0.1" in port for port in ports)
    assert "privileged" not in service
    assert "docker.sock" not in json.dumps(service)


def test_secrets_come_by_files_alone() -> None:
    spec = composed()
    assert all(set(secret) == {"file"} for secret in spec["secrets"].values())
    for service in SERVICES.values():
        for key, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", key):
                assert str(value).startswith("/run/secrets/")
    assert "config/compose/secrets/" in (PROJECT / ".gitignore").read_text().splitlines()


def test_every_file_that_is_mounted_is_there() -> None:
    text = (COMPOSE / "compose.yaml").read_text()
    mounted = re.findall(r"^\s+- (\.[\w./-]+):/", text, re.MULTILINE)
    assert len(mounted) >= 9
    assert [path for path in mounted if not (COMPOSE / path).exists()] == []


def test_the_store_counts_a_point_written_twice_once() -> None:
    assert "-dedup.minScrapeInterval=1ms" in SERVICES["victoria-metrics"]["command"]


def test_the_sample_site_is_good(capfd: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [BIN / "greendc", "check", COMPOSE / "greendc.yaml"],
        env={**os.environ, "GREENDC_HTTP_TOKEN": "0123456789abcdef"},
        check=False,
    )
    assert done.returncode == 0
    assert "ipue" in capfd.readouterr().out


def test_prometheus_takes_its_file_and_the_shipped_rules(tmp_path: Path) -> None:
    text = (COMPOSE / "prometheus.yml").read_text()
    here = text.replace("/etc/prometheus/alerts", str(PROJECT / "dashboards" / "alerts"))
    token = tmp_path / "token"
    token.write_text("x")
    path = tmp_path / "prometheus.yml"
    path.write_text(here.replace("/run/secrets/greendc_token", str(token)))
    done = subprocess.run(
        [program("promtool"), "check", "config", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("SUCCESS") >= 3


def hashed(name: str, password: str) -> str:
    """A line of mosquitto's password file: PBKDF2 of SHA-512, as mosquitto_passwd writes it."""
    salt = b"0123456789ab"
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101, 64)
    return f"{name}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}\n"


def connects(port: int, password: str | None) -> bool:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "probe")
    if password is not None:
        client.username_pw_set("greendc", password)
    answers: list[bool] = []
    client.on_connect = lambda _c, _d, _f, reason, _p: answers.append(not reason.is_failure)
    client.connect(HOST, port)
    deadline = time.monotonic() + 30
    while not answers and time.monotonic() < deadline:
        client.loop(0.1)
    client.disconnect()
    return answers == [True]


def test_the_broker_lets_in_only_who_has_a_password(tmp_path: Path) -> None:
    port, passwords, result = free_port(), tmp_path / "passwd", tmp_path / "mosquitto.conf"
    passwords.write_text(hashed("greendc", "right"))
    passwords.chmod(0o600)
    beside = (COMPOSE / "mosquitto.conf").read_text().replace("1883", str(port))
    beside = beside.replace("/run/secrets/mosquitto_passwd", str(passwords))
    (tmp_path / "beside.conf").write_text(f"{beside}user root\n")
    shipped = PROJECT / "config" / "mosquitto" / "mosquitto.conf"
    broker = subprocess.Popen(
        [
            "/bin/sh",
            *(COMPOSE / "mosquitto.sh", shipped, tmp_path / "beside.conf", tmp_path, result),
        ],
        env={"PATH": f"{program('mosquitto').parent}:{os.environ['PATH']}"},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not accepts(port):
            assert broker.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert [connects(port, p) for p in ("right", "wrong", None)] == [True, False, False]
    finally:
        broker.terminate()
        broker.wait(30)
    assert (tmp_path / "mosquitto.db").exists()
    assert "max_queued_messages 0" in result.read_text()
    assert "127.0.0.1" not in re.sub(r"#.*", "", result.read_text())


def test_the_health_check_tells_a_daemon_from_none(tmp_path: Path) -> None:
    found = re.search(r'CMD \["python", "-c", "(.*)"\]', DOCKERFILE.read_text())
    assert found is not None
    text = "http: {port: 0}\n"
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as plant:
        plant.config.write_text(re.sub(r"^http:.*\n", "", plant.text, flags=re.MULTILINE) + text)
        daemon = plant.daemon()
        plant.wait_until_connected()
        page = re.search(r"page at http://127\.0\.0\.1:(\d+)", plant.log)
        assert page is not None
        probe = [sys.executable, "-c", found[1].replace("8080", page[1])]
        assert subprocess.run(probe, check=False).returncode == 0
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, plant.log
        assert subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 1
