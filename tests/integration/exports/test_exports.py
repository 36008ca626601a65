"""`export`, from a schedule to a downloaded file: of one project alone, once an occurrence."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from functions.customers.export import export
from local.azurite import Azurite
from shared.access import LOCAL, Caller, Role
from shared.audit.port import Action, Subject
from shared.clock import Clock, ManualClock, SystemClock
from shared.errors import Cancelled, NotFound, Refused, Unavailable
from shared.exports import service
from shared.exports.kinds import Data, Format
from shared.exports.model import ExportFile
from shared.exports.params import ExportParams
from shared.exports.readers.findings import FindingRows
from shared.exports.safe import instant
from shared.exports.service import Exports
from shared.exports.shelf import Asked
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, Status, job_id
from shared.schedules.model import Definition, Policy
from shared.schedules.spent import Spent
from shared.storage.blobs import room
from shared.storage.blobs.upload import Staged
from shared.storage.tables.changes import row_of
from shared.tasks import JobContext
from tests.context import RecordedNotifications, job_of
from tests.forked import Commands
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.integration.schedules.conftest import Counter

HOUR = timedelta(hours=1)
MINE, THEIRS = 7, 8
DUE = START + timedelta(days=3)


@pytest.fixture(scope="module")
def town(azurite: Azurite) -> Engine:
    """Two projects, each with schedules and three days of jobs; nobody changes it."""
    engine = make(azurite, tasks=[export])
    tap(engine)
    for project, word in ((MINE, "mine"), (THEIRS, "secret")):
        for name in ("a", "b"):
            add(engine, f"{word}_{name}", project)
            jobs(engine, f"{word}_{name}", project, 36)
    engine.clock.advance(timedelta(days=3))
    return engine


def add(engine: Engine, id: str, project: int | None, **other: Any) -> None:
    what = {
        "name": f"={id}",
        "task_type": "works",
        "project_id": project,
        "enabled": False,
        "tags": {"side": id[-1]},
        "recurrence": Recurrence(
            frequency=Frequency.INTERVAL, interval_seconds=7200, start_time=START
        ),
    }
    engine.app.manager.create(Definition(**what | other), Policy(), schedule_id=id)


def jobs(engine: Engine, schedule_id: str, project: int, count: int) -> None:
    """Jobs that ended, one each two hours; each tenth failed."""
    made = []
    for n in range(count):
        at = START + n * 2 * HOUR
        made.append(
            Job(
                id=job_id(schedule_id, at),
                schedule_id=schedule_id,
                schedule_name=f"={schedule_id}",
                project_id=project,
                task_type="works",
                status=Status.FAILED if n % 10 == 9 else Status.SUCCEEDED,
                due_at=at,
                attempt=1,
                started_at=at,
                first_started_at=at,
                finished_at=at + timedelta(seconds=2),
                worker="w",
                error="broken" if n % 10 == 9 else None,
                spent=Spent(gb_seconds=1.5, table_requests=4),
                schedule_tags={"side": schedule_id[-1]},
            )
        )
    shard = engine.app.table.shard(schedule_id)
    engine.app.table._table.transact(shard, [row_of(one) for one in made])


def context(engine: Engine, schedule_id: str = "report", project: int | None = MINE) -> JobContext:
    return job_of(
        job_id=job_id(schedule_id, DUE),
        schedule_id=schedule_id,
        project_id=project,
        due_at=DUE,
        clock=engine.clock,
    )


def params(**given: object) -> ExportParams:
    return ExportParams.model_validate({"report_type": "full", **given})


def content(engine: Engine, file: ExportFile | str) -> bytes:
    exports = engine.app.exports()
    found = exports.files.get(LOCAL, file) if isinstance(file, str) else file
    return bytes(exports.files.blob(found.blob, lambda: None).download_blob().readall())


def run(engine: Engine, job: JobContext, **given: object) -> tuple[Mapping[str, Any], bytes]:
    """(the task's result, the file)."""
    result = engine.app.exports().export(params(**given), job)
    return result, content(engine, str(result["export_id"]))


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_runs_are_those_of_the_project_in_the_span(town: Engine) -> None:
    result, data = run(town, context(town, "of_mine"), days=1)
    found = rows(data)
    assert result["row_count"] == len(found) == 24 and result["figures"]["count"] == 24
    assert {one["project_id"] for one in found} == {"7"} and b"secret" not in data
    assert {one["schedule_name"] for one in found} == {"'=mine_a", "'=mine_b"}
    due = [one["due_at"] for one in found]
    assert min(due) == "2026-03-03T12:00:00Z" and max(due) == "2026-03-04T10:00:00Z"
    assert result["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"days": 30}, 72),
        ({"days": 30, "status": ["failed"]}, 6),
        ({"days": 30, "tags": {"side": "a"}}, 36),
        ({"days": 30, "schedule_ids": ["mine_b"]}, 36),
        ({"days": 30, "schedule_ids": ["secret_a"]}, 0),
        ({"since": START.isoformat(), "until": (START + 3 * HOUR).isoformat()}, 4),
        ({"data": "costs", "days": 30}, 72),
        ({"data": "schedules"}, 2),
        ({"data": "schedules", "tags": {"side": "b"}}, 1),
        ({"data": "schedules", "status": ["healthy"]}, 0),
        ({"data": "occurrences", "days": 30}, 0),  # they are off: nothing was expected
    ],
)
def test_filters_hold_and_nothing_of_others_is_there(
    town: Engine, given: dict[str, Any], count: int
) -> None:
    name = f"f{hashlib.sha256(json.dumps(given).encode()).hexdigest()[:8]}"
    result, data = run(town, context(town, name), **given)
    assert result["row_count"] == count == len(rows(data)) and b"secret" not in data


