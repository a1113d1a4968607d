"""How the daemon's process deals with memory."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# glibc's <malloc.h>: see mallopt(3)
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
# bytes; what is smaller a batch gets again from the one before it, not page by page from the
# kernel. glibc begins with 128 KiB and raises it with what is freed, up to 32 MiB.
LARGE = 2 * 2**20
ARENAS = 2  # threads share the interpreter's lock, so they seldom allocate at a time


def give_back() -> None:
    """Have glibc return large pieces to the system when they are freed; elsewhere do nothing."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for what, value in ((MMAP_THRESHOLD, LARGE), (TRIM_THRESHOLD, LARGE), (ARENA_MAX, ARENAS)):
            mallopt(what, value)


def trim() -> None:
    """Have glibc return what is free between pieces in use as well; elsewhere do nothing."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def starting() -> Iterator[None]:
    """Make what lasts as long as the process: look for no cycles meanwhile, nor in it afterwards.

    A site of 10,000 meters is 200,000 objects, which every full collection would go through.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
        trim()
    finally:
        gc.enable()
