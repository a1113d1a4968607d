"""Commands: parse arguments, print, set exit codes; nothing else."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from greendc import __version__, app, exports, replay
from greendc.config import check_text, load
from greendc.explain import explain
from greendc.ports import GreendcError
from greendc.queries import KNOWN_PERIODS

GOOD, PROBLEMS, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 good, 1 a run that found problems, 2 bad usage or configuration."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except GreendcError as error:
        print(error, file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        sys.stderr.close()
        return GOOD
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
        speed=None if arguments.speed == "max" else float(arguments.speed),
        progress=not arguments.quiet and sys.stderr.isatty(),
        into_store=arguments.into_store and _agreed(arguments),
    )
    result = replay.replay(arguments.logs, config, options)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(result.as_json() if arguments.json else result.summary())
    return GOOD if result.readings else PROBLEMS


def _agreed(arguments: argparse.Namespace) -> bool:
    if arguments.yes:
        return True
    answer = input(
        "Join this log to the configured data folder? It cannot be taken out again. [y/N] "
    )
    if answer.strip().lower() not in {"y", "yes"}:
        message = "nothing was changed (answer y, or give --yes)"
        raise GreendcError(message)
    return True


def _record(arguments: argparse.Namespace) -> int:
    count = exports.record(load(arguments.config), arguments.out, seconds=arguments.duration)
    print(f"{count} messages written to {arguments.out}", file=sys.stderr)
    return GOOD if count else PROBLEMS


def _export(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    request = exports.Request(
        format=arguments.format,
        start=arguments.start,
        end=arguments.end,
        out=arguments.out,
        data=arguments.data,
        periods=tuple(arguments.period or ()),
        revisions=arguments.revisions,
    )
    exports.export_journal(config, request) if arguments.journal else exports.export(
        config, request
    )
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="greendc",
        description="From MQTT meter traffic to PUE and CO2 figures that can be defended.",
        epilog="Exit codes: 0 good, 1 a run that found problems, 2 bad usage or configuration.",
    )
    parser.add_argument("--version", action="version", version=f"greendc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser(
        "check", help="validate a configuration; what can be computed, and why not"
    )
    check.add_argument("file", type=Path)
    check.set_defaults(command=_check)

    run = commands.add_parser("run", help="the daemon")
    _config(run)
    run.add_argument(
        "--until-idle",
        type=float,
        metavar="SECONDS",
        help="end the input after so long without a message",
    )
    run.set_defaults(command=_run)

    _replay_parser(
        commands.add_parser("replay", help="run recorded logs or a journal through the pipeline")
    )

    record = commands.add_parser("record", help="record the raw traffic of the configured topics")
    _config(record)
    record.add_argument(
        "-o", "--out", type=Path, required=True, help="LOG.jsonl, .jsonl.gz or .jsonl.zst"
    )
    record.add_argument("--duration", type=float, metavar="SECONDS", help="stop after so long")
    record.set_defaults(command=_record)

    _export_parser(
        commands.add_parser("export", help="the ledger, or the journal as a recorded log")
    )

    explain = commands.add_parser("explain", help="why a figure is what it is")
    _config(explain)
    explain.add_argument("metric", help="ipue, erf, e_dc, a meter's id …")
    explain.add_argument(
        "--at", metavar="TIME", help="a time within the period (default: the newest)"
    )
    explain.add_argument("--period", default="hour", choices=KNOWN_PERIODS)
    explain.add_argument("--site", help="default: the only site")
    explain.add_argument("--data", type=Path, help="data folder (default: the configured one)")
    explain.set_defaults(command=_explain)

    close = commands.add_parser("close", help="declare the end of the input up to a time")
    _config(close)
    close.add_argument("site")
    close.add_argument("--at", required=True, metavar="TIME")
    close.set_defaults(command=_close)
    return parser


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", type=Path, required=True, metavar="FILE")


def _replay_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "logs", type=Path, nargs="+", metavar="LOG", help=".jsonl, .gz, .zst or a journal.db"
    )
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="overrides a journal's own"
    )
    parser.add_argument("--speed", default="max", help="max (default), or a multiple of real time")
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
    parser.set_defaults(command=_replay)


def _export_parser(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument(
        "--format", default="jsonl", choices=("csv", "jsonl", "parquet", "openmetrics")
    )
    parser.add_argument(
        "--from", dest="start", metavar="TIME", help="RFC 3339; default: the beginning"
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help="RFC 3339; default: the end")
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
    parser.set_defaults(command=_export)


if __name__ == "__main__":
    sys.exit(main())
