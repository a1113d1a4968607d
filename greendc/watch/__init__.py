"""What the worker reads and writes, shown as frozen snapshots on a board."""

from greendc.watch.watch import NOTHING_YET, Watch

__all__ = ["NOTHING_YET", "Watch"]
