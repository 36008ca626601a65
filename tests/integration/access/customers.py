"""What project 1 of the town has of what customers may schedule, with MARK in a text of each."""

from __future__ import annotations

import json
from dataclasses import replace

from shared.analysis.compare import Compared
from shared.analysis.model import (
    Analysis,
    AnalysisKind,
    FindingState,
    Found,
    Ran,
    Severity,
    Tool,
)
from shared.analysis.model import Counts as Tally
from shared.analysis.rows import Last, analysis_id
from shared.analysis.store import Store as Analyses
from shared.exports.params import ExportParams
from shared.probes import model as probes
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, job_id
from shared.schedules.model import Definition, Policy
from shared.storage.names import Names
from shared.sync.model import Counts, State, SyncRun, SyncStatus
from shared.webhooks.body import Wanted
from shared.webhooks.model import DeliveryStatus
from shared.webhooks.service import new_delivery
from shared.webhooks.store import Store as Deliveries
from tests.context import job_of
from tests.integration.access.asking import Asking
from tests.integration.access.planting import MARK, scheduled
from tests.integration.engine.conftest import Engine


def planted(engine: Engine, asking: Asking) -> dict[str, object]:
    """All of it but the sync, by the names of parameters (`Town.named`)."""
    named = _resources(asking)
    named |= _delivery(engine, str(named["webhook_id"]))
    named |= _analysis(engine) | _batch(engine) | _export(engine)
    return named | _health_check(engine, asking)


def sync(engine: Engine, job: Job) -> None:
    """What a job would tell that was a sync."""
    told = SyncRun(
        job_id=job.id,
        schedule_id=job.schedule_id,
        series=job.schedule_id,
        project_id=1,
        kind="container",
        source=MARK,
        destination=MARK,
        status=SyncStatus.FAILED,
        due_at=job.due_at,
        began_at=job.due_at,
        changed_at=job.due_at,
        counts=Counts(failed=1),
        segments=1,
    )
    syncs = engine.app.syncs
    syncs.write(syncs.state(1, job.schedule_id), State(), told)
    syncs.keep_report(told, 0, [{"name": MARK, "did": "failed", "bytes": 0, "reason": MARK}])


def _delivery(engine: Engine, webhook_id: str) -> dict[str, object]:
    """A delivery to project 1's webhook that was given up."""
    table = Deliveries(engine.app.connection, Names(engine.app.settings.prefix).webhooks)
    now = engine.clock.now()
    wanted = Wanted(
        webhook_id=webhook_id,
        project_id=1,
        type="walk.began",
        data={"said": MARK},
        schedule_id="works",
        job_id=job_id("works", now.replace(microsecond=0)),
        due_at=now,
    )
    stored, _ = table.put(new_delivery(wanted, now=now))
    ended = replace(stored, status=DeliveryStatus.FAILED, next_at=None, ended_at=now, error=MARK)
    assert table.write(stored, ended) is not None
    return {"delivery_id": stored.id}


def _analysis(engine: Engine) -> dict[str, object]:
    """An analysis of a repository of project 1, with one finding."""
    prefix = Names(engine.app.settings.prefix)
    connection = engine.app.connection
    table = Analyses(connection.table(prefix.table), connection.blobs(prefix.analysis))
    found = Found(
        tool=Tool.RUFF, rule="S102", severity=Severity.HIGH, message=MARK, path="a.py", line=1
    )
    name = job_id("works", engine.clock.now().replace(microsecond=0))
    one = Analysis(
        id=analysis_id(1, name),
        project_id=1,
        repository_id=MARK,
        branch="main",
        commit="a" * 40,
        kind=AnalysisKind.SECURITY,
        schedule_id="works",
        job_id=name,
        attempt=1,
        at=engine.clock.now(),
        seconds=1.0,
        files=1,
        bytes=1,
        fetched=1,
        counts=Tally.of([(FindingState.NEW, Severity.HIGH)]),
        tools=(Ran(tool=Tool.RUFF, version="1", ok=True),),
        dependencies="not checked",
    )
    sarif = json.dumps({"runs": [], "said": MARK}).encode()
    compared = Compared(found=found, state=FindingState.NEW)
    table.write_files(one, [compared], sarif)
    table.add(one, Last({}))
    return {"analysis_id": one.id}


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


def _health_check(engine: Engine, asking: Asking) -> dict[str, object]:
    """A health check of project 1 that found its target down, and a status page of it."""
    made = scheduled(engine, "health_check")
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
    ids = {f"{at}{more}:job_id": asked.job_id for more in ("", "/items", "/link")}
    return {**ids, "file_id": file.id, "number": 1}
