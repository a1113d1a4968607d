"""Commands: parse arguments, print, set exit codes; nothing else."""

import argparse
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from greendc import __version__, app, exports, replay
from greendc.calendars import parse_rfc3339
from greendc.config import check_text, load
from greendc.core.facility import EVER
from greendc.explain import explain
from greendc.ports import GreendcError
from greendc.queries import KNOWN_PERIODS

GOOD, PROBLEMS, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 good, 1 a run that found problems, 2 bad usage or configuration."""
    try:
        arguments = _parser().parse_args(argv)
        command: Command = arguments.command
        return command(arguments)
    except GreendcError as error:
        print(error, file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # what is still buffered must not be written either when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    except OSError as error:
        print(f"{error.filename or 'greendc'}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return PROBLEMS


def _check(arguments: argparse.Namespace) -> int:
    print(check_text(load(arguments.file)))
    return GOOD


def _run(arguments: argparse.Namespace) -> int:
    return app.run(load(arguments.config), until_idle=arguments.until_idle)


def _replay(arguments: argparse.Namespace) -> int:
    config = load(arguments.config) if arguments.config else None
    options = replay.Options(
        out=arguments.out,
        keep=arguments.keep,
        speed=arguments.speed,
        progress=not arguments.quiet and sys.stderr.isatty(),
        into_store=arguments.into_store and _agreed(arguments),
    )
    result = replay.replay(arguments.logs, config, options)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for problem in result.problems:
        print(f"problem: {problem}", file=sys.stderr)
    if arguments.json:
        for note in result.notes:
            print(note, file=sys.stderr)
    print(result.as_json() if arguments.json else result.summary())
    return PROBLEMS if result.problems else GOOD


def _agreed(arguments: argparse.Namespace) -> bool:
    if arguments.yes:
        return True
    question = "Join this log to the configured data folder? It cannot be taken out again. [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    try:
        answer = input()
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise GreendcError("nothing was changed (answer y, or give --yes)")
    return True


def _record(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    stop = threading.Event()
    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, lambda *_: stop.set())
            stack.callback(signal.signal, number, before)
        if arguments.duration is not None:
            timer = threading.Timer(arguments.duration, stop.set)
            timer.start()
            stack.callback(timer.cancel)
        count = exports.record(config, arguments.out, stop)
    print(f"{count} messages written to {arguments.out}", file=sys.stderr)
    return GOOD if count else PROBLEMS


def _export(arguments: argparse.Namespace) -> int:
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
    if arguments.journal:
        exports.export_journal(config, request)
    else:
        exports.export(config, request)
    return GOOD


def _explain(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    text = explain(
        config, arguments.metric, arguments.at, arguments.period, arguments.site, arguments.data
    )
    print(text)
    return GOOD


def _close(arguments: argparse.Namespace) -> int:
    print(app.close(load(arguments.config), arguments.site, arguments.at))
    return GOOD


# -- arguments ------------------------------------------------------------------------------------


def _instant(text: str) -> int:
    """A time given on the command line, in ns."""
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise GreendcError(str(error)) from error


def _speed(text: str) -> float | None:
    """Multiple of real time; None for as fast as it goes."""
    if text == "max":
        return None
    return _positive(text, "a speed: write max, 1 or 60")


def _seconds(text: str) -> float:
    return _positive(text, "a time span: write seconds, such as 60")


def _positive(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise GreendcError(f"{text}: not {what}")
    return number


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
        added.set_defaults(command=command)
    return parser


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path)


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument(
        "--until-idle",
        type=_seconds,
        metavar="SECONDS",
        help="end the input after so long without a message",
    )


def _record_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="LOG.jsonl, .jsonl.gz or .jsonl.zst"
    )
    parser.add_argument("--duration", type=_seconds, metavar="SECONDS", help="stop after so long")


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("metric", help="ipue, erf, e_dc, a meter's id …")
    parser.add_argument(
        "--at", type=_instant, metavar="TIME", help="a time within the period; default: the newest"
    )
    parser.add_argument("--period", default="hour", choices=KNOWN_PERIODS)
    parser.add_argument("--site", help="default: the only site")
    parser.add_argument("--data", type=Path, help="data folder (default: the configured one)")


def _close_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("site")
    parser.add_argument("--at", type=_instant, required=True, metavar="TIME")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE")


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "logs", type=Path, nargs="+", metavar="LOG", help=".jsonl, .gz, .zst or a journal.db"
    )
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="overrides a journal's own"
    )
    parser.add_argument(
        "--speed", type=_speed, default="max", help="max (default), or a multiple of real time"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="every newest figure as JSON lines"
    )
    parser.add_argument(
        "--json", action="store_true", help="totals of the whole log as one JSON object"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the ledger for export and explain"
    )
    parser.add_argument(
        "--into-store", action="store_true", help="join the log to the configured data folder"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument(
        "--format", default="jsonl", choices=("csv", "jsonl", "parquet", "openmetrics")
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=_instant,
        metavar="TIME",
        help="RFC 3339; default: the beginning",
    )
    parser.add_argument(
        "--to", dest="end", type=_instant, metavar="TIME", help="RFC 3339; default: the end"
    )
    parser.add_argument("-o", "--out", type=Path, help="default: standard output")
    parser.add_argument(
        "--period", action="append", choices=KNOWN_PERIODS, help="default: all but rolling ones"
    )
    parser.add_argument(
        "--revisions", action="store_true", help="every revision, not only the newest"
    )
    parser.add_argument(
        "--journal", action="store_true", help="the journal as a recorded log instead"
    )
    parser.add_argument("--data", type=Path, help="data folder (default: the configured one)")


Arguments = Callable[[argparse.ArgumentParser], None]
Command = Callable[[argparse.Namespace], int]
COMMANDS: dict[str, tuple[str, Arguments, Command]] = {
    "run": ("the daemon", _run_arguments, _run),
    "check": (
        "validate a configuration: what can be computed, and why not",
        _check_arguments,
        _check,
    ),
    "replay": ("run recorded logs or a journal through the pipeline", _replay_arguments, _replay),
    "record": ("record the raw traffic of the configured topics", _record_arguments, _record),
    "export": ("the ledger, or the journal as a recorded log", _export_arguments, _export),
    "explain": ("why a figure is what it is", _explain_arguments, _explain),
    "close": ("declare the end of the input up to a time", _close_arguments, _close),
}

if __name__ == "__main__":
    sys.exit(main())
