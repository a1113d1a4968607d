"""Who may look: an address beyond this machine needs a token, and a token cannot be guessed."""

from pathlib import Path

import pytest

from greendc.config import Config, check_text
from greendc.config.http import TOKEN
from greendc.ports import GreendcError
from tests.config.kit import FEED, loaded, site

LONG = "0123456789abcdef"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    monkeypatch.delenv("GREENDC_HTTP_PORT", raising=False)


def given(folder: Path, http: str) -> Config:
    return loaded(folder, f"{site(FEED)}http: {http}\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_needs_no_token(tmp_path: Path, host: str) -> None:
    http = given(tmp_path, f"{{host: '{host}'}}").http
    assert http.loopback
    assert http.token() is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "greendc.example.org"])  # noqa: S104 - told, not bound
def test_another_address_without_a_token_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(GreendcError, match=r"site\.yaml:\d+: http\.host: .* set token_file or"):
        given(tmp_path, f"{{host: '{host}'}}")
    assert not given(tmp_path, f"{{host: '{host}', allow_unauthenticated: true}}").http.loopback
    given(tmp_path, f"{{host: '{host}', enabled: false}}")


def test_a_token_comes_from_a_file_or_before_it_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{LONG}\n")
    http = given(tmp_path, "{host: '::', token_file: token}").http
    assert http.token() == LONG
    monkeypatch.setenv(TOKEN, LONG[::-1])
    assert http.token() == LONG[::-1]
    assert given(tmp_path, "{host: '::'}").http.token() == LONG[::-1]


@pytest.mark.parametrize("text", ["", "short", "ä" * 20])
def test_a_token_that_is_none_is_refused_and_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(TOKEN, text)
    with pytest.raises(GreendcError, match="at least 16 ASCII characters") as told:
        given(tmp_path, "{}").http.token()
    assert not text or text not in str(told.value)


def test_check_tells_who_may_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(http: str) -> str:
        return check_text(given(tmp_path, http)).splitlines()[-1]

    assert told("{}").endswith("on http://127.0.0.1:8080, for everyone on this machine")
    assert told("{enabled: false}") == "HTTP: off"
    everyone = "{host: '::', allow_unauthenticated: true}"
    assert told(everyone).endswith("on http://[::]:8080, for everyone who reaches it")
    monkeypatch.setenv(TOKEN, LONG)
    assert told("{host: '::'}").endswith(", for who has the token")
    monkeypatch.setenv(TOKEN, "short")
    with pytest.raises(GreendcError, match="at least 16 ASCII characters"):
        told("{}")


def test_a_missing_token_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(GreendcError, match=r"http\.token_file: .*token cannot be read"):
        given(tmp_path, "{token_file: token}").http.token()


def test_the_token_is_in_nothing_that_is_kept_or_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, LONG)
    config = given(tmp_path, "{host: '::'}")
    assert LONG not in config.body().decode()
    assert LONG not in check_text(config)


def test_the_environment_sets_the_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENDC_HTTP_PORT", "9090")
    assert given(tmp_path, "{port: 8081}").http.port == 9090


def test_files_are_beside_the_configuration(tmp_path: Path) -> None:
    tls = given(tmp_path, "{tls: {cert: a.pem, key: b.pem}}").http.tls
    assert tls is not None
    assert (tls.cert, tls.key_) == (tmp_path / "a.pem", tmp_path / "b.pem")


def test_http_changes_no_figure(tmp_path: Path) -> None:
    one, other = given(tmp_path, "{port: 1}"), given(tmp_path, "{port: 2}")
    assert one.figures_hash() == other.figures_hash()
