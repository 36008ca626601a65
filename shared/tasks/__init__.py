"""What a task is (`Task`, `@task`) and what a running one may use (`JobContext`). Pure."""

from shared.tasks.context import JobContext, JobProgress
from shared.tasks.model import Flag, Impact, Params, Result, Retry, Task, task
from shared.tasks.preview import Preview
from shared.tasks.proposed import Proposed
from shared.tasks.registry import Registry
from shared.tasks.services import Services

__all__ = [
    "Flag",
    "Impact",
    "JobContext",
    "JobProgress",
    "Params",
    "Preview",
    "Proposed",
    "Registry",
    "Result",
    "Retry",
    "Services",
    "Task",
    "task",
]
