"""Links of the description: which operation follows from an answer, and with which of its values
(OpenAPI 3.1, 4.8.20)."""

from __future__ import annotations

from typing import Any

Responses = dict[int | str, dict[str, Any]]


def _links(parameter: str, value: str, *operations: str) -> dict[str, Any]:
    """A link to each of these operations, named like it."""
    taken = {parameter: f"$response.body#/{value}"}
    return {name: {"operationId": name, "parameters": taken} for name in operations}


def _answer(status: int, links: dict[str, Any]) -> Responses:
    return {status: {"links": links}}


def both(one: Responses, other: Responses) -> Responses:
    """What both say of each answer."""
    statuses = {**one, **other}
    return {status: {**one.get(status, {}), **other.get(status, {})} for status in statuses}


SCHEDULE = _answer(
    201,
    _links(
        "schedule_id",
        "id",
        "read_schedule",
        "change_schedule",
        "delete_schedule",
        "enable_schedule",
        "disable_schedule",
        "execute_schedule",
        "retry_schedule",
        "list_occurrences",
        "preview_schedule",
    ),
)
"""From a schedule that was created."""
PLAN = _answer(
    201,
    _links(
        "schedule_id",
        "schedule_id",
        "read_plan",
        "change_plan",
        "delete_plan",
        "enable_plan",
        "disable_plan",
        "run_plan",
    ),
)
"""From a backup plan that was created."""
JOB = _answer(202, _links("job_id", "job_id", "read_job", "cancel_job", "retry_job"))
"""From the answer to a request for a job."""
REPEATED = _answer(202, _links("job_id", "id", "read_job", "cancel_job"))
"""From a job that repeats another."""
BACKFILL = _answer(202, _links("backfill_id", "id", "read_backfill", "cancel_backfill"))
"""From a backfill that was started."""
