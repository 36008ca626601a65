"""What a task is (`Task`, `@task`) and what a running one may use (`JobContext`). Pure."""

from shared.tasks.backups import (
    BackupPlan,
    BackupService,
    RestoreOrder,
    Retention,
    VerifyOrder,
)
from shared.tasks.context import JobContext, JobProgress, Operations
from shared.tasks.model import Impact, Params, Result, Retry, Task, task
from shared.tasks.registry import Registry

__all__ = [
    "BackupPlan",
    "BackupService",
    "Impact",
    "JobContext",
    "JobProgress",
    "Operations",
    "Params",
    "Registry",
    "RestoreOrder",
    "Result",
    "Retention",
    "Retry",
    "Task",
    "VerifyOrder",
    "task",
]
