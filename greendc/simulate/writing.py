"""Messages as lines of a recorded log: the same bytes as `sources.writing` makes, in columns."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import orjson

from greendc.ports import RawBatch
from greendc.simulate.messages import OWN_TEXT, Form, Messages, Moment, Retain, form
from greendc.simulate.rendering import Renderer, Rows
from greendc.sources.writing import LogWriter

BLOCK = 8_192  # messages at a time: what they are made in stays in the cache


class LogLines:
    """Makes lines of a recorded log of messages.

    Parameters
    ----------
    topics, forms
        Topic and payload of each device.
    words
        Texts that may stand in place of numbers, the first of them unused.
    """

    def __init__(
        self, topics: Sequence[str], forms: Sequence[Form], words: Sequence[bytes] = (b"",)
    ) -> None:
        self._topics = topics
        lines = [line_form(topic, payload) for topic, payload in zip(topics, forms, strict=True)]
        self._renderer = Renderer(lines, [escaped(word) for word in words])

    def write(self, messages: Messages, log: LogWriter) -> None:
        """Write messages in their order."""
        for lo in range(0, len(messages), BLOCK):
            self._write_block(messages.rows(slice(lo, lo + BLOCK)), log)

    def _write_block(self, messages: Messages, log: LogWriter) -> None:
        odd = np.flatnonzero(messages.text != OWN_TEXT)
        rows = self._renderer.rows(messages)
        if not len(odd):
            log.write_lines(rows.joined())
            return
        borders = [-1, *odd.tolist(), len(messages)]
        for before, after in pairwise(borders):
            log.write_lines(Rows(rows.matrix[before + 1 : after]).joined())
            if after < len(messages):
                log.write(self._odd(messages.rows(slice(after, after + 1))))

    def _odd(self, messages: Messages) -> RawBatch:
        """A message whose payload is a text of its own."""
        return RawBatch(
            messages.arrival.tolist(),
            [self._topics[int(messages.device[0])]],
            [messages.texts[int(messages.text[0])]],
            [0],
            messages.flags.tolist(),
        )


def line_form(topic: str, payload: Form) -> Form:
    r"""Form of a line whose payload is text in a JSON string.

    >>> line_form("it", form(b'{"w":1}')).texts[1]
    b'Z","topic":"it","payload":"{\\"w\\":1}","qos":1,"retain":'
    """
    return form(
        b'{"tst":"',
        Moment("arrival", "rfc3339"),
        b'Z","topic":' + orjson.dumps(topic) + b',"payload":"',
        *(escaped(piece) if isinstance(piece, bytes) else piece for piece in payload.pieces),
        b'","qos":1,"retain":',
        Retain(),
        b"}\n",
    )


def escaped(text: bytes) -> bytes:
    r"""A text as it stands inside a JSON string.

    >>> escaped(b'"on"')
    b'\\"on\\"'
    """
    return orjson.dumps(text.decode())[1:-1]
