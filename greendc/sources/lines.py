"""The lines of a file that may be compressed, in bounded memory."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import zstandard

from greendc.files import why
from greendc.ports import GreendcError

CHUNK = 2**22
COMPRESSED = 2**11  # at a time: zstd makes up to 2^15 times as much of it
LONGEST_LINE = 16 * 2**20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

Progress = Callable[[int], None]


class Lines:
    """Iterates over the lines of a file that hold something, without their ends.

    It is decompressed by its content.

    `too_long` counts lines over `longest` bytes, which are left out; `truncated` says
    that a compressed file ends in the middle, as that of a killed recorder does.

    Raises
    ------
    GreendcError
        Where the file cannot be read or its compression is damaged.
    """

    def __init__(
        self, path: Path, progress: Progress | None = None, longest: int = LONGEST_LINE
    ) -> None:
        self.path = path
        self.too_long = 0
        self.truncated = False
        self._progress, self._longest = progress, longest

    def __iter__(self) -> Iterator[bytes]:
        for block in self.blocks():
            yield from filter(None, block.split(b"\n"))

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, as many at a time as a chunk has; only the last may lack its end."""
        rest = b""
        for chunk in self._gathered():
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield from self._short(b"".join((rest, memoryview(chunk)[:cut])))
                rest = b""
            # One byte over the limit is enough to know a line that is too long.
            if len(rest) <= self._longest:
                rest = (rest + chunk[cut:])[: self._longest + 1]
        yield from self._short(rest)

    def _short(self, block: bytes) -> Iterator[bytes]:
        """The block without lines that are too long, if anything is left of it."""
        if len(block) > self._longest:
            lines = block.split(b"\n")
            short = [line for line in lines if len(line) <= self._longest]
            self.too_long += len(lines) - len(short)
            block = b"\n".join(short)
        if block:
            yield block

    def _gathered(self) -> Iterator[bytes]:
        """Chunks that are worth the work that is done once for each."""
        parts: list[bytes] = []
        size = 0
        for chunk in self._chunks():
            parts.append(chunk)
            size += len(chunk)
            if size >= CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
        yield b"".join(parts)

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as raw:
                for chunk in _decompressed(raw):
                    yield chunk
                    self._report(raw)
                self._report(raw)
        except EOFError:
            self.truncated = True
        except (OSError, zlib.error, zstandard.ZstdError) as error:
            raise GreendcError(f"{self.path}: cannot read this log: {why(error)}") from error

    def _report(self, raw: IO[bytes]) -> None:
        if self._progress is not None:
            self._progress(raw.tell())


def _decompressed(raw: io.BufferedReader) -> Iterator[bytes]:
    head = raw.peek(4)[:4]
    if head.startswith(GZIP):
        file = gzip.GzipFile(fileobj=raw)
        # `read` would lose all that it has gathered where the file is cut off.
        return iter(lambda: file.read1(CHUNK), b"")
    if head.startswith(ZSTD):
        return _of_frames(raw)
    return iter(lambda: raw.read(CHUNK), b"")


def _of_frames(raw: io.BufferedReader) -> Iterator[bytes]:
    """Decompress frames one after the other: a log may have been continued.

    The package's own reader does not tell a frame that is cut off from one that ends.
    """
    new = zstandard.ZstdDecompressor().decompressobj
    frame = new()
    while part := raw.read(COMPRESSED):
        while part:
            frame = new() if frame.eof else frame
            made = frame.decompress(part)
            # Of newlines alone a list of lines would take eight times as much.
            yield from (made[at : at + CHUNK] for at in range(0, len(made), CHUNK))
            part = frame.unused_data
    if not frame.eof:
        raise EOFError
