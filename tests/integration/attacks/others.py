"""Something of another project, named wherever a name is taken: in a query, in a body, in a path.

What is in a path alone is asked of every route in `test_alike.py`.
"""

from __future__ import annotations

from typing import Any

from tests.integration.attacks.attack import Attack
from tests.integration.attacks.world import SCHEDULE

SCHEDULES, JOBS, AUDIT = "/api/v1/schedules", "/api/v1/jobs", "/api/v1/audit"
KEYS, CALENDARS, BACKUPS = "/api/v1/keys", "/api/v1/calendars", "/api/v1/backups"
WEBHOOKS, REPOSITORIES, TARGETS = "/api/v1/webhooks", "/api/v1/repositories", "/api/v1/targets"
OWN = f"{SCHEDULES}/<own schedule>"
NONE = '"total":0'


def _new(**changes: Any) -> dict[str, Any]:
    return {**SCHEDULE, **changes}


def _query(name: str, asks: str, says: str = NONE, status: int = 200) -> Attack:
    return Attack(name, f"GET {asks}", status, says)


FILTERS = [
    _query("schedules of a project", f"{SCHEDULES}?project_id=1"),
    _query("schedules with a tag", f"{SCHEDULES}?tags.team=<mark>"),
    _query("schedules that files manage", f"{SCHEDULES}?tags.managed_by=<mark>"),
    _query("schedules with a text in the name", f"{SCHEDULES}?q=<mark>"),
    _query("schedules of a task", f"{SCHEDULES}?task_type=fails"),
    _query("schedules that failed", f"{SCHEDULES}?state=failing"),
    _query("schedules that observe a calendar", f"{SCHEDULES}?calendar=<their calendar>"),
    _query("schedules of single runs", f"{SCHEDULES}?once=true&project_id=1"),
    _query("schedules of no project", f"{SCHEDULES}?q=timer"),
    _query("jobs of a schedule", f"{JOBS}?schedule_id=<their schedule_id>"),
    _query("jobs with a schedule's tag", f"{JOBS}?tags.schedule_id=<their schedule_id>"),
    _query("jobs of a project", f"{JOBS}?project_id=1"),
    _query("jobs of a task", f"{JOBS}?task_type=fails"),
    _query("audit of a schedule", f"{AUDIT}?schedule_id=<their schedule_id>"),
    _query("audit of a project", f"{AUDIT}?project_id=1"),
    _query("audit by somebody", f"{AUDIT}?actor=local&project_id=1"),
    _query("audit of keys", f"{AUDIT}?kind=key&project_id=1"),
    _query("audit of webhooks", f"{AUDIT}?kind=webhook&project_id=1"),
    _query("webhooks of a project", f"{WEBHOOKS}?project_id=1"),
    _query("repositories of a project", f"{REPOSITORIES}?project_id=1"),
    _query("targets of a project", f"{TARGETS}?project_id=1"),
    _query(
        "a webhook of a project", f"{WEBHOOKS}/<their webhook_id>?project_id=1", "no webhook", 404
    ),
    _query(
        "a target of no project", f"{TARGETS}/<their target_id>?project_id=none", "no target", 404
    ),
    _query(
        "a project that is a query", f"{TARGETS}/<their target_id>?project_id=1' or ''", "", 422
    ),
    _query("unwell schedules", f"{SCHEDULES}/health/list?project_id=1"),
    _query("backups of a plan", f"{BACKUPS}?schedule_id=<their plan>"),
    _query("conflicts", f"{SCHEDULES}/conflicts?project_id=1", "there is no project 1", 404),
    _query(
        "conflicts of a project that is not there",
        f"{SCHEDULES}/conflicts?project_id=77",
        "there is no project 77",
        404,
    ),
    _query(
        "how many schedules",
        f"{SCHEDULES}/statistics/summary?project_id=1",
        '"total_schedules":0,"enabled_schedules":0,"disabled_schedules":0,"total_runs":0',
    ),
    _query(
        "how many runs of a task",
        f"{SCHEDULES}/statistics/summary?task_type=fails",
        '"total_schedules":0,"enabled_schedules":0,"disabled_schedules":0,"total_runs":0',
    ),
    _query(
        "runs by days", f"{SCHEDULES}/statistics/daily?project_id=1&from=2026-03-01", '"runs":0,'
    ),
    _query("the metrics", "/metrics", "<own work>"),
    _query("a project of another sort", f"{SCHEDULES}?project_id=1' or 'a", "whole number", 422),
    _query("a query in an id", f"{JOBS}?schedule_id=a' or 'a' ne 'b", "schedule_id", 422),
    _query("a query in an actor", f"{AUDIT}?actor=a' or actor ne 'b"),
    _query("a query in a kind", f"{AUDIT}?kind=key' or kind ne ''", "kind", 422),
    _query("a query in a tag", f"{SCHEDULES}?tags.team=' or 1 eq 1 or '"),
    _query("a query in a calendar", f"{SCHEDULES}?calendar=' or 1 eq 1 or '"),
    _query("a project of 4,000 digits", f"{SCHEDULES}?project_id={'9' * 4000}"),
    _query("a project beyond all numbers", f"{SCHEDULES}?project_id={'9' * 5000}", "", 422),
    _query("jobs of a project of 40 digits", f"{JOBS}?project_id={'9' * 40}"),
    _query("audit of a project of 40 digits", f"{AUDIT}?project_id={'9' * 40}"),
]
"""Filters show what there is in the caller's projects, and otherwise what a filter shows that fits
nothing."""

