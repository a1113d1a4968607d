"""Schedules of what may happen to daemon, broker and store while messages are published.

The daemon's worker with its two files, its sinks and the store are the real ones; the broker is
in memory, and a process dies by being given up at a named point.
"""

import json
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config, load
from greendc.core.facility import MINUTE, SECOND
from greendc.exports import Request as Export
from greendc.exports import export
from greendc.outcomes import of_messages
from greendc.ports import Event
from greendc.replay import Options, replay
from tests.audit.kit import Life, Message, failed
from tests.audit.test_balance import KILLS, journalled
from tests.contract.targets import Influx1Target, newest
from tests.servers.proxy import Answer, Proxy, Request

BEGIN = 1_740_789_000 * SECOND  # 2025-03-01T00:30:00Z, so that an hour ends in between
TIMEOUT = 1  # s that a sink waits for the store
SITE = """
data: data
sites:
  - id: {site}
    zone: Asia/Kolkata
    rated_it_w: 1000
    cell: 10min
    lateness: 4min
    horizon: 40min
    e_dc: bottom_up
    topics:
      - {{topic: "m/{{meter}}", codec: json, value: v, time_at: t}}
    meters:
      - {{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 60s, rating_w: 900, class: 1}}
      - {{id: pump, point: cool_pump, unit: W, kind: instant, nominal: 60s, spike: 250, class: 1}}
      - {{id: fan, point: cool_crah_fan, unit: W, kind: on_change, silent_after: 5min, class: 1}}
      - id: feed
        point: cool_chiller
        quantity: energy
        unit: Wh
        kind: register
        nominal: 60s
        class: 1
        rating_w: 1e6
      - {{id: room, point: t_supply, quantity: temperature, unit: degC, nominal: 60s}}
    emissions:
      location: {{factor: 400, year: 2024, source: made up}}
sinks:
  - {{kind: jsonl, path: figures.jsonl}}
  - kind: influx1
    name: history
    url: "{url}"
    username: root
    password_file: "{password}"
    timeout: {timeout}s
    batch: 60
http: {{enabled: false}}
"""
METERS = ("it", "pump", "fan", "feed", "room")
BACKS = (0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5, 8, 20, 39, 60)  # minutes
STORE = ("well", "busy", "forbids", "silent", "hangs")


# -- what is published ----------------------------------------------------------------------------


def traffic(chance: random.Random, minutes: int = 50) -> list[Message]:
    """Messages in the order of publishing: late, repeated, contradicting, bad and unknown ones."""
    sent: list[Message] = []
    for minute in range(minutes):
        for meter in METERS:
            if chance.random() < 0.9:
                sent.append(_reading(meter, minute - chance.choice(BACKS), chance))
            if chance.random() < 0.05:
                sent.append(chance.choice(sent))
        if chance.random() < 0.1:
            sent.append((*chance.choice((("m/it", b"?"), ("m/nobody", b"7"))), 1))
    return sent


def _reading(meter: str, minute: int, chance: random.Random) -> Message:
    shown = minute + chance.random() if meter == "feed" else 100 + 40 * chance.randrange(9)
    payload = json.dumps({"v": shown, "t": rfc3339(BEGIN + minute * MINUTE)}).encode()
    return f"m/{meter}", payload, 1


def stamp(message: Message) -> int:
    """When a message says that it is."""
    return parse_rfc3339(json.loads(message[1])["t"]) if message[1].startswith(b"{") else BEGIN


def write_log(path: Path, sent: Sequence[Message]) -> None:
    """The messages as a recorded log: each arrives when the newest one so far is stamped."""
    now, lines = BEGIN, []
    for message in sent:
        now = max(now, stamp(message))
        topic, payload, qos = message
        line = {"tst": rfc3339(now), "topic": topic, "payload": payload.decode(), "qos": qos}
        lines.append(f"{json.dumps(line)}\n")
    path.write_text("".join(lines))


# -- what happens ---------------------------------------------------------------------------------


class Deed(NamedTuple):
    """What happens after so many further messages.

    With it `came` messages are sent that the daemon reads, of whose acknowledgements the broker
    hears `heard`.
    """

    after: int
    what: str
    where: str = ""
    nth: int = 1
    came: int = 0
    heard: int = 0


def _deed(what: str, **more: st.SearchStrategy[object]) -> st.SearchStrategy[Deed]:
    nothing = {"where": st.just(""), "nth": st.just(1), "came": st.just(0), "heard": st.just(0)}
    return st.builds(Deed, st.integers(0, 27), st.just(what), **{**nothing, **more})


_messages = {"came": st.integers(0, 9), "heard": st.integers(0, 9)}
SCHEDULES: st.SearchStrategy[list[Deed]] = st.lists(
    st.one_of(
        _deed("daemon: SIGKILL", where=st.sampled_from(KILLS), nth=st.integers(1, 3)),
        _deed("daemon: SIGKILL", where=st.just("at once")),
        _deed("daemon: SIGTERM", came=st.integers(0, 9)),
        _deed("broker: SIGTERM", **_messages),
        _deed("broker: SIGSTOP"),
        _deed("broker: SIGCONT", heard=st.integers(0, 9)),
        _deed("connection: cut", **_messages),
        _deed("store", where=st.sampled_from(STORE), nth=st.integers(1, 4)),
        _deed("commit"),
    ),
    min_size=4,
    max_size=24,
)


