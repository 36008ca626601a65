"""What a task is (`Task`, `@task`) and what a running one may use (`JobContext`). Pure."""

from shared.tasks.context import BackupService, JobContext, JobProgress, Operations
from shared.tasks.model import Impact, Params, Result, Retry, Task, task
from shared.tasks.registry import Registry

__all__ = [
    "BackupService",
    "Impact",
    "JobContext",
    "JobProgress",
    "Operations",
    "Params",
    "Registry",
    "Result",
    "Retry",
    "Task",
    "task",
]
