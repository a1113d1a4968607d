"""greendc: from MQTT meter traffic to efficiency and carbon figures that can be defended."""

__version__ = "0.1.0"
