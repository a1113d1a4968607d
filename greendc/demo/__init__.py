"""`greendc demo`: the daemon on a real log, with nothing installed, configured or reached.

The site file and the log beside this are links to those of the project; the package
that is built holds copies.
"""

from greendc.demo.demo import Options, demo

__all__ = ["Options", "demo"]
