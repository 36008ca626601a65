"""A dry run changes nothing: no row, message, blob or table, and nothing in the database."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from functions._process import registry
from local.azurite import Azurite
from local.company import build_sqlite
from shared import settings
from shared.app import App, build
from shared.cli import dry_run
from shared.clock import ManualClock, SystemClock
from shared.data import database
from shared.errors import Skipped
from shared.notifications.port import NotificationService
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy
from shared.settings import Secret
from shared.tasks import JobContext, Params, Registry, Result, task
from tests.forked import Commands

_prefixes = itertools.count()
_END = datetime(2040, 1, 1, tzinfo=UTC)
_MARCH = datetime(2026, 3, 1, 1, tzinfo=UTC)

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Stored = Callable[[], dict[str, object]]


@pytest.fixture
def prefix() -> str:
    return f"dry{next(_prefixes)}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that `company` copies: it is made once."""
    file = tmp_path_factory.mktemp("built") / "company.db"
    build_sqlite(file, SystemClock().now().date())
    return file


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Path:
    """The demo company's database, in which each task finds something to do."""
    return Path(shutil.copy(built, tmp_path / "company.db"))


@pytest.fixture
def environ(azurite: Azurite, prefix: str, company: Path) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": prefix,
        "BACKUP_CONTAINER": f"{prefix}-backups",
        "DATABASE_PATH": str(company),
    }


@pytest.fixture
def run(commands: Commands, environ: dict[str, str], tmp_path: Path) -> Run:
    """`python -m functions WORDS`, in a shell with these settings."""
    none = tmp_path / "none.json"
    none.write_text('{"Values": {}}')
    return lambda *words: commands.run(*words, **environ, BELFRY_LOCAL_SETTINGS=str(none))


@pytest.fixture
def stored(azurite: Azurite, prefix: str, company: Path) -> Stored:
    """All that there is of this app: tables with their rows, queues with how many messages they
    have, containers with their blobs, and the database."""
    text = azurite.connection_string

    def read() -> dict[str, object]:
        found: dict[str, object] = {"database": company.read_bytes()}
        with TableServiceClient.from_connection_string(text) as tables:
            # other tests have thousands
            for one in tables.query_tables(f"TableName ge '{prefix}' and TableName lt '{prefix}~'"):
                rows = tables.get_table_client(one.name).list_entities()
                found[f"table {one.name}"] = sorted(str(sorted(row.items())) for row in rows)
        with QueueServiceClient.from_connection_string(text) as queues:
            for queue in queues.list_queues(name_starts_with=prefix):
                about = queues.get_queue_client(queue.name).get_queue_properties()
                # with those that are not visible yet
                found[f"queue {queue.name}"] = about.approximate_message_count
        with BlobServiceClient.from_connection_string(text) as blobs:
            for container in blobs.list_containers(name_starts_with=prefix):
                names = blobs.get_container_client(container.name).list_blob_names()
                found[f"container {container.name}"] = list(names)
        return found

    return read


@pytest.fixture
def app(environ: dict[str, str]) -> App:
    made = build(settings.from_env(environ), SystemClock(), registry())
    made.prepare()
    return made


def ending(app: App, end: datetime = _END) -> str:
    """A schedule that ends then."""
    daily = Recurrence(frequency=Frequency.DAILY, end_time=end)
    definition = Definition(name="ends", task_type="health_monitor", recurrence=daily)
    return app.manager.create(definition, Policy()).id


def test_a_dry_run_says_what_would_be_done_then_and_changes_nothing(
    run: Run, app: App, stored: Stored
) -> None:
    schedule_id = ending(app)
    before = stored()
    done = run("schedule_cleanup", "--dry-run", "--as-of", "2040-06-01")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "task": "schedule_cleanup",
        "dry_run": True,
        "as_of": "2040-06-01T00:00:00Z",
        "status": "succeeded",
        "result": {"disabled": 1, "schedules": [schedule_id]},
    }
    assert stored() == before
    now = run("schedule_cleanup", "--dry-run")
    assert json.loads(now.stdout)["result"] == {"disabled": 0, "schedules": []}
    assert stored() == before and app.manager.get(schedule_id).is_on


_GIVEN = {
    "batch": ("operation=disable", "filter={}"),
    "mail": ('to=["ana@example.com"]', "subject=Hello", "text=Hello"),
}
"""What a task has to be told."""
_OF_RESOURCES = {"sync", "webhook_delivery"}
"""Tasks that need a resource; tests/integration/sync and webhooks try their dry runs."""


@pytest.mark.parametrize(
    "name", [one.name for one in registry() if one.dry_run and one.name not in _OF_RESOURCES]
)
def test_each_task_with_a_dry_run_changes_nothing(
    run: Run, app: App, stored: Stored, name: str
) -> None:
    ending(app)
    before = stored()
    assert {"table", "queue", "database"} <= {one.partition(" ")[0] for one in before}
    done = run(name, "--dry-run", *_GIVEN.get(name, ()))
    assert stored() == before
    said = json.loads(done.stdout)
    assert said["status"] in ("succeeded", "skipped"), (said, done.stderr)


def test_nothing_is_made_on_an_empty_account(run: Run, stored: Stored) -> None:
    before = stored()
    done = run("schedule_cleanup", "--dry-run")
    assert json.loads(done.stdout)["result"] == {"disabled": 0, "schedules": []}, done.stderr
    assert stored() == before


