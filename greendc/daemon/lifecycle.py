"""Parts of a process: started in the order of a list, stopped in reverse."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol, runtime_checkable


@runtime_checkable
class Starts(Protocol):
    """A part that runs once it has been started."""

    def start(self) -> None:
        """Begin; a part that cannot raises, having let go of everything."""
        ...


@runtime_checkable
class Stops(Protocol):
    """A part that holds something to be let go of."""

    def stop(self) -> None:
        """End within seconds; a second call does nothing."""
        ...


Part = Starts | Stops  # or both


@contextmanager
def running(parts: Sequence[Part]) -> Iterator[None]:
    """Start parts in their order; stop those started in reverse, whatever has failed.

    >>> class Lamp:
    ...     def __init__(self, name): self.name = name
    ...     def start(self): print(self.name, "on")
    ...     def stop(self): print(self.name, "off")
    >>> with running([Lamp("hall"), Lamp("door")]):
    ...     print("at home")
    hall on
    door on
    at home
    door off
    hall off
    """
    with ExitStack() as stack:
        for part in parts:
            if isinstance(part, Starts):
                part.start()
            if isinstance(part, Stops):
                stack.callback(part.stop)
        yield
