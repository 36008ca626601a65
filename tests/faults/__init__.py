"""A proxy between the storage SDKs and Azurite that throttles, cuts, loses and holds.

`FaultProxy` for a test, `python -m tests.faults` for a program that tests start (`__main__.py`).
"""

from tests.faults.faults import Cut, Delay, Fault, LoseAnswer, Refuse, Reset, Throttle, When
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Hold, Rule, Rules

__all__ = [
    "Cut",
    "Delay",
    "Fault",
    "FaultProxy",
    "Hold",
    "LoseAnswer",
    "Refuse",
    "Reset",
    "Rule",
    "Rules",
    "Throttle",
    "When",
]
