"""The description's examples of each body and parameter: calls that work as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORKFLOW: dict[str, Any] = {
    "name": "Onboarding",
    "inputs": {"email": {"required": True}, "seats": {"type": "integer", "default": 5}},
    "steps": [
        {"id": "pause", "wait": {"seconds": 259200}},
        {"id": "later", "needs": ["pause"], "when": "trigger.seats > 3", "wait": {"seconds": 60}},
    ],
}

BODIES: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "NewSchedule": {
        "each night, by the clocks of Berlin": {
            "name": "Nightly",
            "task_type": "database_backup",
            "frequency": "cron",
            "cron_expression": "30 2 * * *",
            "timezone": "Europe/Berlin",
            "project_id": 7,
            "tags": {"team": "backend", "priority": "high"},
        },
        "every ten minutes, one at a time": {
            "name": "Watch the backups",
            "task_type": "backup_monitor",
            "frequency": "interval",
            "interval_seconds": 600,
            "overlap": "skip",
        },
    },
    "ScheduleChange": {
        "another time": {"cron_expression": "45 3 * * *"},
        "another name, and off": {"name": "Updated", "enabled": False},
    },
    "NewCalendar": {
        "the public holidays of Bavaria": {
            "name": "Bavaria",
            "timezone": "Europe/Berlin",
            "holidays": {"country": "DE", "subdivision": "BY"},
        },
        "a week of working hours, and a freeze": {
            "name": "Office",
            "project_id": 7,
            "working_hours": {"monday": ["09:00-12:00", "13:00-17:00"], "tuesday": ["09:00-17:00"]},
            "days": [{"day": "2030-12-24", "reason": "Christmas Eve"}],
            "blackouts": [
                {
                    "begin": "2030-11-29T18:00",
                    "end": "2030-12-02T06:00",
                    "reason": "Black Friday: no changes",
                }
            ],
        },
    },
    "CalendarChange": {
        "another day": {"days": [{"day": "2030-12-31", "reason": "New Year's Eve"}]},
        "without holidays": {"holidays": None},
    },
    "ImportIcs": {
        "one closed day": {
            "ics": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\n"
            "UID:1@example.com\r\nDTSTART;VALUE=DATE:20301224\r\nSUMMARY:Closed\r\nEND:VEVENT\r\n"
            "END:VCALENDAR\r\n"
        },
    },
    "Approve": {
        "as it was read": {},
    },
    "Reject": {
        "with a reason": {"reason": "Not authorized"},
    },
    "NewStatusPage": {
        "an empty one, with a name of its own": {
            "title": "Shop",
            "project_id": 7,
            "slug": "shop-example",
            "description": "How the shop is.",
            "checks": [],
        },
        "whose name nobody guesses": {"title": "Shop", "project_id": 7},
    },
    "StatusPageChange": {
        "another title": {"title": "The shop"},
        "nothing is shown": {"checks": []},
    },
    "NewApplied": {
        "one schedule and its calendar": {
            "schedules": {"nightly-backup": {"id": "database_backup", "revision": 7}},
            "calendars": {"Bavaria": {"id": "c0123456789ab", "version": 2}},
        },
        "nothing is left": {},
    },
    "RedeliverAll": {
        "what was given up in a day": {
            "from": "2030-01-31T00:00:00Z",
            "to": "2030-02-01T00:00:00Z",
        },
    },
    "NewBatchFile": {"of one project": {"name": "customers.csv", "project_id": 7}},
    "BatchFilePart": {"the whole of a small file": {"content": "aWQsbmFtZQoxLEFkYQo="}},
    "CompleteBatchFile": {"of one part": {"parts": 1}},
    "NewFeed": {"of one project": {"name": "Shop", "project_id": 7}},
    "NewBudget": {
        "ten dollars a day, by the clocks of Berlin": {
            "amount": 10,
            "period": "day",
            "timezone": "Europe/Berlin",
        },
        "half a dollar a month": {"amount": 0.5, "currency": "USD", "period": "month"},
    },
    "NewWebhook": {
        "with a key that Belfry makes": {
            "name": "campaign",
            "project_id": 7,
            "url": "https://example.com/hook",
        },
        "in order, with a header": {
            "name": "Orders",
            "project_id": 7,
            "url": "https://example.com/hooks/orders",
            "signing_key": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "ordered": True,
            "headers": {"X-Team": "shop"},
        },
    },
    "WebhookChange": {"another URL": {"url": "https://example.com/hooks/new"}},
    "Rotation": {
        "both keys sign for two days": {"overlap_hours": 48},
        "the old key is known to others": {"overlap_hours": 0},
    },
    "Disabled": {"with the reason": {"reason": "the receiver moves today"}},
    "NewRepository": {
        "public": {
            "name": "main",
            "project_id": 7,
            "url": "https://github.com/example/example.git",
        },
        "private": {
            "name": "shop",
            "project_id": 7,
            "url": "https://github.com/example/shop.git",
            "branch": "main",
            "token": "github_pat_0123456789",
        },
    },
    "RepositoryChange": {"another token": {"token": "github_pat_9876543210"}},
    "NewTarget": {
        "a page": {
            "name": "shop",
            "project_id": 7,
            "kind": "http",
            "url": "https://example.com/health",
        },
        "a certificate": {"name": "tls", "project_id": 7, "kind": "tls", "host": "example.com"},
        "a database": {
            "name": "orders",
            "project_id": 7,
            "kind": "sql",
            "url": "postgresql://reader:password@db.example.com/orders",
        },
    },
    "TargetChange": {"another name": {"name": "shop, the new one"}},
    "Execute": {"though it is off, or not due": {"force": True}},
    "NewBackfill": {
        "how many runs it would be": {
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-02-01T00:00:00Z",
            "dry_run": True,
        },
    },
    "CancelBackfill": {"with the reason": {"reason": "the source is wrong"}},
    "Cancel": {"with the reason": {"reason": "the database moves today"}},
    "NewPlan": {
        "every night": {
            "name": "Shop",
            "source": "database",
            "frequency": "daily",
            "schedule_time": "03:00",
            "timezone": "Europe/Berlin",
            "retention_days": 30,
        },
        "every database of a server, with generations": {
            "name": "Server",
            "source": "postgres",
            "databases": "all",
            "frequency": "hourly",
            "retention": {"hourly": 24, "daily": 7, "weekly": 5, "monthly": 12},
        },
    },
    "PlanChange": {"another time of day": {"schedule_time": "04:30", "retention_days": 60}},
    "DryRun": {
        "the plan's own rules": {"schedule_id": "database_backup"},
        "other rules": {"schedule_id": "database_backup", "retention": {"count": 3}},
    },
    "Resume": {
        "for today": {"by": "ana@example.com"},
    },
    "NewLink": {"for a day": {"minutes": 1440}},
    "NewExportLink": {"for a week": {"minutes": 10080}},
    "NewKey": {
        "an operator of two projects": {
            "name": "Deployment of the shop",
            "role": "operator",
            "projects": [7, 8],
            "expires_at": "2030-12-31T00:00:00Z",
        },
        "an admin of all": {"name": "Ana", "role": "admin"},
    },
    "KeyChange": {"another name": {"name": "Ana's laptop"}},
    "NewRun": {"of a customer": {"input": {"email": "someone@example.com", "seats": 12}}},
    "CancelRun": {"with its reason": {"reason": "the customer left"}},
    "NewEvent": {
        "a login": {"id": "login-4711", "data": {"user": "someone@example.com"}},
        "nothing but that it came": {},
    },
    "NewWorkflow": {
        "each hour": {
            "id": "onboarding",
            "project_id": 7,
            "schedule_config": {"enabled": True, "interval_minutes": 60},
            "definition": _WORKFLOW,
        },
    },
    "CheckedWorkflow": {"one of a project": {"project_id": 7, "definition": _WORKFLOW}},
    "WorkflowPart": {"a wait, then an approval": _WORKFLOW},
    "WorkflowChange": {
        "it runs each day": {"schedule_config": {"enabled": True, "interval_minutes": 1440}},
        "off": {"is_active": False},
    },
    "Acknowledge": {"by name": {"by": "Ana"}},
    "Verify": {"each copy": {}},
    "Restore": {
        "into a new database": {},
        "into one of that name": {"target": "shop_restored"},
        "over one that is not empty": {"target": "shop", "replace": "shop"},
    },
}
"""By the body's schema: what each example shows, and the example."""