@dataclass
class Shop:
    """A real store behind a proxy that can stand in its way."""

    target: Influx1Target
    proxy: Proxy
    state: str = "well"
    well: int = 0  # writes that pass all the same

    def __post_init__(self) -> None:
        self.proxy.instead, self.proxy.after = self._instead, self._after

    def be(self, state: str, nth: int = 1) -> None:
        """Be in another state from the n-th write on."""
        self.state, self.well = state, nth - 1

    def _instead(self, request: Request) -> Answer | None:
        self.well -= "/write" in request.path
        if self.well >= 0:
            return None
        return {"busy": (503, {}, b"busy"), "forbids": (401, {}, b"no")}.get(self.state)

    def _after(self, _request: Request, answer: Answer) -> Answer:
        """The store has taken it, and greendc does not hear of that."""
        if self.well >= 0 or self.state == "well":
            return answer
        if self.state == "hangs":
            time.sleep(1.2 * TIMEOUT)
        return 500, {}, b""


def configured(folder: Path, shop: Shop, site: str) -> Config:
    """A site whose figures go to this store."""
    secret = shop.target.folder / "password"
    text = SITE.format(site=site, url=shop.proxy.url, password=secret, timeout=TIMEOUT)
    path = folder / "site.yaml"
    path.write_text(text)
    return load(path)


@dataclass
class Course:
    """A daemon's life while messages are published and deeds are done."""

    life: Life
    shop: Shop
    sent: Sequence[Message]
    done: int = 0

    def run(self, schedule: Sequence[Deed]) -> None:
        """All deeds, then what is left of the messages, and the end of the input."""
        for deed in schedule:
            self._publish(deed.after)
            self.life.receive()
            self._do(deed)
            self.life.receive()
        self._publish(len(self.sent))
        self.life.broker.thaw(0)
        self.life.receive()
        self.life.kill_at = None
        self.life.event(Event("end", self.life.at))
        self.shop.be("well")
        self.life.sink()
        self.life.commit()

    def _publish(self, count: int) -> None:
        now = self.sent[self.done : self.done + count]
        self.done += len(now)
        self.life.at = max([self.life.at, *map(stamp, now)])
        self.life.publish(now)

    def _do(self, deed: Deed) -> None:
        life = self.life
        match deed.what:
            case "daemon: SIGKILL":
                self._kill(deed)
            case "daemon: SIGTERM":
                self._publish(deed.came)
                life.stop(unread=True)
            case "broker: SIGSTOP":
                life.broker.frozen = True
            case "broker: SIGCONT":
                life.broker.thaw(deed.heard)
            case "broker: SIGTERM" | "connection: cut":
                self._publish(max(deed.came, deed.heard))
                life.cut(deed.came, deed.heard)
            case "store":
                self.shop.be(deed.where, deed.nth)
                life.sink()
            case "commit":
                life.commit()

    def _kill(self, deed: Deed) -> None:
        if deed.where == "at once":
            self.life.kill()
        else:
            self.life.kill_at = deed.where, deed.nth


# -- what is compared -----------------------------------------------------------------------------


def assert_as_undisturbed(config: Config, course: Course, folder: Path) -> None:
    """The ledger is to the byte that of the same log; nothing is missing, and nothing there twice.

    Its journal gives it again, the accounts add up, and both sinks hold what it holds.
    """
    sent, site = course.sent, config.root.sites[0].id
    write_log(folder / "sent.jsonl", sent)
    log, journal = folder / "sent.jsonl", config.data / "journal.db"
    wanted = _replayed([log], config, folder / "undisturbed")
    export(config, Export(out=folder / "exported.jsonl"))
    found = (folder / "exported.jsonl").read_bytes()
    same("ledger", found, wanted)
    same("ledger of the journal", found, _replayed([journal], None, folder / "again"))

    audit = course.life.audit()
    same("accounts", list(failed(audit)), [])
    same("lost", audit.lost, (0, 0))
    same("journalled", journalled(audit), sum(topic != "m/nobody" for topic, _, _ in sent))
    same("counts", _counts(config.data), _counts(folder / "undisturbed"))

    same("store", course.shop.target.read(site), newest(config.data / "ledger.db", site))
    lines = (config.data / "figures.jsonl").read_text().splitlines()
    ids = {json.loads(line)["id"] for line in lines}
    same("file", ids, set(range(1, course.life.data.store.last() + 1)))


def same(what: str, found: object, wanted: object) -> None:
    """Fail, with what is not as it has to be."""
    assert found == wanted, f"{what}:\n{found!r:.2000}\n is not\n{wanted!r:.2000}"


def _replayed(logs: Sequence[Path], config: Config | None, kept: Path) -> bytes:
    out = kept.with_suffix(".jsonl")
    replay(logs, config, Options(out=out, keep=kept))
    return out.read_bytes()


REPEATED = ("messages", "redelivered", "rejected:unbound")  # what is not journalled is not known


def _counts(folder: Path) -> dict[str, int]:
    """What became of messages and readings."""
    with closing(sqlite3.connect(folder / "ledger.db")) as db:
        sql = "SELECT outcome, sum(number) FROM tally GROUP BY outcome"
        found = of_messages(dict(db.execute(sql).fetchall()), {})
    return {name: n for name, n in found.items() if n and name not in REPEATED}
