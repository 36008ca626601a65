"""What a task is (`Task`, `@task`) and what a running one may use (`JobContext`). Pure."""

from shared.tasks.backups import (
    BackupChecks,
    BackupPlan,
    BackupService,
    BuiltInPlan,
    RestoreOrder,
    Retention,
    ScrubOrder,
    VerifyOrder,
    order_fits,
    plan_fits,
)
from shared.tasks.context import JobContext, JobProgress, Operations, Services
from shared.tasks.model import Flag, Impact, Params, Result, Retry, Task, task
from shared.tasks.registry import Registry

__all__ = [
    "BackupChecks",
    "BackupPlan",
    "BackupService",
    "BuiltInPlan",
    "Flag",
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
    "ScrubOrder",
    "Services",
    "Task",
    "VerifyOrder",
    "order_fits",
    "plan_fits",
    "task",
]
