"""The command line on a real Azurite, with its settings in a file as `make start` writes it."""

from __future__ import annotations

import itertools
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from azure.data.tables import TableClient

import functions
from functions._process import registry
from local.azurite import Azurite
from local.postgres import Postgres
from shared import settings
from shared.app import App, build
from shared.clock import SystemClock
from shared.schedules.job import Job, Status
from tests.forked import Commands
from tests.jobs import jobs_of

_prefixes = itertools.count()

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def prefix() -> str:
    return f"cli{next(_prefixes)}"


@pytest.fixture
def run(commands: Commands, azurite: Azurite, tmp_path: Path, prefix: str) -> Run:
    """`python -m functions WORDS` in a shell that has nothing but the variables named."""
    file = tmp_path / "local.settings.json"
    values = {"AzureWebJobsStorage": azurite.connection_string, "BELFRY_PREFIX": prefix}
    file.write_text(json.dumps({"Values": values}))

    def call(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return commands.run(*words, **environ, BELFRY_LOCAL_SETTINGS=str(file))

    return call


def test_a_task_runs_on_an_empty_account(run: Run) -> None:
    done = run("schedule_cleanup")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "succeeded" and said["job_id"].startswith("schedule_cleanup-")


def test_a_job_that_fails_is_told_by_the_exit_code(run: Run) -> None:
    done = run("postgres_backup")
    assert done.returncode == 1
    assert "POSTGRES_URL is not set" in json.loads(done.stdout)["error"]


def test_one_that_is_tried_again_says_when_and_by_whom(run: Run) -> None:
    values = {"POSTGRES_URL": "postgresql://u:p@127.0.0.1:9/d"}
    done = run("postgres_backup", **values)
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["status"] == "queued" and "could not be reached" in said["error"]
    assert "the app tries again at 20" in said["next"]


def test_a_tick_by_hand_says_what_it_did(run: Run) -> None:
    done = run("schedule_dispatcher")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).keys() == {"dispatched", "recorded", "lost", "failed"}


def test_storage_that_is_away_is_told_by_its_address(run: Run) -> None:
    away = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    away += "TableEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a;"
    done = run(AzureWebJobsStorage=away + "BlobEndpoint=http://127.0.0.1:9/a")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert "127.0.0.1:9)" in last and last.endswith("`make start` runs the storage of this machine")


