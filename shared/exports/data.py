"""The columns of each kind of rows, and what their summaries say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.exports.kinds import Column, Data, Format, Kind, Spec
from shared.schedules.job import ENDED, Status
from shared.schedules.ledger import State
from shared.schedules.listed import ScheduleState

_NUMBER, _DECIMAL, _INSTANT, _FLAG = Kind.NUMBER, Kind.DECIMAL, Kind.INSTANT, Kind.FLAG
_ENDS = (
    Status.SUCCEEDED.value,
    Status.FAILED.value,
    Status.SKIPPED.value,
    Status.MISSED.value,
    Status.CANCELLED.value,
)
assert set(_ENDS) == ENDED  # noqa: S101 (a new status needs its place)

_JOB = (
    Column("job_id", "Job", weight=26),
    Column("schedule_id", "Schedule id", weight=16),
    Column("schedule_name", "Schedule", weight=20),
    Column("project_id", "Project", _NUMBER, weight=6),
    Column("task_type", "Task", weight=13),
)

SPECS: Mapping[Data, Spec] = {
    Data.RUNS: Spec(
        title="Runs",
        columns=(
            *_JOB,
            Column("status", "Status", weight=9),
            Column("due_at", "Due", _INSTANT, weight=14),
            Column("started_at", "Started", _INSTANT, weight=14),
            Column("finished_at", "Finished", _INSTANT, weight=14),
            Column("duration_seconds", "Seconds", _DECIMAL, weight=8),
            Column("lateness_seconds", "Late by seconds", _DECIMAL, weight=8),
            Column("attempts", "Attempts", _NUMBER, weight=7),
            Column("occurrences", "Occurrences", _NUMBER, weight=8),
            Column("reason", "Reason", weight=16),
            Column("error", "Error", weight=22),
        ),
        group=("schedule_id", "schedule_name", "task_type"),
        split="status",
        values=_ENDS,
        bad=frozenset({"failed", "missed"}),
        rated="succeeded",
        when="due_at",
        means=("duration_seconds",),
        shown=("due_at", "schedule_name", "task_type", "status", "duration_seconds", "error"),
    ),
    Data.SCHEDULES: Spec(
        title="Schedules",
        columns=(
            Column("schedule_id", "Schedule id", weight=16),
            Column("name", "Name", weight=22),
            Column("project_id", "Project", _NUMBER, weight=6),
            Column("task_type", "Task", weight=13),
            Column("state", "State", weight=9),
            Column("enabled", "On", _FLAG, weight=5),
            Column("frequency", "Frequency", weight=9),
            Column("timezone", "Zone", weight=14),
            Column("next_run_at", "Next run", _INSTANT, weight=14),
            Column("last_run_at", "Last run", _INSTANT, weight=14),
            Column("succeeded", "Succeeded", _NUMBER, weight=9),
            Column("failed", "Failed", _NUMBER, weight=7),
            Column("skipped", "Skipped", _NUMBER, weight=7),
            Column("missed", "Missed", _NUMBER, weight=7),
            Column("tags", "Tags", weight=16),
            Column("created_at", "Created", _INSTANT, weight=14),
        ),
        group=("task_type",),
        split="state",
        values=tuple(one.value for one in ScheduleState),
        bad=frozenset({"failing"}),
        sums=("succeeded", "failed"),
        shown=("name", "task_type", "state", "next_run_at", "last_run_at", "succeeded", "failed"),
    ),
    Data.OCCURRENCES: Spec(
        title="Occurrences",
        columns=(
            *_JOB,
            Column("state", "State", weight=9),
            Column("due_at", "Due", _INSTANT, weight=14),
            Column("started_at", "Started", _INSTANT, weight=14),
            Column("lateness_seconds", "Late by seconds", _DECIMAL, weight=8),
            Column("calendar", "Calendar", weight=12),
            Column("reason", "Reason", weight=22),
        ),
        group=("schedule_id", "schedule_name", "task_type"),
        split="state",
        values=tuple(one.value for one in State),
        bad=frozenset({"failed", "missed", "unexplained"}),
        rated="succeeded",
        when="due_at",
        means=("lateness_seconds",),
        shown=("due_at", "schedule_name", "task_type", "state", "lateness_seconds", "reason"),
    ),
    Data.AUDIT: Spec(
        title="Audit",
        columns=(
            Column("number", "Number", _NUMBER, weight=8),
            Column("at", "At", _INSTANT, weight=14),
            Column("actor", "Who", weight=20),
            Column("role", "Role", weight=9),
            Column("action", "Action", weight=10),
            Column("kind", "Kind", weight=10),
            Column("subject_id", "What", weight=20),
            Column("schedule_id", "Schedule id", weight=16),
            Column("project_id", "Project", _NUMBER, weight=6),
            Column("changed", "Changed", weight=24),
            Column("outcome", "Outcome", weight=9),
            Column("error", "Error", weight=20),
        ),
        group=("actor", "kind", "action"),
        split="outcome",
        values=("done", "failed", "unknown"),
        bad=frozenset({"failed", "unknown"}),
        when="at",
        shown=("at", "actor", "action", "kind", "subject_id", "changed", "outcome"),
    ),
    Data.COSTS: Spec(
        title="Costs",
        columns=(
            *_JOB,
            Column("status", "Status", weight=9),
            Column("due_at", "Due", _INSTANT, weight=14),
            Column("gb_seconds", "GB-seconds", _DECIMAL, weight=10),
            Column("table_requests", "Table requests", _NUMBER, weight=9),
            Column("blob_requests", "Blob requests", _NUMBER, weight=9),
            Column("compute", "Compute", _DECIMAL, weight=10),
            Column("storage", "Storage", _DECIMAL, weight=10),
            Column("cost", "Cost", _DECIMAL, weight=10),
            Column("currency", "Currency", weight=8),
        ),
        group=("task_type", "currency"),
        split="status",
        values=_ENDS,
        bad=frozenset({"failed"}),
        when="due_at",
        sums=("gb_seconds", "table_requests", "blob_requests", "cost"),
        shown=("due_at", "schedule_name", "task_type", "gb_seconds", "cost", "currency"),
    ),
    Data.FINDINGS: Spec(
        title="Findings",
        columns=(
            Column("fingerprint", "Fingerprint", weight=16),
            Column("repository_id", "Repository", weight=14),
            Column("branch", "Branch", weight=9),
            Column("tool", "Tool", weight=9),
            Column("rule", "Rule", weight=10),
            Column("severity", "Severity", weight=9),
            Column("level", "Level", weight=7),
            Column("state", "State", weight=9),
            Column("path", "File", weight=26),
            Column("line", "Line", _NUMBER, weight=6),
            Column("column", "Column", _NUMBER, weight=6),
            Column("end_line", "End line", _NUMBER, weight=6),
            Column("end_column", "End column", _NUMBER, weight=6),
            Column("message", "Message", weight=30),
            Column("project_id", "Project", _NUMBER, weight=6),
            Column("commit", "Commit", weight=12),
            Column("analysis_id", "Analysis", weight=14),
            Column("at", "Analysed", _INSTANT, weight=14),
        ),
        group=("repository_id", "tool", "rule"),
        split="severity",
        values=("critical", "high", "medium", "low", "note"),
        bad=frozenset({"critical", "high"}),
        shown=("severity", "repository_id", "tool", "rule", "path", "line", "message"),
    ),
}

STATUSES: Mapping[Data, frozenset[str]] = {
    data: frozenset(spec.values) for data, spec in SPECS.items()
}
"""What the parameter `status` may name."""


def allowed(format: Format) -> frozenset[Data]:
    """Which data a format can hold: SARIF is for findings alone."""
    return frozenset({Data.FINDINGS}) if format is Format.SARIF else frozenset(Data)