_NOTIFICATION = "1896080400000-9b2f4c7e1d5a48f3b6c0e8d7a1f2c3b4"

PARAMETERS: Mapping[str, object] = {
    "Accept-Language": "de, en;q=0.5",
    "language": "de",
    "count": 10,
    "Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    "If-Match": "*",
    "If-None-Match": '"7-1f0c3a9d2b4e"',
    "schedule_id": "database_backup",
    "tags.schedule_id": "database_backup",
    "job_id": "database_backup-20300131T000000Z",
    "backfill_id": "b3f9k2",
    "backup_id": "1f0c3a9d",
    "alert_id": _NOTIFICATION,
    "approval_id": "a0123456789abcdef01234567",
    "message_id": _NOTIFICATION,
    "notification_id": _NOTIFICATION,
    "from": "2030-01-31T00:00:00Z",
    "to": "2030-02-01T00:00:00Z",
    "key_id": "k3v9x1b7q2m8",
    "calendar_id": "c0123456789ab",
    "feed_id": "f0123456789ab",
    "webhook_id": "15",
    "repository_id": "42",
    "target_id": "shop",
    "slug": "shop-example",
    "delivery_id": "0b6dee7de657-8227633598000-2ecba335e30cecc1",
    "file_id": "u0123456789abcdef",
    "number": 1,
    "analysis_id": "7-0123456789abcdef",
    "workflow_id": "onboarding",
    "run_id": "w5k3v9x1b7q2m8d4",
    "step_id": "first_login",
    "name": "first_login",
    "version": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "export_id": "7.weekly-20300131T030000Z.1",
    "severity": "high",
    "tool": "bandit",
    "owner": "backend",
    "project_id": 7,
    "tenant_id": 1,
    "day": "2030-01-30",
    "week": "2030-W05",
    "source": "database",
    "database": "company.db",
    "task_type": "database_backup",
    "task_name": "health_monitor",
    "bucket": "day",
    "by": "task",
    "part": 0,
}
"""By the parameter's name."""

PROBLEMS: Mapping[int, Mapping[str, Any]] = {
    401: {
        "type": "about:blank",
        "title": "Not authenticated",
        "status": 401,
        "detail": "this key does not count: it has expired",
    },
    403: {
        "type": "about:blank",
        "title": "Not allowed",
        "status": 403,
        "detail": "this needs the role operator, and Ana is viewer",
    },
    404: {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "there is no schedule 'nightly'",
    },
    422: {
        "type": "about:blank",
        "title": "A value is wrong",
        "status": 422,
        "detail": "max_runs: give 1 or more",
        "errors": [
            {"field": "max_runs", "message": "give 1 or more"},
        ],
    },
}
"""By the status."""