BODIES = [
    Attack(
        "a schedule in a project", f"POST {SCHEDULES}", 403, "does not have project 1",
        _new(project_id=1),
    ),
    Attack(
        "a schedule in a project that is not there", f"POST {SCHEDULES}", 403,
        "does not have project 77", _new(project_id=77),
    ),
    Attack(
        "a preview in a project", f"POST {SCHEDULES}/preview", 403, "does not have project 1",
        _new(project_id=1),
    ),
    Attack(
        "a schedule with a calendar", f"POST {SCHEDULES}", 422, "there are: closed, feast",
        _new(calendars=["<their calendar>", "feas"]),
    ),
    Attack(
        "a preview with a calendar", f"POST {SCHEDULES}/preview", 422, "there is no calendar",
        _new(calendars=["<their calendar>"]),
    ),
    Attack(
        "a schedule that gets a calendar", f"PATCH {OWN}", 422, "there is no calendar",
        {"calendars": ["<their calendar>"]},
    ),
    Attack(
        "a calendar by its id", f"PATCH {OWN}", 422, "there is no calendar",
        {"calendars": ["<their calendar_id>"]},
    ),
    Attack(
        "a task of the company", f"POST {SCHEDULES}", 403, "works for all projects",
        _new(task_type="backup", task_parameters={"source": "database"}),
    ),
    Attack(
        "a preview of a task of the company", f"POST {SCHEDULES}/preview", 403,
        "works for all projects", _new(task_type="works"),
    ),
    Attack(
        "parameters of a task of the company", f"PATCH {SCHEDULES}/<own work>", 403,
        "works for all projects", {"task_parameters": {"source": "database"}},
    ),
    Attack("another task", f"PATCH {OWN}", 422, "task_type", {"task_type": "backup"}),
    Attack("another project", f"PATCH {OWN}", 422, "project_id", {"project_id": 1}),
    Attack("no project", f"PATCH {OWN}", 422, "project_id", {"project_id": None}),
    Attack("another id", f"PATCH {OWN}", 422, "id", {"id": "<their schedule_id>"}),
    Attack("an id of one's own choice", f"POST {SCHEDULES}", 422, "id", _new(id="<their job_id>")),
    Attack(
        "a plan of backups", f"POST {BACKUPS}/plans", 403, "all projects",
        {"name": "x", "source": "database", "frequency": "daily"},
    ),
    Attack(
        "a calendar in a project", f"POST {CALENDARS}", 403, "does not have project 1",
        {"name": "x", "project_id": 1},
    ),
    Attack(
        "a feed of a project", f"POST {CALENDARS}/feeds", 403, "does not have project 1",
        {"name": "x", "project_id": 1},
    ),
    Attack(
        "a key for a project", f"POST {KEYS}", 403, "only those that it has: 2",
        {"name": "x", "role": "viewer", "projects": [1]},
    ),
    Attack(
        "a key for one more project", f"POST {KEYS}", 403, "only those that it has: 2",
        {"name": "x", "role": "viewer", "projects": [1, 2]},
    ),
    Attack(
        "a key that gets another project", f"PATCH {KEYS}/<own key>", 403, "only those",
        {"projects": [1]},
    ),
    Attack(
        "a key that gets all projects", f"PATCH {KEYS}/<own key>", 403, "only those",
        {"projects": None},
    ),
    Attack("a key of all projects", f"PATCH {KEYS}/<admin key>", 404, "no key", {"name": "x"}),
    Attack(
        "a key that outlives its maker", f"POST {KEYS}", 403, "itself expires at",
        {"name": "x", "role": "viewer", "expires_at": "2030-01-01T00:00:00Z"}, by="short",
    ),
    Attack(
        "a webhook in a project", f"POST {WEBHOOKS}", 403, "does not have project 1",
        {"name": "x", "url": "https://example.com/x", "project_id": 1},
    ),
    Attack(
        "their webhook replaced", f"PUT {WEBHOOKS}/<their webhook_id>", 403,
        "does not have project 1",
        {"name": "x", "url": "https://example.com/x", "project_id": 1},
    ),
    Attack(
        "a pair of their targets", f"PUT {TARGETS}/pair", 422, "project 2 has no target",
        {"name": "x", "kind": "pair", "source_id": "<their target_id>", "destination_id": "x"},
    ),
    Attack(
        "a webhook inside the house", f"POST {WEBHOOKS}", 422, "url",
        {"name": "x", "url": "https://169.254.169.254/metadata/identity/oauth2/token"},
    ),
    Attack(
        "a repository inside the house", f"POST {REPOSITORIES}", 422, "url",
        {"name": "x", "url": "https://127.0.0.1/x.git"},
    ),
    Attack(
        "a container inside the house", f"POST {TARGETS}", 422, "url",
        {"name": "x", "kind": "container", "url": "https://[::ffff:10.0.0.1]/c?sig=x"},
    ),
    Attack(
        "a target with two hosts", f"POST {TARGETS}", 422, "host",
        {"name": "x", "kind": "tls", "host": "a b"},
    ),
    Attack(
        "a heartbeat inside the house", f"PATCH {OWN}", 422, "no public address",
        {"heartbeat_url": "https://169.254.169.254/metadata/identity/oauth2/token"},
    ),
]  # fmt: skip

