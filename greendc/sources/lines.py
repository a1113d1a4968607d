"""The lines of a file that may be compressed, in bounded memory."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import zstandard

from greendc.ports import GreendcError

CHUNK = 2**20
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
        rest = b""
        for chunk in self._chunks():
            *ended, tail = chunk.split(b"\n")
            if ended:
                ended[0] = rest + ended[0]
                yield from self._short(filter(None, ended))
                rest = b""
            # One byte over the limit is enough to know a line that is too long.
            if len(rest) <= self._longest:
                rest = (rest + tail)[: self._longest + 1]
        yield from self._short([rest] if rest else [])

    def _short(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            if len(line) <= self._longest:
                yield line
            else:
                self.too_long += 1

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
            raise GreendcError(f"{self.path}: cannot read this log: {error}") from error

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
