"""A simulated site that tells the truth about itself: physics, meters, faults, logs."""

from greendc.simulate.simulating import Options, scenario_of, simulate

__all__ = ["Options", "scenario_of", "simulate"]
