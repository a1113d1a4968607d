"""The embedded broker: amqtt on a free loopback port, on a thread of its own.

For demonstrations and tests. It speaks MQTT 3.1.1 and keeps everything in memory. A
message that a subscriber has not acknowledged within 5 s it gives up, so who
publishes through it must not run far ahead of who reads.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from greendc.ports import GreendcError

HOST = "127.0.0.1"
START_WITHIN = 10.0  # s
STOP_WITHIN = 5.0  # s
LISTENER = "default"


class Anyone(BaseAuthPlugin):  # type: ignore[misc] # amqtt is not typed
    """Lets in whoever reaches the loopback; a client that comes back finds its session.

    amqtt's own plugin for this forgets the session of an anonymous client that leaves.
    """

    async def authenticate(self, *, session: Session) -> bool:  # noqa: ARG002 - amqtt's signature
        """Nobody is refused."""
        return True


class EmbeddedBroker:
    """A broker on 127.0.0.1 for as long as the block lasts; `port` is known inside.

    Raises
    ------
    GreendcError
        Where it does not start.

    Examples
    --------
    >>> with EmbeddedBroker() as broker:
    ...     broker.address.startswith("mqtt://127.0.0.1:")
    True
    """

    def __init__(self) -> None:
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._error: Exception | None = None

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"mqtt://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        # It tells of every connection and packet; what matters shows at greendc's end.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        self._thread.start()
        if not self._ready.wait(START_WITHIN) or self._error is not None:
            raise GreendcError(f"the embedded broker did not start: {self._error or 'no answer'}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_WITHIN)

    # -- its thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - told to who waits for the start
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # "External": the socket is ours, so that the system chooses a free port.
        broker = Broker(
            BrokerConfig(
                listeners={LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
                plugins={f"{__name__}.{Anyone.__name__}": {}},
            )
        )
        await broker.start()
        try:
            async with await asyncio.start_server(_into(broker), HOST, 0) as server:
                self.port = server.sockets[0].getsockname()[1]
                self._ready.set()
                await self._stop.wait()
        finally:
            await broker.shutdown()


def _into(
    broker: Broker,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(
            StreamReaderAdapter(reader), StreamWriterAdapter(writer), LISTENER
        )

    return connected
