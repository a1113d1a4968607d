"""Whether what was counted adds up, from the broker to every sink: reads only."""

from greendc.audit.auditing import Audit, audit, with_stores
from greendc.audit.equations import Equation
from greendc.audit.text import as_json, as_text

__all__ = ["Audit", "Equation", "as_json", "as_text", "audit", "with_stores"]
