"""Recorded logs and journals through the pipeline, without a broker, and what that gave."""

from greendc.replay.replaying import Options, replay
from greendc.sources.pacing import paced

__all__ = ["Options", "paced", "replay"]
