"""An app with something of project 1 in each place that a route looks at, and what all of it is
called in a path, a query or a body."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from functions.customers.approval import approval
from functions.customers.batch import batch
from functions.customers.health_check import health_check
from functions.workflows.workflow_event import workflow_event
from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.access import keys as pure
from shared.alerts.port import AlertKind
from shared.api.examples import BODIES
from shared.applied.service import Known
from shared.approvals.model import ApprovalStatus
from shared.engine.commands.backfills import Wish
from shared.storage.names import Names
from shared.storage.tables.heartbeats import Unsent
from shared.tasks import JobContext, Params, Result, task
from tests.integration.access import customers
from tests.integration.access.asking import Asking
from tests.integration.access.planting import MARK, scheduled
from tests.integration.backups.client import Client, opened
from tests.integration.engine.conftest import Engine


@task("own_work", for_projects=True, timeout_seconds=60)
def own_work(job: JobContext, params: Params) -> Result:
    """Works for its project alone."""
    return {}


DAY = "2026-02-28"


@dataclass(frozen=True, slots=True)
class Town:
    """The app, and what project 1 has there."""

    engine: Engine
    asking: Asking
    admin: str
    """A key of all projects."""
    named: Mapping[str, object]
    """By the name of a parameter or of a field: an object of project 1, or what is common to all.
    With a path before it (`/api/v1/backups/plans/{schedule_id}`), it counts for that path alone."""

    def value(self, path: str, name: str) -> object:
        """What project 1 has for that parameter of a path. Fails if this file has nothing."""
        for prefix in (path, ""):
            if (key := f"{prefix}:{name}" if prefix else name) in self.named:
                return self.named[key]
        raise AssertionError(
            f"{path} takes {name!r}, and `named` in tests/integration/access/town.py has none: "
            f"make an object of project 1 there, with MARK in a text of it, and add its {name}"
        )

    def filled(self, path: str) -> str:
        """The path, about project 1's objects."""
        out = path
        while "{" in out:
            name = out.partition("{")[2].partition("}")[0]
            out = out.replace(f"{{{name}}}", str(self.value(path, name)))
        return out

    def body(self, path: str, schema: str) -> Any:
        """An example of that body (`shared/api/examples.py`), with project 1's objects in it."""
        example = json.loads(json.dumps(next(iter(BODIES[schema].values()))))
        fields = {"project_id": 1, "projects": [1]} if isinstance(example, dict) else {}
        for name in example:
            key = f"{path}:{name}"
            if key in self.named or name in self.named:
                example[name] = self.named.get(key, self.named.get(name))
            elif name in fields:
                example[name] = fields[name]
            elif name.endswith("_id"):
                self.value(path, name)
        return example | BODY.get(schema, {})

    def stored(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Every row that belongs to somebody, without what any request may write: when a key was
        used, what callers spent, what is moved into the audit's chain."""
        names, found = Names(self.engine.app.settings.prefix), {}
        for table in (
            *(names.table, names.keys, names.alerts, names.notifications),
            *(names.resources, names.secrets, names.probes, names.webhooks, names.syncs),
            names.workflows,
        ):
            for row in self.engine.app.connection.table(table).query(""):
                other = row["PartitionKey"] == "meta" or row["RowKey"].startswith(
                    ("made", "audit:")
                )
                if not other:
                    kept = {k: v for k, v in row.items() if k not in ("etag", "last_used_at")}
                    found[table, row["PartitionKey"], row["RowKey"]] = kept
        return found


BODY: Mapping[str, Mapping[str, object]] = {
    "NewSchedule": {"task_type": "works", "project_id": 1},
    "NewPlan": {"project_id": 1},
    "NewKey": {"projects": [1]},
    "NewCalendar": {"project_id": 1},
    "NewFeed": {"project_id": 1},
    "NewStatusPage": {"project_id": 1},
    "NewWebhook": {"project_id": 1},
    "NewRepository": {"project_id": 1},
    "NewTarget": {"project_id": 1},
    "NewApplied": {"calendars": {}},
    "NewWorkflow": {"project_id": 1},
    "CheckedWorkflow": {"project_id": 1},
    "ScheduleChange": {"description": "stolen"},
}
"""What differs from the example, by the body's schema."""


_TASKS = [own_work, batch, health_check, approval, workflow_event]


@contextmanager
def town(azurite: Azurite, folder: Path) -> Iterator[Town]:
    """The app, with a key made."""
    with opened(azurite, folder, _TASKS) as backups:
        yield _planted(backups)


def _planted(backups: Client) -> Town:
    engine = backups.engine
    asking = Asking(engine.app)
    named: dict[str, object] = {"task_name": "works", "day": DAY, "tenant_id": 1, "project_id": 1}
    named["week"] = "2026-W48"
    named |= _schedules(engine)
    named |= _backup(backups)
    named |= _alert(engine)
    named |= _calendar(asking)
    named |= customers.planted(engine, asking)
    named |= _applied(engine)
    named |= _workflow(asking)
    named |= _approval(engine)
    for whose in ("projects/1", f"schedules/{named['schedule_id']}"):
        body = {"amount": 1000, "period": "month"}
        asking.told("PUT", f"/api/v1/budgets/{whose}", json=body)
    _of_nobody(engine)
    admin = asking.key()
    theirs = asking.app.keys.create(LOCAL, f"{MARK} key", Role.ADMIN, frozenset([1]))
    named["key_id"] = theirs.key.id
    named["notification_id"] = named["message_id"] = f"{'9' * 13}-{'a' * 32}"
    assert pure.is_id(theirs.key.id)
    return Town(engine, asking, admin, named)


def _schedules(engine: Engine) -> dict[str, object]:
    """A schedule of project 1 that runs each minute, a job of it that ended, a backfill, and a
    heartbeat that could not be sent."""
    made = scheduled(engine, "works")
    engine.later(120)
    engine.tick()
    engine.work()
    engine.later(60)
    engine.tick()
    jobs = list(engine.app.table.jobs(made))
    assert jobs
    began = engine.app.manager.get(made).created_at
    wish = Wish(first=began - timedelta(minutes=2), end=began)
    backfill = engine.app.backfills.start(made, wish)
    engine.app.backfills.cancel(made, backfill.order.id, MARK)
    customers.sync(engine, jobs[-1])
    unsent = Unsent(at=began, signal="fail", job_id=jobs[-1].id, error=MARK)
    engine.app.unsent_heartbeats.put(made, unsent)
    return {
        "backfill_id": backfill.order.id,
        "schedule_id": made,
        "tags.schedule_id": made,
        "job_id": jobs[-1].id,
        "tags.team": MARK,
    }


def _backup(backups: Client) -> dict[str, object]:
    """A plan of project 1, and a backup of it."""
    plan = backups.plan(name=f"{MARK} plan", project_id=1)
    taken = backups.taken(plan)
    at = "/api/v1/backups/plans/{schedule_id}"
    ids = {f"{at}{more}:schedule_id": plan["schedule_id"] for more in ("", *_OF_PLANS)}
    return {
        **ids,
        "/api/v1/backups/retention:schedule_id": plan["schedule_id"],
        "backup_id": taken["id"],
        "source": "database",
        "database": taken["database"],
        "destination": "primary",
    }


_OF_PLANS = ("/run", "/enable", "/disable")


def _alert(engine: Engine) -> dict[str, object]:
    """Jobs of project 1 that failed, told together; and a paused schedule of it."""
    alerts = engine.app.alerts()
    failing = scheduled(engine, "fails")
    engine.later(60)
    engine.tick()
    engine.work()
    alerts.happened(AlertKind.JOB_DEAD, failing, f"{MARK} it failed", key="job-1")
    alerts.open(AlertKind.SCHEDULE_PAUSED, failing, f"{MARK} it is paused")
    alerts.open(AlertKind.CLOCK_SILENT, "timer", f"{MARK} it stands")
    about = [one for one in alerts.all(100) if one.about == failing]
    return {"alert_id": about[0].id}


def _calendar(asking: Asking) -> dict[str, object]:
    """A calendar of project 1, and a feed of its runs."""
    body = {
        "name": f"{MARK} calendar",
        "project_id": 1,
        "days": [{"day": "2026-03-02", "reason": MARK}],
    }
    made = asking.told("POST", "/api/v1/calendars", json=body)
    feed = asking.told(
        "POST", "/api/v1/calendars/feeds", json={"name": f"{MARK} feed", "project_id": 1}
    )
    return {"calendar_id": made["id"], "feed_id": feed["id"]}


def _workflow(asking: Asking) -> dict[str, object]:
    """A workflow of project 1, and a run of it that waits for an event."""
    steps = [{"id": MARK, "wait": {"event": MARK}}]
    body = {"id": "kept_flow", "project_id": 1, "definition": {"name": MARK, "steps": steps}}
    made = asking.told("POST", "/api/v1/workflows", json=body)
    run = asking.told("POST", "/api/v1/workflows/kept_flow/runs", json={})
    return {
        "workflow_id": made["id"],
        "version": made["version"],
        "run_id": run["id"],
        "/api/v1/runs/{run_id}/steps/{step_id}/jobs:step_id": MARK,
        "/api/v1/runs/{run_id}/events/{name}:name": MARK,
    }


def _approval(engine: Engine) -> dict[str, object]:
    """What waits for a person of project 1."""
    made = engine.add("approval", project_id=1, task_parameters={"title": f"{MARK} may I?"})
    engine.app.manager.run_now(made.id, force=True)
    engine.work()
    found, _ = engine.app.approvals().page(None, ApprovalStatus.PENDING, 0, 1)
    return {"approval_id": found[0].id}


def _applied(engine: Engine) -> dict[str, object]:
    """What was applied of project 1 by somebody who sees all, and drifted."""
    owner = "walkers"  # a caller that asks for it may be told its name
    tags = {"managed_by": owner, "managed_key": MARK}
    one = engine.add(tags=tags, project_id=1)
    engine.app.applied.put(LOCAL, owner, {MARK: Known(one.id, 1)}, {})
    engine.app.manager.change(
        one.id, lambda it: replace(it, definition=replace(it.definition, description=MARK))
    )
    path = "/api/v1/applied/{owner}"
    return {"owner": owner, f"{path}:schedules": {MARK: {"id": one.id, "revision": 2}}}


def _of_nobody(engine: Engine) -> None:
    """What belongs to no project: a schedule, and what administrators were told."""
    engine.add(description=MARK)
    engine.app.notifications().alert(key="k", subject=f"{MARK} subject", text=MARK)
    engine.later(1)