PATHS = [
    Attack(
        "a backfill under one's own schedule",
        f"GET {SCHEDULES}/<own work>/backfills/<their backfill_id>", 404, "has no backfill",
    ),
    Attack(
        "a backfill cancelled under one's own schedule",
        f"POST {SCHEDULES}/<own work>/backfills/<their backfill_id>/cancel", 404, "has no backfill",
    ),
    Attack("a plan as a schedule", f"GET {SCHEDULES}/<their plan>", 404, "there is no schedule"),
    Attack(
        "one's own schedule as a plan", f"GET {BACKUPS}/plans/<own schedule>", 404,
        "is no backup plan",
    ),
    Attack("a job as a schedule", f"GET {SCHEDULES}/<their job_id>", 404, "there is no schedule"),
    Attack("a system schedule", f"GET {SCHEDULES}/timer", 404, "there is no schedule"),
    Attack("two ids", f"GET {SCHEDULES}/<own schedule>%2F<their schedule_id>", 404),
    Attack("an id after a step back", f"GET {OWN}/../<their schedule_id>", 404),
    Attack("an id and a null", f"GET {SCHEDULES}/<their schedule_id>%00", 404),
    Attack("an id and a line break", f"GET {SCHEDULES}/<their schedule_id>%0A", 404),
    Attack("a query as an id", f"GET {SCHEDULES}/x'%20or%20RowKey%20ge%20'", 404),
    Attack("a row of another kind", f"GET {SCHEDULES}/job:<their job_id>", 404),
    Attack("half an id", f"GET {SCHEDULES}/%ED%A0%80", 404),
    Attack("an id of 10,000 letters", f"GET {SCHEDULES}/{'a' * 10_000}", 404),
    Attack("a job of 10,000 letters", f"GET {JOBS}/{'a' * 10_000}", 404),
    Attack("a job id that holds a query", f"GET {JOBS}/x'%20or%20'a'%20eq%20'a", 404),
    Attack("a key id that holds a query", f"GET {KEYS}/x'%20or%20'a'%20eq%20'a", 422),
    Attack(
        "a job of the future", f"GET {JOBS}/<their schedule_id>-29990101T000000Z", 404,
        "there is no job",
    ),
    Attack(
        "a job of one's own for their time", f"GET {JOBS}/<own schedule>-29990101T000000Z", 404,
        "there is no job",
    ),
]  # fmt: skip

OTHERS = [*FILTERS, *BODIES, *PATHS]
