"""The command line before it reaches a storage: what it imports, what it says, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = sorted(path.stem for path in Path("functions").glob("[a-z]*.py"))


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python WORDS` in a shell that has no settings but these."""
    environ.setdefault("BELFRY_LOCAL_SETTINGS", "/nowhere/local.settings.json")
    return subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {
            "BELFRY_PREFIX": "Not-Good",
            "POSTGRES_BACKUP_SCHEDULE": "nonsense",
            "HEALTH_MONITOR_ENABLED": "yes",
            "DATABASE_BACKUP_TIMEZONE": "Mars/Olympus",
        },
    ],
)
def test_every_function_can_be_imported_whatever_the_settings(environ: dict[str, str]) -> None:
    code = "; ".join(f"import functions.{name}" for name in FUNCTIONS)
    done = run("-c", code, **environ)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_app_itself_is_not_indexed_without_its_settings() -> None:
    done = run("-c", "import function_app", POSTGRES_BACKUP_SCHEDULE="nonsense")
    assert done.returncode == 1
    assert "Misconfigured: AzureWebJobsStorage is not set" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("functions",), ("functions", "postgres_backup"), ("functions.postgres_backup",)],
)
def test_what_is_missing_is_told_in_one_line(words: tuple[str, ...]) -> None:
    done = run("-m", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("AzureWebJobsStorage is not set; give it")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("code", ["import function_app", "from shared import app; app.app()"])
def test_everything_that_is_wrong_is_named_at_once(code: str) -> None:
    done = run("-c", code, POSTGRES_BACKUP_SCHEDULE="nonsense", JOBS_PER_PROJECT="-3")
    for name in ("AzureWebJobsStorage", "POSTGRES_BACKUP_SCHEDULE", "JOBS_PER_PROJECT"):
        assert name in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("text", ["{", '{"Values": []}', "{}", "[]"])
def test_local_settings_that_cannot_be_read_are_told_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(text)
    done = run("-m", "functions", BELFRY_LOCAL_SETTINGS=str(file))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file} is not a local.settings.json")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["nonsense", "AccountName=a;AccountKey=?", "AccountKey=YQ=="])
def test_a_connection_string_that_is_none_is_told_in_one_line(text: str) -> None:
    done = run("-m", "functions", AzureWebJobsStorage=text)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [("functions",), ("functions.postgres_backup",)])
def test_help_runs_nothing(words: tuple[str, ...]) -> None:
    done = run("-m", *words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {words[0]} [-h]")


def test_a_tasks_own_file_runs_no_other() -> None:
    done = run("-m", "functions.postgres_backup", "database_backup")
    assert done.returncode == 2
    assert "'database_backup' is no parameter; write name=value" in done.stderr
