"""Broker, meters, daemon and terminal of a demonstration, from start to a clean end."""

import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from greendc.app import Daemon, Signals, Stopped
from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.config.log import Log
from greendc.daemon import logs
from greendc.daemon.memory import give_back
from greendc.demo import feed
from greendc.demo.moving import moved
from greendc.demo.recording import Recording, given, recorded, simulated
from greendc.demo.terminal import Terminal
from greendc.files import LEDGER
from greendc.ports import GreendcError
from greendc.sources.broker import HOST, EmbeddedBroker
from greendc.watch import Watch
from greendc.web import WebServer


@dataclass(frozen=True, slots=True)
class Options:
    """What to show: see `greendc demo --help`. `at` [ns UTC], `duration` [s]."""

    minutes: float = 5.0
    at: int | None = None
    duration: float | None = None
    keep: Path | None = None
    port: int | None = None  # of the page; None is the configured one
    site: str | None = None  # a ready-made simulated one; None is the recorded one
    logs: Sequence[Path] = ()  # recorded ones, with the site file that reads them
    config: Path | None = None


def demo(options: Options) -> int:
    """Show a log until told to stop; returns the exit code.

    Raises
    ------
    GreendcError
        Where something is asked for that cannot be, or the embedded broker fails.
    """
    give_back()
    with ExitStack() as stack, suppress(Stopped):
        signals = _signals(options.duration, stack)
        logs.set_up(Log(level="warning"))
        folder = _folder(options.keep, stack)
        recording = _recording(options, stack)
        broker = stack.enter_context(EmbeddedBroker())
        config = _config(recording, folder, broker.port, options.port)
        watch = Watch(wall_clock=False)
        daemon = Daemon(
            config, until_idle=None, stack=stack, watch=watch, signals=signals, elsewhere=True
        )
        meters = feed.Feed(
            recording,
            feed.speed_for(recording, options.minutes),
            broker.port,
            feed.Daemon(daemon.source, daemon.inbox),
            signals.stop,
        )
        daemon.parts += [meters, Terminal(recording, meters, watch.board)]
        _announce(daemon, recording, broker, options)
        daemon.run()
        if meters.error is not None:
            raise meters.error
    _say("The demo has ended.")
    return 0


def _signals(duration: float | None, stack: ExitStack) -> Signals:
    """Set by Ctrl-C, SIGTERM, or after so many seconds."""
    signals = Signals()
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.signal(number, signals.stop)
        stack.callback(signal.signal, number, before)
    if duration is not None:
        timer = threading.Timer(duration, signals.stop)
        timer.daemon = True
        timer.start()
        stack.callback(timer.cancel)
    return signals


def _recording(options: Options, stack: ExitStack) -> Recording:
    now, at = time.time_ns(), options.at
    if options.site is not None:
        if options.logs or options.config is not None:
            raise GreendcError("--site shows a simulated site: leave out logs and -c")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greendc-site-")))
        recording = simulated(options.site, now if at is None else at, folder)
    else:
        recording = _logs(options)
        recording = recording if at is None else moved(recording, at)
    if recording.end > now:
        raise GreendcError(
            f"the log would end at {rfc3339(recording.end)}, which lies in the future of this "
            f"machine's clock ({rfc3339(now)}): set the clock, or use --at now"
        )
    return recording


def _logs(options: Options) -> Recording:
    if options.config is None and not options.logs:
        return recorded()
    if options.config is None:
        raise GreendcError(f"{options.logs[0]}: a log needs the site file that reads it: -c SITE")
    if not options.logs:
        raise GreendcError(f"{options.config}: a site file needs the logs that it reads: LOG…")
    return given(options.logs, options.config)


def _folder(keep: Path | None, stack: ExitStack) -> Path:
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greendc-demo-")))
    if (keep / LEDGER).exists():
        raise GreendcError(f"{keep}: holds a ledger already; name an empty folder")
    return keep


def _config(recording: Recording, folder: Path, port: int, page: int | None) -> Config:
    """The site of the log on the embedded broker, whatever the environment says.

    Nothing outside hears of it: neither sinks nor jobs of the site file are at work.
    """
    found = load(recording.site)
    root = found.root
    mqtt = type(root.mqtt)(host=HOST, port=port, protocol="3.1.1", client_id="greendc-demo")
    http = root.http if page is None else root.http.model_copy(update={"port": page})
    changes = {"data": folder.absolute(), "mqtt": mqtt, "http": http, "sinks": ()}
    changes["jobs"] = type(root.jobs)()
    return Config(root.model_copy(update=changes), found.content)


def _announce(
    daemon: Daemon, recording: Recording, broker: EmbeddedBroker, options: Options
) -> None:
    config = daemon.worker.pipeline.config
    names = ", ".join(site.name or site.id for site in config.sites)
    lines = [
        f"{names}: {rfc3339(recording.start)} to {rfc3339(recording.end)}",
        *_page(daemon.web, config.http.port),
        f"  pace    published over MQTT in about {options.minutes:g} minutes",
        f"  broker  {broker.address} (embedded, ends with the demo)",
        f"  data    {config.data}" + ("" if options.keep else " (removed at the end; --keep DIR)"),
    ]
    if options.at is not None and options.site is None:
        lines.append("  time    the whole log is moved by full hours; noon is noon no longer")
    lines += [f"  log     {note}" for note in recording.notes]
    span = (recording.start, recording.end)
    lines += [f"  warning {text}" for text in config.warnings(span)]
    _say(*lines, "Ctrl-C ends it.")


def _page(web: WebServer | None, wanted: int) -> Iterator[str]:
    if web is not None:
        moved_on = "" if wanted in {0, web.port} else f" ({wanted} is in use)"
        yield f"  page    {web.url}{moved_on}"


def _say(*lines: str) -> None:
    print("\n".join(lines), flush=True)  # noqa: T201 - a command's first and last words
