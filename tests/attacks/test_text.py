"""Text from anywhere does nothing to terminals and logs."""

import logging
import socket
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.config.log import Log
from greendc.daemon import logs
from greendc.printable import one_record, printable
from tests.small import small_site
from tests.sources.listening import Listener
from tests.sources.wire import Broker, publish

EVIL = "t/\x1b]0;owned\x07\x1b[2J\nERROR greendc: forged\u202e\x9b31m"
UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text(st.characters()))
def test_what_is_printed_holds_no_character_that_commands(text: str) -> None:
    shown = printable(text).replace("\n", "").replace("\t", "")
    assert not [c for c in shown if unicodedata.category(c) in UNSEEN]
    assert not [c for c in shown if unicodedata.bidirectional(c) in TURNING]


@given(st.text(st.characters()))
def test_a_record_begins_where_a_record_begins(text: str) -> None:
    first, *others = one_record(text).splitlines() or [""]
    assert first == printable(text).split("\n")[0]
    assert all(line.startswith("    ") for line in others)


def test_plain_words_stay_as_they_are() -> None:
    words = "Zähler ÖÄÜ - 電力 €\n\tkWh"
    assert printable(words) == words


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_topic_forges_no_line_of_a_log(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    logs.set_up(Log(), form)
    logging.getLogger("greendc.attack").warning("topic %s", EVIL)
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\x9b" not in said
    assert "\u202e" not in said
    assert not [line for line in said.splitlines() if line.startswith("ERROR")]
    assert len(said.splitlines()) == (1 if form == "json" else 2)


def test_topics_of_any_bytes_arrive_and_harm_nobody() -> None:
    topics = [
        b"t/\x1b[2J",
        b"t/a\nb",
        b"t/\xc2\x9b1m",
        b"t/" + "\u202e".encode(),
        b"t/\x7f",
        b"t/ ",
    ]

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        for mid, topic in enumerate(topics, 1):
            stream.sendall(publish(topic, b"1", mid))
        broker.expect(stream, 0xE0)

    with Broker(script) as broker, Listener(broker.port, protocol="3.1.1") as listener:
        listener.until(len(topics))
        listener.acknowledged(len(topics))
    assert [row[0].encode() for row in listener.rows] == topics


def test_commands_print_names_harmlessly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = small_site(tmp_path, capsys, minutes=20)
    name = r"Hall \x1b]0;owned\x07 \u202e"
    small.config.write_text(small.config.read_text().replace("name: Small site", f'name: "{name}"'))
    for said in (
        small.run("check", small.config),
        small.run("replay", small.log, "-c", small.config),
    ):
        assert name in said
        assert "\x1b" not in said


def test_an_id_holds_nothing_unseen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = small_site(tmp_path, capsys, minutes=1)
    small.config.write_text(small.config.read_text().replace("id: small", r'id: "a\x1b[2Jb"'))
    assert "sites[0].id" in small.refused("check", small.config)
