"""A simulated site that tells the truth about itself: physics, meters, faults, logs."""
