"""Messages to readings: which topics carry which fields, and what makes a reading good."""

from greendc.profiles.decoder import LONGEST_PAYLOAD, Decoder

__all__ = ["LONGEST_PAYLOAD", "Decoder"]
