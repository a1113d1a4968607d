"""Where entries come from: the broker, recorded logs and journals."""
