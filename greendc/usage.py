"""What each command takes on its command line."""

import argparse
from collections.abc import Callable
from pathlib import Path

from greendc import given
from greendc.queries import EXPORTED, KNOWN_PERIODS, LOG
from greendc.store import PERIODS

Arguments = Callable[[argparse.ArgumentParser], None]


def demo(parser: argparse.ArgumentParser) -> None:
    """Of what, how fast, for how long, and what to keep."""
    parser.add_argument(
        "logs", metavar="LOG", type=Path, nargs="*", help="recorded logs or journals, with -c"
    )
    parser.add_argument("-c", "--config", type=Path, metavar="SITE", help="site file of the logs")
    parser.add_argument(
        "--site", metavar="NAME", help="a simulated site instead: edge-room, colocation, fleet …"
    )
    parser.add_argument(
        "--minutes", type=given.minutes, default=5.0, help="how long the log takes (default: 5)"
    )
    parser.add_argument(
        "--at",
        type=given.moment,
        metavar="TIME",
        help="move the log so that it ends at TIME, or now",
    )
    parser.add_argument(
        "--duration", type=given.seconds, metavar="SECONDS", help="stop after so long"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep journal and ledger there")
    parser.add_argument(
        "--port",
        type=given.port,
        help="port of the page (default: 8080; another one where it is in use; 0: any)",
    )


def simulate(parser: argparse.ArgumentParser) -> None:
    """Which site, of which time, to a log or to a broker."""
    parser.add_argument("scenario", metavar="SITE", help="a ready-made site, or a scenario's file")
    parser.add_argument(
        "-o", "--out", type=Path, help="LOG.jsonl, .jsonl.gz or .jsonl.zst, instead of MQTT"
    )
    parser.add_argument(
        "--site-file", type=Path, metavar="FILE", help="write the configuration that fits it"
    )
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="write true energies, KPIs and faults"
    )
    parser.add_argument(
        "--from",
        dest="begin",
        type=given.hour,
        metavar="TIME",
        help="a full hour, or now; default: the scenario's",
    )
    parser.add_argument(
        "--span", type=given.span, help="how long, as 7d or 6h; default: the scenario's"
    )
    parser.add_argument("--seed", type=given.seed, metavar="N", help="another chance")
    parser.add_argument("--step", type=given.span, metavar="SPAN", help="coarser steps, as 15min")
    parser.add_argument(
        "--speed", type=given.speed, default="1", help="over MQTT: max, or a multiple of real time"
    )
    parser.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="over MQTT: a configuration's broker"
    )


