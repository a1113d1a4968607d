"""What others may know of the source, frozen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the source is doing. `since` [ns UTC] is when `phase` began.

    `phase` is `stopped`, `connecting`, `connected` (and subscribed), `holding` (the inbox
    is full) or `waiting` (for the next attempt). `refused` are the subscriptions that
    the broker did not grant. `bulk_read` says that messages are taken off the wire in bulk,
    not one by one with the means of a paho that is not known from within.
    """

    phase: str = "stopped"
    since: int = 0
    last_error: str | None = None
    session: int = 0
    connection: int = 0
    messages: int = 0
    acknowledged: int = 0
    outdated_acks: int = 0
    sessions_lost: int = 0
    refused: tuple[str, ...] = ()
    bulk_read: bool = False

    @property
    def trouble(self) -> str | None:
        """What keeps messages away, for people.

        >>> SourceState("connected", refused=("dc1/#",)).trouble
        "the broker refuses to let this be read: 'dc1/#'"
        """
        if self.phase not in {"connected", "holding"}:
            return self.last_error
        if self.refused:
            return f"the broker refuses to let this be read: {', '.join(map(repr, self.refused))}"
        return None