def test_a_task_that_is_none_is_told_in_one_line(run: Run) -> None:
    done = run("postgres_backups")
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last == "there is no task 'postgres_backups'; did you mean 'postgres_backup'?"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backup_restore",), "backup_id: it is missing; give text"),
        (
            ("backup_restore", "backup_id=x", "colour=red"),
            "colour: no such parameter; there are: backup_id, target, ",
        ),
        (("backup", "source=state", "encrypt=perhaps"), "encrypt: give true or false"),
        (
            ("backup", "source=state", 'retention={"often": 1}'),
            "retention.often: no such parameter; there are: days, count, ",
        ),
    ],
)
def test_a_wrong_parameter_is_named_in_one_line(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(said), done.stderr


def test_all_tasks_are_listed_with_their_next_runs(run: Run) -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert lines["postgres_backup"].endswith("T03:00:00Z")
    assert list(lines) == sorted(task.name for task in functions.tasks())


def test_the_first_digits_of_a_backups_id_are_enough_for_a_command(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "company.db"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE pets (name)")
    taken = json.loads(run("database_backup", DATABASE_PATH=str(file)).stdout)
    (backup,) = taken["result"]["backups"]
    short = f"backup_id={backup['id'][:8]}"
    done = run("backup_verify", short, DATABASE_PATH=str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["result"]["backup_id"] == backup["id"]


@pytest.fixture
def held(
    run: Run, azurite: Azurite, prefix: str, tmp_path: Path, postgres: Postgres
) -> Iterator[tuple[App, Job, subprocess.Popen[str]]]:
    """A command whose backup is under way, and waits for a lock."""
    name = f"held_{uuid4().hex[:8]}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    environ = {
        "BELFRY_LOCAL_SETTINGS": str(tmp_path / "local.settings.json"),
        "POSTGRES_URL": postgres.url(name),
    }
    settings_ = {"AzureWebJobsStorage": azurite.connection_string, "BELFRY_PREFIX": prefix}
    app = build(settings.from_env(settings_), SystemClock(), registry())
    app.prepare()
    with closing(psycopg.connect(postgres.url(name))) as other:
        other.execute("CREATE TABLE pets (name text)")
        other.commit()
        other.execute("LOCK TABLE pets IN ACCESS EXCLUSIVE MODE")
        command = [sys.executable, "-m", "functions", "postgres_backup"]
        with subprocess.Popen(command, env=environ, text=True, stderr=subprocess.PIPE) as process:
            yield app, _running(app, process), process
            process.kill()


def _running(app: App, process: subprocess.Popen[str]) -> Job:
    """The command's job, as soon as it runs."""
    while process.poll() is None:
        for job in jobs_of(app, "postgres_backup"):
            if job.status is Status.RUNNING:
                return job
        time.sleep(0.05)
    raise AssertionError(process.communicate()[1])


def test_ctrl_c_gives_the_job_back_and_says_what_happens_next(
    held: tuple[App, Job, subprocess.Popen[str]],
) -> None:
    app, job, process = held
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert said.splitlines()[-1] == (
        f"Stopped; job {job.id}: it was given back; the app runs it from its beginning, "
        "as soon as it runs"
    )
    now = app.manager.job(job.id)
    assert (now.status, now.attempt) == (Status.QUEUED, 0)


def test_a_job_that_waits_for_another_says_for_which(
    run: Run, held: tuple[App, Job, subprocess.Popen[str]]
) -> None:
    _, job, _ = held
    done = run("postgres_backup")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["status"] == "queued"
    assert said["next"] == f"it waits until job {job.id} has ended; the app runs it then"


@pytest.fixture
def stored(azurite: Azurite, prefix: str) -> Callable[[], list[dict[str, object]]]:
    """All that the app keeps in its table, but for jobs."""

    def read() -> list[dict[str, object]]:
        with TableClient.from_connection_string(
            azurite.connection_string, f"{prefix}schedules"
        ) as table:
            rows = [dict(row) for row in table.list_entities()]
        return sorted(rows, key=lambda row: (str(row["PartitionKey"]), str(row["RowKey"])))

    return read


def test_a_persons_shell_changes_nothing_of_what_is_stored(
    run: Run, azurite: Azurite, prefix: str, stored: Callable[[], list[dict[str, object]]]
) -> None:
    environ = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": prefix,
        "POSTGRES_BACKUP_SCHEDULE": "30 4 * * *",
        "DATABASE_BACKUP_ENABLED": "false",
    }
    deployed = build(settings.from_env(environ), SystemClock(), registry())
    deployed.prepare()
    deployed.manager.enable("schedule_cleanup", False)
    before = stored()
    done = run(POSTGRES_BACKUP_SCHEDULE="0 5 * * *", HEALTH_MONITOR_ENABLED="false")
    assert done.returncode == 0, done.stderr
    assert stored() == before
    shown = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert "T04:30:00" in shown["postgres_backup"]
    assert shown["database_backup"] == shown["schedule_cleanup"] == "off"
    assert shown["health_monitor"] != "off"


def test_whoever_runs_a_command_is_in_the_audit_and_the_audit_is_verified(
    run: Run, azurite: Azurite, prefix: str
) -> None:
    assert run("audit", "verify").returncode == 0  # there is nothing yet
    assert run("schedule_cleanup").returncode == 0
    assert run("audit_upkeep").returncode == 0
    done = run("audit", "verify")
    found = json.loads(done.stdout)
    assert (done.returncode, found["good"], found["anchors"]) == (0, True, 1)
    assert (found["anchors_held"], found["findings"]) == (False, [])
    with TableClient.from_connection_string(azurite.connection_string, f"{prefix}audit") as table:
        rows = [row for row in table.list_entities() if row["RowKey"].startswith("record:")]
        asked = [row for row in rows if row["action"] == "execute"]
        assert {row["actor"].partition(":")[0] for row in asked} == {"user"}
        table.delete_entity("chain", "record:0000000002")
    done = run("audit", "verify")
    (wrong,) = json.loads(done.stdout)["findings"]
    assert (done.returncode, wrong["wrong"], wrong["record"]) == (1, "removed", 2)
    assert run("audit", "burn").returncode == 2


def test_the_index_of_schedules_is_checked_and_made_anew(run: Run) -> None:
    assert run("schedule_cleanup").returncode == 0
    done = run("schedules", "check")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["schedules"] > 5 and said["repaired"] == 0
    done = run("schedules", "reindex")
    assert done.returncode == 0 and json.loads(done.stdout)["schedules"] == said["schedules"]
    done = run("jobs", "reindex")
    assert done.returncode == 0 and json.loads(done.stdout)["rebuilt"] is True, done.stderr
    done = run("jobs", "check")
    assert done.returncode == 0 and json.loads(done.stdout)["repaired"] == 0, done.stderr
    done = run("jobs", "mend")
    assert done.returncode == 2 and "jobs check" in done.stderr
    done = run("schedules", "mend")
    assert done.returncode == 2 and "schedules check" in done.stderr


def test_the_scheduler_of_workflows_runs_once_or_goes_on_until_ctrl_c(
    commands: Commands, azurite: Azurite, prefix: str
) -> None:
    """O1, as its commands are written."""
    told = json.loads((Path(__file__).parent / "contract" / "calls.json").read_text())["commands"]
    known = {one["id"]: one["run"] for one in told}
    program = "python -m functions.workflow_scheduler"
    assert (known["O1.once"], known["O1.loop"]) == (f"{program} --once", f"{program} --loop")
    environ = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": prefix,
        "BELFRY_LOCAL_SETTINGS": "",
    }
    done = commands.run("workflow_scheduler", "--once", **environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"] == {"started": 0, "still_running": 0, "failed": 0}
    both = commands.run("workflow_scheduler", "--once", "--loop", **environ)
    assert both.returncode == 2 and "not allowed with" in both.stderr
    words = [sys.executable, "-m", "functions.workflow_scheduler", "--loop"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=environ, text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        first = json.loads("".join(itertools.takewhile(_goes_on, process.stdout)) + "}")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert first["status"] == "succeeded"
    assert (process.returncode, said.splitlines()[-1]) == (130, "Stopped."), said


def _goes_on(line: str) -> bool:
    return line != "}\n"
