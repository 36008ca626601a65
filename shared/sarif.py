"""What every file in SARIF 2.1.0 has in common.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
VERSION = "2.1.0"
BASELINE: Mapping[str, str] = {"new": "new", "same": "unchanged", "gone": "absent"}
"""How a finding compares with those of before, in SARIF's words (`baselineState`, 3.27.24)."""
