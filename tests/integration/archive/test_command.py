"""`python -m functions archive` and `python -m functions job_archive`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.clock import SystemClock
from shared.storage.names import Names
from tests.forked import Commands
from tests.integration.archive.past import DAY, Past, run

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def command(commands: Commands, azurite: Azurite, past: Past, tmp_path: Path) -> Run:
    """`python -m functions WORDS` on the tables of `past`."""
    file = tmp_path / "local.settings.json"
    values = {
        "AzureWebJobsStorage": azurite.connection_string,
        "BELFRY_PREFIX": past.app.settings.prefix,
        "SCHEDULE_SHARDS": "2",
    }
    file.write_text(json.dumps({"Values": values}))

    def call(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return commands.run(*words, **environ, BELFRY_LOCAL_SETTINGS=str(file))

    return call


def test_jobs_are_archived_by_the_task_and_verified_by_the_command(
    past: Past, command: Run
) -> None:
    now = SystemClock().now().replace(microsecond=0)
    one = past.schedule()
    due = [now - timedelta(days=days) for days in (200, 150, 100, 50, 1)]
    past.end(*(run(one, at) for at in due))
    past.counted(one, due[-1])

    rehearsed = command("job_archive", "--dry-run")
    assert json.loads(rehearsed.stdout)["result"]["archived"] == 3, rehearsed.stderr
    never = command("job_archive", JOB_RETENTION_DAYS="0")
    assert "JOB_RETENTION_DAYS is 0" in json.loads(never.stdout)["reason"]
    done = command("job_archive")
    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert said["result"]["archived"] == said["result"]["removed"] == 3

    good = command("archive", "verify")
    assert (good.returncode, json.loads(good.stdout)) == (0, {"files": 3, "jobs": 3, "good": 3})
    status = json.loads(command("archive", "status").stdout)
    assert (status["files"], status["jobs"]) == (3, 3)
    assert status["first_day"] == f"{now - 200 * DAY:%Y-%m-%d}"

    history = past.app.connection.container(Names(past.app.settings.prefix).history)
    name = past.parts()[1].place.blob
    history.delete_blob(name)
    bad = command("archive", "verify")
    assert bad.returncode == 1
    first, _, rest = bad.stdout.partition("\n")
    assert (json.loads(first)["blob"], json.loads(first)["state"]) == (name, "missing")
    assert json.loads(rest) == {"files": 3, "jobs": 2, "good": 2, "missing": 1}


@pytest.mark.parametrize("words", [(), ("prove",), ("verify", "all"), ("verify", "--dry-run")])
def test_other_words_are_refused_with_what_would_be_right(
    commands: Commands, words: tuple[str, ...]
) -> None:
    done = commands.run("archive", *words, AzureWebJobsStorage="")
    assert done.returncode == 2
    assert "archive verify" in done.stderr or "--dry-run" in done.stderr
