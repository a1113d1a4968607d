"""`greendc` as it is typed: to ask for the version costs none of the commands' imports."""

import gc
import os
import sys

from greendc import __version__


def main() -> int:
    """Run the command line; see `greendc.cli.main`."""
    if sys.argv[1:] == ["--version"]:
        print(f"greendc {__version__}")
        return 0
    # numpy's BLAS, which nothing here uses, would start a thread for each core, and each looks for
    # work for a while before it sleeps.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A plugin of pydantic that another package brings would be loaded into what validates here.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()  # modules are many objects and none of them garbage
    from greendc.cli import main as run  # noqa: PLC0415

    gc.freeze()
    try:
        return run()
    finally:
        gc.freeze()  # a process that ends need not look through what ends with it
