"""The command line on a real Azurite, with its settings in a file as `make start` writes it."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.data.tables import TableClient

import functions
from local.azurite import Azurite
from shared import settings
from shared.app import build
from shared.clock import SystemClock

_prefixes = itertools.count()

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def prefix() -> str:
    return f"cli{next(_prefixes)}"


@pytest.fixture
def run(azurite: Azurite, tmp_path: Path, prefix: str) -> Run:
    """`python -m WORDS` in a shell that has nothing but the variables named."""
    file = tmp_path / "local.settings.json"
    values = {"AzureWebJobsStorage": azurite.connection_string, "BELFRY_PREFIX": prefix}
    file.write_text(json.dumps({"Values": values}))

    def call(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *words]
        environ["BELFRY_LOCAL_SETTINGS"] = str(file)
        return subprocess.run(command, env=environ, capture_output=True, text=True)

    return call


@pytest.mark.parametrize(
    "words", [("functions", "schedule_cleanup"), ("functions.schedule_cleanup",)]
)
def test_a_task_runs_on_an_empty_account(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "succeeded" and said["job_id"].startswith("schedule_cleanup-")


def test_a_job_that_fails_is_told_by_the_exit_code(run: Run) -> None:
    done = run("functions.postgres_backup")
    assert done.returncode == 1
    assert "POSTGRES_URL is not set" in json.loads(done.stdout)["error"]


def test_one_that_is_tried_again_says_when_and_by_whom(run: Run) -> None:
    values = {"POSTGRES_URL": "postgresql://u:p@127.0.0.1:9/d"}
    done = run("functions.postgres_backup", **values)
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["status"] == "queued" and "could not be reached" in said["error"]
    assert "the app tries again at 20" in said["next"]


def test_a_tick_by_hand_says_what_it_did(run: Run) -> None:
    done = run("functions.schedule_dispatcher")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).keys() == {"dispatched", "recorded", "lost", "failed"}


def test_storage_that_is_away_is_told_by_its_address(run: Run) -> None:
    away = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    away += "TableEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a;"
    done = run("functions", AzureWebJobsStorage=away + "BlobEndpoint=http://127.0.0.1:9/a")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert "127.0.0.1:9)" in last and last.endswith("`make start` runs the storage of this machine")


def test_a_task_that_is_none_is_told_in_one_line(run: Run) -> None:
    done = run("functions", "postgres_backups")
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last == "there is no task 'postgres_backups'; did you mean 'postgres_backup'?"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("functions.backup_restore",), "backup_id: Field required (backup_restore takes: "),
        (
            ("functions.backup_restore", "backup_id=x", "colour=red"),
            "colour: no such parameter; there are: backup_id, target, ",
        ),
        (("functions.backup", "source=state", "encrypt=perhaps"), "encrypt: give true or false"),
        (
            ("functions.backup", "source=state", 'retention={"often": 1}'),
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
    done = run("functions")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert lines["postgres_backup"].endswith("T03:00:00Z")
    assert list(lines) == sorted(task.name for task in functions.tasks())


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
    deployed = build(settings.from_env(environ), SystemClock())
    deployed.prepare()
    deployed.manager.enable("schedule_cleanup", False)
    before = stored()
    done = run("functions", POSTGRES_BACKUP_SCHEDULE="0 5 * * *", HEALTH_MONITOR_ENABLED="false")
    assert done.returncode == 0, done.stderr
    assert stored() == before
    shown = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert "T04:30:00" in shown["postgres_backup"]
    assert shown["database_backup"] == shown["schedule_cleanup"] == "off"
    assert shown["health_monitor"] != "off"