def test_a_task_without_a_dry_run_says_so_and_does_not_run(run: Run, stored: Stored) -> None:
    before = stored()
    names = [one.name for one in registry() if not one.dry_run]
    assert len(names) > 10
    for name in names:
        of_then = run(name, "--as-of", "2026-01-01")
        assert (of_then.returncode, of_then.stdout) == (2, ""), name
        said = f"{name} works on what there is now, so it cannot be run as of another instant\n"
        assert of_then.stderr == said
        done = run(name, "--dry-run")
        assert (done.returncode, done.stdout) == (2, ""), name
        said = f"{name} has no dry run: it cannot say what it would do without doing it\n"
        assert done.stderr == said
    assert stored() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dry-run",), "--dry-run: it belongs to a task; name one"),
        (("schedule_dispatcher", "--dry-run"), "--dry-run: schedule_dispatcher has none"),
        (("database", "status", "--as-of", "2026-01-01"), "--as-of: database has none"),
        (("schedule_cleanup", "--as-of", "soon"), "'soon' is no instant; write 2026-"),
        (("schedule_cleanup", "--as-of", "2090-01-01"), "2090-01-01T00:00:00Z is still to come"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(said)


def test_without_a_dry_run_it_is_a_job_that_was_due_then(
    run: Run, app: App, environ: dict[str, str]
) -> None:
    then = build(settings.from_env(environ), ManualClock(_MARCH), registry())
    schedule_id = ending(then, _MARCH + timedelta(days=9))
    before = run("schedule_cleanup", "--as-of", "2026-03-01T02:00:00+01:00")
    assert before.returncode == 0, before.stderr
    job = app.manager.job(json.loads(before.stdout)["job_id"])
    assert job.due_at == _MARCH and job.manual
    assert job.started_at is not None and job.started_at > SystemClock().now() - timedelta(hours=1)
    assert app.manager.get(schedule_id).definition.enabled  # it had not ended then
    run("schedule_cleanup", "--as-of", "2026-03-31")
    assert not app.manager.get(schedule_id).definition.enabled


class Told(Params):
    """What the task is told to do."""

    how: str = "says"


def tasks(database_url: str) -> Registry:
    """One task, which does as it is told."""

    @task("small", cron="0 6 * * *", timezone="America/New_York", dry_run=True)
    def small(job: JobContext, told: Told, notifications: NotificationService) -> Result:
        """Says what it would do, or does what it must not."""
        job.log("looks", now=job.clock.now())
        match told.how:
            case "alerts":
                notifications.alert(key=job.job_id, subject="s", text="t")
            case "writes":
                with database.writing(Secret(database_url)):
                    pass
            case "interrupts":
                main = threading.main_thread().ident
                assert main is not None
                signal.pthread_kill(main, signal.SIGINT)
                assert job.stop.wait(30)
                job.check()
            case "skips":
                raise Skipped("nothing to do")
            case "breaks":
                raise KeyError("pets")
        return {"dry": job.dry_run, "due": job.due_at, "now": job.clock.now()}

    return Registry([small])


Small = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture
def small(
    environ: dict[str, str],
    company: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Small:
    """A dry run of the task: (the exit code, what was printed; if nothing, what was told)."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(database._state, "may_write", True)
    known = tasks(f"sqlite:///{company}")

    def call(how: str | None = None, at: str | None = None) -> tuple[int, dict[str, object]]:
        given = {} if how is None else {"how": how}
        code = dry_run.main(known, known.get("small"), given, at, insist=False)
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {"stderr": err}

    return call


def test_everything_sees_the_instant(small: Small) -> None:
    code, said = small(at="2026-12-01T06:00")
    then = "2026-12-01 11:00:00+00:00"
    assert code == 0 and said["result"] == {"dry": True, "due": then, "now": then}


def test_parameters_are_those_that_the_schedule_stores(
    environ: dict[str, str], small: Small
) -> None:
    known = tasks("")
    app = build(settings.from_env(environ), SystemClock(), known)
    assert small()[1]["status"] == "succeeded"  # there is no schedule yet
    app.prepare()
    when = Definition(
        name="small",
        task_type="small",
        recurrence=known.get("small").recurrence or Recurrence(frequency=Frequency.DAILY),
        task_parameters={"how": "skips"},
    )
    app.manager.change("small", lambda one: dataclasses.replace(one, definition=when))
    code, said = small()
    assert (code, said["status"], said["reason"]) == (1, "skipped", "nothing to do")


def test_ctrl_c_stops_it(small: Small) -> None:
    code, said = small("interrupts")
    assert (code, said) == (130, {"stderr": "\nStopped; nothing was changed.\n"})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("alerts", "storage: a dry run changes nothing, so it may not POST http"),
        ("writes", "database: a dry run changes nothing, so it may not write"),
        ("breaks", "KeyError: 'pets'"),
    ],
)
def test_a_task_that_would_write_all_the_same_is_refused(
    environ: dict[str, str], small: Small, stored: Stored, how: str, said: str
) -> None:
    build(settings.from_env(environ), SystemClock(), tasks("")).prepare()
    before = stored()
    code, told = small(how)
    assert (code, told["status"]) == (1, "failed")
    assert str(told["error"]).startswith(said)
    assert stored() == before
