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

from functions.customers.batch import batch
from functions.customers.health_check import health_check
from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.access import keys as pure
from shared.alerts.port import AlertKind
from shared.api.examples import BODIES
from shared.applied.service import Known
from shared.engine.commands.backfills import Wish
from shared.exports.params import ExportParams
from shared.probes import model as probes
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, job_id
from shared.schedules.model import Definition, Policy
from shared.storage.names import Names
from shared.storage.tables.heartbeats import Unsent
from shared.sync.model import Counts, Ended, State, SyncRun
from shared.tasks import JobContext, Params, Result, task
from tests.context import job_of
from tests.integration.access.asking import Asking
from tests.integration.backups.client import Client, opened
from tests.integration.engine.conftest import Engine


@task("own_work", for_projects=True, timeout_seconds=60)
def own_work(job: JobContext, params: Params) -> Result:
    """Works for its project alone."""
    return {}


MARK = "planted7c1"
"""Stands in a text of each object of project 1, and of all that belongs to no project."""
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
            *(names.resources, names.secrets, names.probes),
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
    "ScheduleChange": {"description": "stolen"},
}
"""What differs from the example, by the body's schema."""


@contextmanager
def town(azurite: Azurite, folder: Path) -> Iterator[Town]:
    """The app, with a key made."""
    with opened(azurite, folder, [own_work, batch, health_check]) as backups:
        yield _planted(backups)


def _planted(backups: Client) -> Town:
    engine = backups.engine
    asking = Asking(engine.app)
    named: dict[str, object] = {"task_name": "works", "day": DAY, "tenant_id": 1, "project_id": 1}
    named |= _schedules(engine)
    named |= _backup(backups)
    named |= _alert(engine)
    named |= _calendar(asking)
    named |= _resources(asking)
    named |= _batch(engine)
    named |= _applied(engine)
    named |= _health_check(engine, asking)
    for whose in ("projects/1", f"schedules/{named['schedule_id']}"):
        body = {"amount": 1000, "period": "month"}
        asking.told("PUT", f"/api/v1/budgets/{whose}", json=body)
    named |= _export(engine)
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
    made = _schedule(engine, "works")
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
    _sync(engine, jobs[-1])
    unsent = Unsent(at=began, signal="fail", job_id=jobs[-1].id, error=MARK)
    engine.app.unsent_heartbeats.put(made, unsent)
    return {
        "backfill_id": backfill.order.id,
        "schedule_id": made,
        "tags.schedule_id": made,
        "job_id": jobs[-1].id,
        "tags.team": MARK,
    }


def _sync(engine: Engine, job: Job) -> None:
    """What a job would tell that was a sync."""
    told = SyncRun(
        job_id=job.id,
        schedule_id=job.schedule_id,
        project_id=1,
        kind="container",
        source=MARK,
        destination=MARK,
        state=Ended.FAILED,
        due_at=job.due_at,
        began_at=job.due_at,
        changed_at=job.due_at,
        counts=Counts(failed=1),
        segments=1,
    )
    syncs = engine.app.syncs
    syncs.write(syncs.state(1, job.schedule_id), State(), told)
    syncs.keep_report(told, 0, [{"name": MARK, "did": "failed", "bytes": 0, "reason": MARK}])


def _schedule(engine: Engine, task: str) -> str:
    what = Definition(
        name=f"{MARK} {task}",
        project_id=1,
        description=MARK,
        task_type=task,
        tags={"team": MARK},
        recurrence=Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60),
    )
    return engine.app.manager.create(what, Policy(max_attempts=1)).id


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
    failing = _schedule(engine, "fails")
    engine.later(60)
    engine.tick()
    engine.work()
    alerts.happened(AlertKind.JOB_DEAD, failing, f"{MARK} it failed", key="job-1")
    alerts.open(AlertKind.SCHEDULE_PAUSED, failing, f"{MARK} it is paused")
    alerts.open(AlertKind.CLOCK_SILENT, "timer", f"{MARK} it stands")
    about = [one for one in alerts.all(100) if one.about == failing]
    return {"alert_id": about[0].id}


def _export(engine: Engine) -> dict[str, object]:
    """A file about project 1, and one about all."""
    exports, now = engine.app.exports(), engine.clock.now().replace(microsecond=0)
    given = ExportParams.model_validate({"format": "json", "title": MARK})
    ids = []
    for project in (1, None):
        job = replace(
            job_of(clock=engine.clock),
            job_id=job_id("weekly", now),
            schedule_id="weekly",
            project_id=project,
            due_at=now,
        )
        ids.append(exports.export(given, job)["export_id"])
    return {"export_id": ids[0]}


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


def _health_check(engine: Engine, asking: Asking) -> dict[str, object]:
    """A health check of project 1 that found its target down, and a status page of it."""
    made = _schedule(engine, "health_check")
    now = engine.clock.now()
    measured = probes.Measured(status=probes.Standing.DOWN, milliseconds=5, said=MARK)
    result = probes.Result(job_id=f"{made}-{now:%Y%m%dT%H%M%SZ}", at=now, measured=measured)
    asking.app.health_checks().keep(1, made, result, probes.Thresholds())
    body = {
        "title": f"{MARK} page",
        "project_id": 1,
        "checks": [{"schedule_id": made, "name": MARK}],
    }
    page = asking.told("POST", "/api/v1/status-pages", json=body)
    at = "/api/v1/health-checks/{schedule_id}"
    ids = {f"{at}{more}:schedule_id": made for more in ("", "/history", "/results", "/events")}
    return {**ids, "slug": page["slug"]}


def _resources(asking: Asking) -> dict[str, object]:
    """A webhook, a repository and a target of project 1."""
    bodies: dict[str, dict[str, object]] = {
        "webhook": {"url": f"https://example.com/{MARK}", "headers": {"X-Team": MARK}},
        "repository": {"url": f"https://example.com/{MARK}.git", "token": MARK},
        "target": {"kind": "http", "url": f"https://example.com/{MARK}"},
    }
    paths = {"webhook": "webhooks", "repository": "repositories", "target": "targets"}
    made = {
        kind: asking.told(
            "POST",
            f"/api/v1/{paths[kind]}",
            json={"name": f"{MARK} {kind}", "project_id": 1, **body},
        )
        for kind, body in bodies.items()
    }
    return {f"{kind}_id": one["id"] for kind, one in made.items()}


def _batch(engine: Engine) -> dict[str, object]:
    """A batch of project 1 that ended, and a file of items."""
    items = {"task_type": "own_work", "items": [{"id": f"{MARK} item"}]}
    what = Definition(
        name=f"{MARK} batch",
        project_id=1,
        task_type="batch",
        task_parameters=items,
        enabled=False,
        recurrence=Recurrence(frequency=Frequency.INTERVAL, interval_seconds=60),
    )
    made = engine.app.manager.create(what, Policy()).id
    asked = engine.app.manager.run_now(made, force=True)
    engine.work()
    file = engine.app.batches().files.begin(1, f"{MARK}.csv", "me")
    at = "/api/v1/batches/{job_id}"
    ids = {f"{at}{more}:job_id": asked.job_id for more in ("", "/items", "/links")}
    return {**ids, "file_id": file.id, "number": 1}


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
