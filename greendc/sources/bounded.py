"""A paho client that no packet can fill the memory of, and that remembers what ended it."""

from paho.mqtt.client import Client

LONGEST_PACKET = 16 * 2**20  # bytes; twice what the shipped broker configuration lets pass
KEPT = 2**20  # bytes of a longer one, more than of any payload that is good
CHUNK = 2**18  # bytes of a longer one that are read at once


class BoundedClient(Client):
    """Keeps only the beginning of packets over `LONGEST_PACKET`, and the error that ends it.

    Of MQTT 3.1.1 a broker may send 256 MiB in a packet. To hang up on that would be no way out:
    under a kept session it comes again with the next connection. Cut short it ends like any
    payload that is too long, acknowledged and counted.
    """

    failure: OSError | None = None

    @property
    def oversize(self) -> int:
        """The length of the packet that is being handled, if it was cut; else 0."""
        length: int = self._in_packet["remaining_length"]
        return length if length > LONGEST_PACKET else 0

    def _sock_recv(self, bufsize: int) -> bytes:
        if self.oversize:
            del self._in_packet["packet"][KEPT:]
            bufsize = min(bufsize, CHUNK)
        try:
            return super()._sock_recv(bufsize)
        except BlockingIOError:
            raise
        except OSError as error:  # paho says only that the connection is lost
            self.failure = error
            raise
