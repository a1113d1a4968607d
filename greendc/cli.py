"""Commands: parse arguments, print, set exit codes; nothing else.

What only one command needs is imported in it: the daemon keeps all its modules in memory.
"""

import argparse
import gc
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import TextIO

from greendc import __version__, usage
from greendc.config import Config, check_text, load
from greendc.core.facility import EVER
from greendc.findings import text as finding_text
from greendc.masking import masked
from greendc.ports import GreendcError
from greendc.printable import printable
from greendc.usage import Arguments

GOOD, PROBLEMS, USAGE = 0, 1, 2
JOIN = "Join this log to the configured data folder? It cannot be taken out again."
RECOMPUTE = "Have these figures computed anew? Earlier revisions stay readable."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 good, 1 a run that found problems, 2 bad usage or configuration."""
    gc.enable()
    gc.set_threshold(100_000, 20, 20)  # columns and configurations are many objects, none garbage
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack the lines of a tree
    try:
        arguments, others = _parser().parse_known_args(argv)
        if others:  # of a command argparse would say so without telling what that one takes
            arguments.refuse(f"unrecognized arguments: {' '.join(others)}")
        command: Command = arguments.command
        return command(arguments)
    except GreendcError as error:
        _say(masked(str(error)), file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # what is still buffered must not be written either when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    except OSError as error:
        _say(f"{error.filename or 'greendc'}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return PROBLEMS


def _say(text: str, file: TextIO | None = None) -> None:
    """Print what may hold text from anywhere: names, topics, words of a journal."""
    print(printable(text), file=file)


def _check(arguments: argparse.Namespace) -> int:
    from greendc import sinks  # noqa: PLC0415
    from greendc.sources.settings import settings_of  # noqa: PLC0415

    config = load(arguments.file)
    if arguments.json and not arguments.against:
        raise GreendcError("--json tells of what logs say: see --against")
    if not arguments.json:
        _say(masked(check_text(config)))
    remarks = list(sinks.remarks(config.sinks, sinks.Surroundings.of(config)))
    try:
        settings_of(config.mqtt).refuse_bad_files()
    except GreendcError as error:  # they may be on the machine that the file is for
        remarks.insert(0, str(error))
    for remark in remarks:
        _say(masked(f"warning: {remark}"), file=sys.stderr)
    return _check_against(config, arguments) if arguments.against else GOOD


def _check_against(config: Config, arguments: argparse.Namespace) -> int:
    """Whether the energies of logs add up."""
    from greendc import replay  # noqa: PLC0415

    progress = sys.stderr.isatty()
    result = replay.replay(arguments.against, config, replay.Options(progress=progress))
    for doubt in result.doubts:
        _say(f"warning: {doubt}", file=sys.stderr)
    for problem in result.problems:
        _say(f"problem: {problem}", file=sys.stderr)
    _say(result.balance_json() if arguments.json else result.balance())
    return PROBLEMS if result.problems or result.findings else GOOD


def _run(arguments: argparse.Namespace) -> int:
    from greendc import app  # noqa: PLC0415

    gc.disable()  # until it has started
    return app.run(
        load(arguments.config), until_idle=arguments.until_idle, log_format=arguments.log_format
    )


def _demo(arguments: argparse.Namespace) -> int:
    from greendc.demo import Options, demo  # noqa: PLC0415

    return demo(
        Options(
            minutes=arguments.minutes,
            at=arguments.at,
            duration=arguments.duration,
            keep=arguments.keep,
            port=arguments.port,
            site=arguments.site,
            logs=arguments.logs,
            config=arguments.config,
        )
    )


def _replay(arguments: argparse.Namespace) -> int:
    from greendc import replay  # noqa: PLC0415

    config = load(arguments.config) if arguments.config else None
    options = replay.Options(
        out=arguments.out,
        keep=arguments.keep,
        speed=arguments.speed,
        progress=not arguments.quiet and sys.stderr.isatty(),
        into_store=arguments.into_store and _agreed(arguments, JOIN),
    )
    result = replay.replay(arguments.logs, config, options)
    for warning in result.warnings:
        _say(f"warning: {warning}", file=sys.stderr)
    for finding in result.findings:
        _say(f"finding: {finding_text(finding)}", file=sys.stderr)
    for problem in result.problems:
        _say(f"problem: {problem}", file=sys.stderr)
    if arguments.json:
        for note in result.notes:
            _say(note, file=sys.stderr)
    _say(result.as_json() if arguments.json else result.summary())
    return PROBLEMS if result.problems else GOOD


def _simulate(arguments: argparse.Namespace) -> int:
    from greendc import simulate  # noqa: PLC0415

    options = simulate.Options(
        out=arguments.out,
        site_file=arguments.site_file,
        truth=arguments.truth,
        begin=arguments.begin,
        span=arguments.span,
        seed=arguments.seed,
        step=arguments.step,
        speed=arguments.speed,
        broker=None if arguments.config is None else load(arguments.config).mqtt,
    )
    scenario = simulate.scenario_of(arguments.scenario)
    with _stopped_by_signals() as stop:
        _say(simulate.simulate(scenario, options, stop), file=sys.stderr)
    return GOOD


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, lambda *_: stop.set())
            stack.callback(signal.signal, number, before)
        yield stop


def _agreed(arguments: argparse.Namespace, question: str) -> bool:
    if arguments.yes:
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = input()
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise GreendcError("nothing was changed (answer y, or give --yes)")
    return True


def _record(arguments: argparse.Namespace) -> int:
    from greendc import exports  # noqa: PLC0415

    config = load(arguments.config)
    with ExitStack() as stack:
        stop = stack.enter_context(_stopped_by_signals())
        if arguments.duration is not None:
            timer = threading.Timer(arguments.duration, stop.set)
            timer.start()
            stack.callback(timer.cancel)
        count = exports.record(config, arguments.out, stop)
    _say(f"{count} messages written to {arguments.out}", file=sys.stderr)
    return GOOD if count else PROBLEMS


def _export(arguments: argparse.Namespace) -> int:
    from greendc import exports  # noqa: PLC0415

    config = load(arguments.config)
    request = exports.Request(
        format=arguments.format,
        start=-EVER if arguments.start is None else arguments.start,
        end=EVER if arguments.end is None else arguments.end,
        out=arguments.out,
        data=arguments.data,
        periods=tuple(arguments.period or ()),
        revisions=arguments.revisions,
    )
    work = exports.export_journal if arguments.journal else exports.export
    instead = work(config, request)
    if instead is not None:
        _say(instead, file=sys.stderr)
    return GOOD if instead is None else PROBLEMS


def _explain(arguments: argparse.Namespace) -> int:
    from greendc.explain import explain  # noqa: PLC0415

    config = load(arguments.config)
    period = arguments.period or ("day" if isinstance(arguments.at, date) else "hour")
    text = explain(config, arguments.metric, arguments.at, period, arguments.site, arguments.data)
    _say(text)
    return GOOD


def _audit(arguments: argparse.Namespace) -> int:
    from greendc import app, audit  # noqa: PLC0415

    found = app.audited(load(arguments.config), arguments.data, noted=arguments.seal)
    _say(audit.as_json(found) if arguments.json else audit.as_text(found))
    return PROBLEMS if found.failed else GOOD


def _revisions(arguments: argparse.Namespace) -> int:
    from greendc import revisions  # noqa: PLC0415

    wanted = revisions.Wanted(
        site=arguments.site,
        quantity=arguments.quantity,
        period=arguments.period,
        start=-EVER if arguments.start is None else arguments.start,
        end=EVER if arguments.end is None else arguments.end,
    )
    config = load(arguments.config)
    rows = revisions.revisions(config, wanted, arguments.data)
    for row in revisions.as_lines(rows) if arguments.json else revisions.as_text(rows):
        _say(row)
    return GOOD


def _backup(arguments: argparse.Namespace) -> int:
    from greendc import app  # noqa: PLC0415

    _say(app.back_up(load(arguments.config), arguments.folder))
    return GOOD


def _restore(arguments: argparse.Namespace) -> int:
    from greendc.daemon.backup import restore  # noqa: PLC0415

    _say(restore(arguments.folder, load(arguments.config)))
    return GOOD


def _recompute(arguments: argparse.Namespace) -> int:
    from greendc import app, changes  # noqa: PLC0415
    from greendc.recompute.preparing import Preparation  # noqa: PLC0415

    config = load(arguments.config)
    with ExitStack() as stack:
        prepared = Preparation(config, config.data, stack, rules=arguments.rules)
        for row in changes.as_lines(prepared) if arguments.json else changes.as_text(prepared):
            _say(row)
        if not arguments.dry_run and _agreed(arguments, RECOMPUTE):
            _say(app.recompute(config, prepared), file=sys.stderr)
    return GOOD


def _reload(arguments: argparse.Namespace) -> int:
    from greendc import app  # noqa: PLC0415

    _say(app.reload(load(arguments.config)))
    return GOOD


def _status(arguments: argparse.Namespace) -> int:
    from greendc import app  # noqa: PLC0415

    _say(app.status(load(arguments.config)))
    return GOOD


def _close(arguments: argparse.Namespace) -> int:
    from greendc import app  # noqa: PLC0415

    if arguments.at > time.time_ns():
        raise GreendcError("--at lies in the future: nobody can know what is still to come")
    _say(app.close(load(arguments.config), arguments.site, arguments.at))
    return GOOD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="greendc",
        description="From MQTT meter traffic to PUE and CO2 figures that can be defended.",
        epilog="Exit codes: 0 good, 1 a run that found problems, 2 bad usage or configuration.",
    )
    parser.add_argument("--version", action="version", version=f"greendc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (text, arguments, command) in COMMANDS.items():
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        arguments(added)
        added.set_defaults(command=command, refuse=added.error)
    return parser


Command = Callable[[argparse.Namespace], int]
COMMANDS: dict[str, tuple[str, Arguments, Command]] = {
    "demo": ("show a real data centre's log, with nothing installed", usage.demo, _demo),
    "run": ("the daemon", usage.run, _run),
    "check": (
        "validate a configuration: what can be computed, and why not",
        usage.check,
        _check,
    ),
    "replay": ("run recorded logs or a journal through the pipeline", usage.replay, _replay),
    "simulate": (
        "a simulated site: as a log, or over MQTT, with its truth",
        usage.simulate,
        _simulate,
    ),
    "record": ("record the raw traffic of the configured topics", usage.record, _record),
    "export": ("the ledger, or the journal as a recorded log", usage.export, _export),
    "explain": ("why a figure is what it is", usage.explain, _explain),
    "revisions": ("which figures were revised, when and why", usage.revisions, _revisions),
    "audit": ("whether all that was counted adds up, and what was lost", usage.audit, _audit),
    "status": ("how the running daemon does", usage.status, _status),
    "recompute": (
        "have closed figures computed anew by what the configuration says of the past",
        usage.recompute,
        _recompute,
    ),
    "reload": ("have the daemon load its configuration anew", usage.status, _reload),
    "backup": ("copy journal, ledger and configuration, also of a daemon", usage.backup, _backup),
    "restore": ("put a backup into the data folder", usage.backup, _restore),
    "close": ("declare the end of the input up to a time", usage.close, _close),
}

if __name__ == "__main__":
    sys.exit(main())