def test_a_schedule_of_no_project_sees_all(town: Engine) -> None:
    result, data = run(town, context(town, "company", None), days=30)
    assert (
        result["row_count"] == 144
        and b"secret_a" in data
        and str(result["export_id"])[:4] == "all."
    )


def test_costs_come_to_what_was_used(town: Engine) -> None:
    result, data = run(town, context(town, "costs"), data="costs", days=30, format="json")
    prices = town.app.settings.prices
    each = (1.5 * float(prices.gb_second) + 4 * float(prices.table_requests) / 10_000) / 1e6
    assert json.loads(data)["rows"][0]["cost"] == pytest.approx(each)
    assert result["figures"]["cost_total"] == pytest.approx(72 * each, abs=1e-6)


def test_the_audit_of_the_project_is_what_its_operators_see(town: Engine) -> None:
    app = town.app
    for project, name in ((MINE, "mine_key"), (THEIRS, "secret_key")):
        with app.audit.changing(LOCAL, Action.CREATE, Subject("key", name, project)):
            pass
    job = replace(context(town, "audit"), due_at=DUE + HOUR)
    _, data = run(town, job, data="audit", days=30)
    found = rows(data)
    assert {one["subject_id"] for one in found} == {"mine_a", "mine_b"}  # a key is for admins
    assert {one["project_id"] for one in found} == {"7"} and b"secret" not in data


def test_occurrences_say_what_became_of_each(azurite: Azurite) -> None:
    engine = make(azurite, tasks=[export])
    tap(engine)
    add(engine, "hourly", MINE, enabled=True)
    for _ in range(3):
        engine.later(7200)
        engine.tick()
        engine.work()
    job = replace(context(engine, "occ"), due_at=engine.clock.now())
    _, data = run(engine, job, data="occurrences")
    assert [one["state"] for one in rows(data)] == ["succeeded"] * 3
    assert rows(data)[0]["schedule_name"] == "'=hourly"


class Found:
    """A finding, of that project."""

    tool, rule, level, severity, message = "bandit", "B105", "error", "high", "m"
    path, line, column, end_line, end_column = "a.py", 3, 0, 0, 0
    state, repository_id, branch, analysis_id, commit = "new", "shop", "main", "a1", "c"
    at = START

    def __init__(self, fingerprint: str, project_id: int | None) -> None:
        self.fingerprint, self.project_id = fingerprint, project_id


