"""`greendc` as it is typed: to ask for the version costs none of the commands' imports."""

import gc
import sys

from greendc import __version__


def main() -> int:
    """Run the command line; see `greendc.cli.main`."""
    if sys.argv[1:] == ["--version"]:
        print(f"greendc {__version__}")
        return 0
    gc.disable()  # modules are many objects and none of them garbage
    from greendc.cli import main as run  # noqa: PLC0415

    gc.freeze()
    return run()
