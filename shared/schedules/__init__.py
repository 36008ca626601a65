"""What a schedule is (`model`), and what it owes at an instant (`plan`, `claim`, `fold`). Pure."""

from shared.schedules.job import Job, Status
from shared.schedules.model import (
    CatchUp,
    Definition,
    LiveJob,
    Overlap,
    Policy,
    Progress,
    Schedule,
)

__all__ = [
    "CatchUp",
    "Definition",
    "Job",
    "LiveJob",
    "Overlap",
    "Policy",
    "Progress",
    "Schedule",
    "Status",
]