def test_findings_are_taken_from_whoever_analyses(town: Engine) -> None:
    asked: list[object] = []

    def findings(
        project: int | None, since: datetime | None, until: datetime | None
    ) -> Iterator[Any]:
        asked.append((project, since, until))
        return iter([Found("f1", MINE), Found("f2", THEIRS)])

    made = with_readers(town, {Data.FINDINGS: lambda: FindingRows(findings)})
    result = made.export(params(format="sarif"), context(town, "sarif"))
    said = json.loads(content(town, str(result["export_id"])))
    assert [one["partialFingerprints"] for one in said["runs"][0]["results"]] == [
        {"belfry/v1": "f1"}
    ]
    assert asked == [(MINE, DUE - timedelta(days=7), DUE)]


def with_readers(
    engine: Engine, readers: Any, notifications: Any = None, clock: Clock | None = None
) -> Exports:
    app = engine.app
    own = app.exports()
    return Exports(
        own.files,
        app.table,
        readers or own._readers,
        notifications or app.notifications,
        clock or app.clock,
    )


def test_the_same_occurrence_is_one_file_whose_bytes_are_the_same(town: Engine) -> None:
    job = context(town, "again")
    for format in Format:
        if format is Format.SARIF:
            continue
        one = replace(job, job_id=job_id(f"again_{format}", DUE), schedule_id=f"again_{format}")
        first, data = run(town, one, format=format, days=30)
        second, again = run(town, replace(one, attempt=2), format=format, days=30)
        assert first == second and data == again
        assert len(town.app.exports().files.of_job(MINE, one.job_id)) == 1


def test_an_attempt_that_comes_to_other_bytes_writes_another_file(town: Engine) -> None:
    job = context(town, "changed")
    first, data = run(town, job, days=30)
    second, other = run(town, job, days=1)
    assert (first["export_id"], second["export_id"]) == (
        f"7.{job.job_id}.1",
        f"7.{job.job_id}.2",
    )
    assert content(town, str(first["export_id"])) == data != other
    third, _ = run(town, job, days=30)
    assert third["export_id"] == first["export_id"]


def test_a_job_that_ends_after_the_due_time_changes_nothing(town: Engine) -> None:
    job = replace(context(town, "early"), due_at=START + timedelta(seconds=1))
    result, _ = run(town, job, days=30)
    assert result["row_count"] == 0  # those due at START were still running


class Stopping(threading.Event):
    """Is set once it was asked so often."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_stopped_at_any_check_it_leaves_nothing_or_the_whole(town: Engine) -> None:
    job = context(town, "stopped")
    exports = town.app.exports()
    stopped = 0
    for after in range(200):
        try:
            result = exports.export(params(days=30), replace(job, stop=Stopping(after)))
        except (Cancelled, Unavailable):
            stopped += 1
            found = exports.files.of_job(MINE, job.job_id)
            assert len(found) <= 1
            continue
        assert len(rows(content(town, str(result["export_id"])))) == 72
        break
    assert stopped > 5 and len(exports.files.of_job(MINE, job.job_id)) == 1


def test_two_attempts_at_once_keep_one_file(town: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that was thought dead, and goes on; it is a moment older."""
    job, commit, beside = context(town, "zombie"), Staged.commit, list[Mapping[str, Any]]()

    def late(self: Staged, metadata: Mapping[str, str]) -> None:
        monkeypatch.setattr(Staged, "commit", commit)
        later = ManualClock(town.clock.now() + timedelta(seconds=90))
        beside.append(run(town, replace(job, attempt=2, clock=later), days=30)[0])
        self.commit(metadata)

    monkeypatch.setattr(Staged, "commit", late)
    assert run(town, job, days=30)[0] == beside[0]
    assert len(town.app.exports().files.of_job(MINE, job.job_id)) == 1