def check(parser: argparse.ArgumentParser) -> None:
    """A configuration file, and logs to hold it against."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the site file")
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        metavar="LOG",
        help="recorded logs: tell what of their energies does not add up; 1 if anything",
    )
    parser.add_argument("--json", action="store_true", help="with --against: for programs")


def run(parser: argparse.ArgumentParser) -> None:
    """A configuration, and when to stop by itself."""
    _config(parser)
    parser.add_argument(
        "--until-idle",
        type=given.seconds,
        metavar="SECONDS",
        help="end the input after so long without a message",
    )
    parser.add_argument(
        "--log-format", choices=("text", "json"), help="goes before the configuration's"
    )


def record(parser: argparse.ArgumentParser) -> None:
    """Where to write, and for how long."""
    _config(parser)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="LOG.jsonl, .jsonl.gz or .jsonl.zst"
    )
    parser.add_argument(
        "--duration", type=given.seconds, metavar="SECONDS", help="stop after so long"
    )


def explain(parser: argparse.ArgumentParser) -> None:
    """Which figure, at which time."""
    _config(parser)
    parser.add_argument("metric", help="ipue, erf, e_dc, a meter's id …")
    parser.add_argument(
        "--at",
        type=given.day,
        metavar="TIME",
        help="a time within the period, of a rolling window (24h, 7d, 30d, 12mo) its end, or a "
        "day, 2025-03-01, which is when it begins in the site's zone; default: the newest",
    )
    parser.add_argument(
        "--period", choices=KNOWN_PERIODS, help="default: hour; where --at is a day: day"
    )
    parser.add_argument("--site", help="default: the only site")
    parser.add_argument("--data", type=Path, help="data folder (default: the configured one)")


def audit(parser: argparse.ArgumentParser) -> None:
    """A configuration, and for whom the answer is."""
    _config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, with connections")
    parser.add_argument("--data", type=Path, help="data folder (default: the configured one)")
    parser.add_argument(
        "--seal", help="as an audit printed it before: is all that there was still the same?"
    )


def revisions(parser: argparse.ArgumentParser) -> None:
    """Which figures."""
    _config(parser)
    parser.add_argument("--site", help="default: all")
    parser.add_argument("--quantity", metavar="NAME", help="ipue, e_dc, a meter's id …")
    parser.add_argument("--period", choices=PERIODS, help="default: all")
    parser.add_argument(
        "--from",
        dest="start",
        type=given.instant,
        metavar="TIME",
        help="of figures that begin then",
    )
    parser.add_argument(
        "--to", dest="end", type=given.instant, metavar="TIME", help="or later, but before this"
    )
    parser.add_argument("--json", action="store_true", help="a JSON object for each figure")
    parser.add_argument("--data", type=Path, help="data folder (default: the configured one)")


def recompute(parser: argparse.ArgumentParser) -> None:
    """A configuration, and whether to go on without asking."""
    _config(parser)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would change")
    parser.add_argument(
        "--rules",
        action="store_true",
        help="judge all readings anew by the rules of quality that the file has today",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="a JSON object for each figure")


def close(parser: argparse.ArgumentParser) -> None:
    """Which site, up to when."""
    _config(parser)
    parser.add_argument("site", metavar="SITE", help="id of a site, as in the site file")
    parser.add_argument(
        "--at",
        type=given.instant,
        required=True,
        metavar="TIME",
        help="RFC 3339: periods that end by then are closed with what has come",
    )


def backup(parser: argparse.ArgumentParser) -> None:
    """A configuration, and the folder of the backup."""
    _config(parser)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the backup")


def status(parser: argparse.ArgumentParser) -> None:
    """A configuration alone."""
    _config(parser)


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--config", type=Path, required=True, metavar="FILE", help="the site file"
    )


def replay(parser: argparse.ArgumentParser) -> None:
    """Logs, and what to make of them."""
    parser.add_argument(
        "logs", type=Path, nargs="+", metavar="LOG", help=".jsonl, .gz, .zst or a journal.db"
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="the site file; goes before a journal's own",
    )
    parser.add_argument(
        "--speed", type=given.speed, default="max", help="max (default), or a multiple of real time"
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


def export(parser: argparse.ArgumentParser) -> None:
    """What of the ledger, in which form."""
    _config(parser)
    parser.add_argument(
        "--format",
        default="jsonl",
        choices=("csv", "jsonl", "parquet", "openmetrics"),
        help="default: jsonl",
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=given.instant,
        metavar="TIME",
        help="RFC 3339; default: the beginning",
    )
    parser.add_argument(
        "--to", dest="end", type=given.instant, metavar="TIME", help="RFC 3339; default: the end"
    )
    parser.add_argument("-o", "--out", type=Path, help="default: standard output")
    parser.add_argument(
        "--period",
        action="append",
        choices=KNOWN_PERIODS,
        help=f"several with --period again; default: {', '.join((*EXPORTED, LOG))}. Years and the "
        "rolling windows (24h, 7d, 30d, 12mo) are left out unless asked for",
    )
    parser.add_argument(
        "--revisions", action="store_true", help="every revision, not only the newest"
    )
    parser.add_argument(
        "--journal", action="store_true", help="the journal as a recorded log instead"
    )
    parser.add_argument("--data", type=Path, help="data folder (default: the configured one)")