@pytest.mark.parametrize("when", ["reading", "before the commit", "after the commit"])
def test_killed_at_any_time_the_next_attempt_comes_to_the_same_file(
    commands: Commands, town: Engine, when: str
) -> None:
    job = context(town, f"killed_{when.replace(' ', '_')}")
    settings = town.app.settings
    given = {
        "connection": settings.storage.connection_string.reveal(),
        "prefix": settings.prefix,
        "schedule_id": job.schedule_id,
        "when": when,
    }
    died = commands.start([json.dumps(given)], {}, "tests.integration.exports.dying").wait()
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    files = town.app.exports().files
    left = files.of_job(MINE, job.job_id)
    assert len(left) == (when == "after the commit")
    result, data = run(town, replace(job, attempt=2), days=30)
    assert [one.id for one in files.of_job(MINE, job.job_id)] == [result["export_id"]]
    assert len(rows(data)) == 72 and (not left or left[0].sha256 == result["sha256"])
    assert listed(town, LOCAL, schedule_id=job.schedule_id) == [result["export_id"]]


def test_whoever_is_named_is_told_once_with_a_link_that_works(town: Engine) -> None:
    told = RecordedNotifications()
    made = with_readers(town, None, lambda: told, SystemClock())  # links are of today
    job = context(town, "mailed")
    given = params(days=30, email_to=["team@example.com"], format="html", title="Ünsere Läufe")
    made.export(given, job)
    made.export(given, replace(job, attempt=2))
    (kind, key, to, data), (_, again, _, _) = told.to_customers
    assert (kind, key, list(to)) == ("export_ready", f"export:{job.job_id}", ["team@example.com"])
    assert again == key and data["row_count"] == 72 and data["title"] == "Ünsere Läufe"
    answer = httpx.get(str(data["link"]))
    assert answer.status_code == 200 and "Ünsere Läufe" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    name = f"runs-{job.job_id}.html"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_the_mail_is_one_that_the_notifications_take(town: Engine) -> None:
    job = context(town, "posted")
    given = params(days=30, email_to=["team@example.com", "boss@example.com"])
    result = town.app.exports().export(given, job)
    assert result["mailed"] == 2
    (one,) = [
        found
        for found in town.app.notifications().page(None, None, 1, 100)[0]
        if found.recipient == "boss@example.com"
    ]
    assert one.key == f"export:{job.job_id}" and "Succeeded: 66" in one.text


def test_what_is_too_old_goes_and_others_stay(
    town: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = town.app.exports()
    old = replace(context(town, "old"), due_at=DUE - timedelta(days=10))
    old = replace(old, job_id=job_id("old", old.due_at))
    theirs = replace(old, project_id=THEIRS)
    then = ManualClock(old.due_at)
    some = [replace(one, clock=then) for one in (old, theirs)]
    ids = [str(run(town, one, keep_days=5)[0]["export_id"]) for one in some]
    again = replace(old, job_id=old.job_id + "-bx3f9k2")  # of a backfill: it is made now
    kept, _ = run(town, again, keep_days=5)
    assert kept["expires_at"] == instant(town.clock.now() + timedelta(days=5))
    result, _ = run(town, context(town, "cleans"), days=1)
    assert (kept["removed"], result["removed"]) == (1, 0)
    with monkeypatch.context() as few:
        there = len([*exports.files.of_project(MINE, lambda: None)])
        few.setattr(service, "MOST_FILES", there)
        run(town, context(town, "cleans"), days=1)  # what it wrote itself does not count
        with pytest.raises(Refused, match="files; delete some"):
            run(town, context(town, "more"), days=1)
    with pytest.raises(NotFound):
        exports.files.get(LOCAL, ids[0])
    for id in (ids[1], str(kept["export_id"])):
        exports.files.get(LOCAL, id)


def listed(town: Engine, caller: Caller, project_id: int | None = None, **asked: Any) -> list[str]:
    """The ids of what a list shows."""
    files = town.app.exports().files
    found, total = files.page(caller, project_id, Asked(**asked), 1, 100)
    assert len(found) == total
    return [one.id for one in found]


def test_a_project_keeps_so_many_bytes_and_each_attempt_comes_to_the_same(
    town: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports, job = town.app.exports(), context(town, "full")
    first, data = run(town, job, days=30)
    kept = sum(one.bytes for one in exports.files.of_project(MINE, lambda: None))
    monkeypatch.setattr(room, "MOST_BYTES", kept)
    assert run(town, replace(job, attempt=2), days=30)[0] == first, "its own file is no obstacle"
    for one, days in ((job, 1), (context(town, "more"), 30)):  # other bytes; another occurrence
        with pytest.raises(Refused, match=r"GB of them at most; delete some \(DELETE"):
            run(town, one, days=days)
        assert len(exports.files.of_job(MINE, one.job_id)) == (one is job)
    run(town, replace(job, project_id=THEIRS), days=1)
    monkeypatch.setattr(room, "MOST_BYTES", kept + len(data))
    run(town, context(town, "more"), days=30)


def test_callers_see_the_files_of_their_projects_alone(town: Engine) -> None:
    files = town.app.exports().files
    mine = str(run(town, context(town, "seen"))[0]["export_id"])
    theirs = str(run(town, context(town, "hidden", THEIRS))[0]["export_id"])
    company = str(run(town, context(town, "whole", None))[0]["export_id"])
    caller = Caller(name="k", role=Role.VIEWER, projects=frozenset({MINE}))
    seen = listed(town, caller)
    assert mine in seen and not set(seen) & {theirs, company}
    assert {one.partition(".")[0] for one in seen} == {str(MINE)}
    assert listed(town, caller, THEIRS) == []
    assert {mine, theirs, company} <= {*listed(town, LOCAL)}
    for id in (theirs, company):
        with pytest.raises(NotFound):
            files.get(caller, id)
    assert files.get(caller, mine).schedule_id == "seen"


def test_a_blob_that_is_no_export_is_passed_over(town: Engine) -> None:
    files = town.app.exports().files
    run(town, context(town, "beside"))
    files.blob(f"{MINE}/strange.txt", lambda: None).upload_blob(b"x")
    assert "strange" not in str(listed(town, LOCAL))
    assert [one for one in files.all_expired(DUE + timedelta(days=999), lambda: None)]


def test_a_schedule_of_it_runs_and_the_api_shows_and_links_the_file(azurite: Azurite) -> None:
    engine = make(azurite, tasks=[export])
    tap(engine)
    counter = Counter(engine)
    body = {
        "name": "Weekly Report",
        "project_id": 1,
        "task_type": "export",
        "frequency": "cron",
        "cron_expression": "0 9 * * 1",
        "timezone": "America/Los_Angeles",
        "task_parameters": {"format": "pdf", "report_type": "summary"},
    }
    counter.told("POST", "/schedules", body)
    wrong = body | {"task_parameters": {"format": "sarif", "data": "runs"}}
    refused = counter.ask("POST", "/schedules", wrong)
    assert refused.status_code == 422 and "data" in refused.text
    engine.clock.advance(timedelta(days=1, hours=5))  # Monday, 9:00 in Los Angeles
    engine.tick()
    (done,) = [one for one in engine.work() if one.task_type == "export"]
    assert done.status is Status.SUCCEEDED, done.error
    (shown,) = counter.told("GET", "/exports")["exports"]
    assert shown["job_id"] == done.id and shown["format"] == "pdf" and shown["row_count"] == 0
    assert shown["due_at"] == "2026-03-02T17:00:00Z" and shown["data"] == "runs"
    assert counter.told("GET", f"/exports/{shown['id']}") == shown
    assert counter.told("GET", "/exports?format=csv")["total"] == 0
    path = f"/exports/{shown['id']}/link"
    link = counter.told("POST", path, {"minutes": 120})
    assert link["expires_at"] == "2026-03-02T19:00:01Z" and "sp=r&" in link["url"]
    pdf = content(engine, shown["id"])
    assert pdf.startswith(b"%PDF") and hashlib.sha256(pdf).hexdigest() == link["sha256"]
    assert counter.told("POST", path)["expires_at"] == "2026-03-02T18:00:01Z"
    assert counter.ask("POST", path, {"minutes": 7 * 24 * 60 + 1}).status_code == 422
    assert counter.ask("DELETE", f"/exports/{shown['id']}").status_code == 204
    trail = counter.told("GET", "/audit?kind=export")
    assert [one["action"] for one in trail["entries"]] == ["delete", "link", "link"], trail
    assert counter.ask("GET", f"/exports/{shown['id']}").status_code == 404
    assert counter.ask("GET", "/exports/nonsense").status_code == 422
